import { z } from "zod";
import type { KeptValue } from "../../ports/outbox.ts";
import type { Trigger } from "../expressions/trigger.ts";
import type { Budget } from "./budget.ts";
import type { CampaignPlan } from "./campaign-plan.ts";

const stored = z.object({
  fired: z.int().min(0),
  lastFiredUs: z.number().optional(),
  day: z.int(),
  usedBytes: z.number().min(0),
});
type Stored = z.infer<typeof stored>;

const KEY_PREFIX = "campaign ";

/** Whether a kept value is what a campaign remembers. */
export function isMemoryKey(key: string): boolean {
  return key.startsWith(KEY_PREFIX);
}

/** What a version of a campaign remembers over restarts and power cuts: how often its trigger has fired, and when last, and what it has sent today. */
export class CampaignMemory {
  readonly key: string;
  readonly #trigger: Trigger | undefined;
  readonly #budget: Budget;
  #written: string;

  constructor({ document, digest }: CampaignPlan, trigger: Trigger | undefined, budget: Budget) {
    this.key = `${KEY_PREFIX}${document.id} ${digest}`;
    this.#trigger = trigger;
    this.#budget = budget;
    this.#written = this.#text();
  }

  /** What cannot be read counts as nothing: a trigger then fires once more often rather than never. */
  restore(kept: ReadonlyMap<string, Uint8Array>): void {
    const bytes = kept.get(this.key);
    const state = bytes === undefined ? undefined : readState(bytes);
    if (state === undefined) return;
    const { fired, lastFiredUs, day, usedBytes } = state;
    this.#trigger?.restore({ fired, lastFiredUs });
    this.#budget.restore({ day, usedBytes });
    this.#written = this.#text();
  }

  /** What has changed since it was asked last. */
  changed(): readonly KeptValue[] {
    const text = this.#text();
    if (text === this.#written) return [];
    this.#written = text;
    return [{ key: this.key, value: new TextEncoder().encode(text) }];
  }

  #text(): string {
    const { fired, lastFiredUs } = this.#trigger?.state() ?? { fired: 0, lastFiredUs: undefined };
    const state: Stored = { fired, lastFiredUs, ...this.#budget.state() };
    return JSON.stringify(state);
  }
}

function readState(bytes: Uint8Array): Stored | undefined {
  try {
    return stored.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    // Kept values have a checksum of their own: this one was written by another version of the agent.
    return undefined;
  }
}
