import { z } from "zod";
import type { KeptValue } from "../../ports/outbox.ts";
import type { Trigger } from "../expressions/trigger.ts";
import type { CampaignPlan } from "./campaign-plan.ts";

const stored = z.object({ fired: z.int().min(0), lastFiredUs: z.number().optional() });

/** Keeps how often the trigger of a campaign's version has fired, and when last, over restarts and power cuts. */
export class KeptTriggers {
  readonly key: string;
  #written = 0;

  constructor({ document, digest }: CampaignPlan) {
    this.key = `trigger ${document.id} ${digest}`;
  }

  /** What cannot be read counts as nothing: a trigger then fires once more often rather than never. */
  restore(trigger: Trigger, kept: ReadonlyMap<string, Uint8Array>): void {
    const bytes = kept.get(this.key);
    const state = bytes === undefined ? undefined : readState(bytes);
    if (state === undefined) return;
    trigger.restore({ fired: state.fired, lastFiredUs: state.lastFiredUs });
    this.#written = state.fired;
  }

  /** What has changed since it was asked last. */
  changed(trigger: Trigger): readonly KeptValue[] {
    const state = trigger.state();
    if (state.fired === this.#written) return [];
    this.#written = state.fired;
    return [{ key: this.key, value: new TextEncoder().encode(JSON.stringify(state)) }];
  }
}

function readState(bytes: Uint8Array): z.infer<typeof stored> | undefined {
  try {
    return stored.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    // Kept values have a checksum of their own: this one was written by another version of the agent.
    return undefined;
  }
}
