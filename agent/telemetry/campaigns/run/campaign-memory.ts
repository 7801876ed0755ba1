import { z } from "zod";
import type { KeptValue } from "../../../ports/outbox.ts";
import type { Trigger } from "../../expressions/trigger.ts";
import type { CampaignPlan } from "../plan/campaign-plan.ts";
import type { Budget } from "./budget.ts";

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

const NEVER_FIRED = { fired: 0, lastFiredUs: undefined };

function isSame(one: Stored, other: Stored): boolean {
  return (
    one.fired === other.fired &&
    one.lastFiredUs === other.lastFiredUs &&
    one.day === other.day &&
    one.usedBytes === other.usedBytes
  );
}

/** What a version of a campaign remembers over restarts and power cuts: how often its trigger has fired, and when last, and what it has sent today. */
export class CampaignMemory {
  readonly key: string;
  readonly #trigger: Trigger | undefined;
  readonly #budget: Budget;
  #written: Stored;

  constructor({ document, digest }: CampaignPlan, trigger: Trigger | undefined, budget: Budget) {
    this.key = `${KEY_PREFIX}${document.id} ${digest}`;
    this.#trigger = trigger;
    this.#budget = budget;
    this.#written = this.#state();
  }

  /** What cannot be read counts as nothing: a trigger then fires once more often rather than never. */
  restore(kept: ReadonlyMap<string, Uint8Array>): void {
    const bytes = kept.get(this.key);
    const state = bytes === undefined ? undefined : readState(bytes);
    if (state === undefined) return;
    const { fired, lastFiredUs, day, usedBytes } = state;
    this.#trigger?.restore({ fired, lastFiredUs });
    this.#budget.restore({ day, usedBytes });
    this.#written = this.#state();
  }

  /** What has changed since it was asked last. */
  changed(): readonly KeptValue[] {
    const state = this.#state();
    if (isSame(state, this.#written)) return [];
    this.#written = state;
    return [{ key: this.key, value: new TextEncoder().encode(JSON.stringify(state)) }];
  }

  #state(): Stored {
    const { fired, lastFiredUs } = this.#trigger?.state() ?? NEVER_FIRED;
    const { day, usedBytes } = this.#budget.state();
    return { fired, lastFiredUs, day, usedBytes };
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
