import { z } from "zod";
import type { CollectRule } from "../../config/schema.ts";
import type { Log } from "../core/log.ts";
import type { Journal } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";
import type { CampaignControl } from "../telemetry/campaigns/arrival/campaign-control.ts";
import { orLedgerUnreadable } from "./ledger.ts";

const SPACE: JournalSpace = "collection";
const RULES = "rules";

/** Rules as a command gives them, checked by the schema of the configuration. */
export type RuleSchema = z.ZodType<readonly CollectRule[]>;

export type CollectionParts = {
  readonly schema: RuleSchema;
  /** Those of the configuration, which count while no others were set. */
  readonly configured: readonly CollectRule[];
  readonly campaigns: Pick<CampaignControl, "useRules" | "unfitRule">;
  readonly journal: Pick<Journal, "get" | "put">;
  readonly log: Log;
};

/**
 * Which signals are collected how: the rules of the configuration, or those that were set since. A change counts whole, from one frame
 * to the next, after it is in the journal; what is in the journal counts again at the next start.
 */
export class CollectionRules {
  readonly #parts: CollectionParts;
  #changed: readonly CollectRule[] | undefined;

  constructor(parts: CollectionParts) {
    this.#parts = parts;
  }

  /** Takes up what was set before this start. Call once, before frames come. Rules that are not understood any more are left, and said so. */
  restore(): void {
    const { schema, campaigns, journal, log } = this.#parts;
    const stored = orLedgerUnreadable(() => journal.get(SPACE, RULES));
    // Without a journal the rules of the configuration count; that it cannot be used is told by whoever opened it.
    if (typeof stored !== "string") return;
    const parsed = schema.safeParse(JSON.parse(stored));
    if (!parsed.success) return log.error("collection.rules-unfit", { what: z.prettifyError(parsed.error) });
    this.#changed = parsed.data;
    campaigns.useRules(parsed.data);
    log.info("collection.restored", { rules: parsed.data.length });
  }

  current(): { readonly rules: readonly CollectRule[]; readonly isChanged: boolean } {
    return { rules: this.#changed ?? this.#parts.configured, isChanged: this.#changed !== undefined };
  }

  /** What is wrong with rules that the schema took; undefined for good ones. */
  problemOf(rules: readonly CollectRule[]): string | undefined {
    return this.#parts.campaigns.unfitRule(rules);
  }

  /** Sets other rules, or with undefined goes back to those of the configuration. Throws what the journal throws; nothing has changed then. */
  change(rules: readonly CollectRule[] | undefined): void {
    const { configured, campaigns, journal, log } = this.#parts;
    journal.put([{ space: SPACE, key: RULES, value: rules === undefined ? undefined : JSON.stringify(rules) }]);
    this.#changed = rules;
    campaigns.useRules(rules ?? configured);
    log.info("collection.changed", { rules: (rules ?? configured).length, isConfigured: rules === undefined });
  }
}
