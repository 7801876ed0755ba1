import type { TokenBucket } from "../../core/token-bucket.ts";
import type { CampaignParts } from "../../telemetry/campaigns/run/campaign-parts.ts";
import type { CollectionLink } from "../../telemetry/campaigns/run/collection.ts";
import type { OwnCollection } from "../../telemetry/campaigns/run/own-collection.ts";
import type { Reading } from "../../telemetry/collect/sampler.ts";
import type { EventRecords, EventSample } from "./event-records.ts";
import type { KnownSignal } from "./manifest-signal.ts";
import { type RingSettings, SampleRings } from "./sample-rings.ts";
import { SchemeTrigger, type SchemeTriggerSettings } from "./scheme-trigger.ts";

/** A signal that a scheme sends. */
export type CollectedSignal = { readonly signal: KnownSignal; readonly ring: RingSettings };

/** What a scheme collects, and when. */
export type SchemeSettings = {
  readonly trigger: SchemeTriggerSettings;
  readonly signals: readonly CollectedSignal[];
};

/** What the events of all schemes share. */
export type SchemeShare = {
  /** A token for each event. */
  readonly events: Pick<TokenBucket, "hasToken" | "take">;
  /** The number of the next event of this run of the agent. */
  readonly next: () => number;
  /** Samples that became part of no record. */
  readonly drop: (samples: number) => void;
};

type Waiting = { readonly eventUs: number; readonly untilUs: number; readonly frame: number };

/**
 * A collection scheme of AWS IoT FleetWise at work: the newest samples of its signals are held in memory, and those that no event has
 * taken yet belong to the next one.
 */
export class SchemeCollection implements OwnCollection {
  readonly condition: SchemeTrigger;
  readonly #signals: readonly CollectedSignal[];
  readonly #rings: SampleRings;
  readonly #records: EventRecords;
  readonly #share: SchemeShare;
  readonly #parts: Pick<CampaignParts, "pass" | "add">;
  #suppressed = 0;
  /** The frame that made the condition true is still to bring its samples. */
  #waiting: Waiting | undefined;

  constructor(
    { trigger, signals }: SchemeSettings,
    records: EventRecords,
    share: SchemeShare,
    parts: Pick<CampaignParts, "pass" | "add">,
  ) {
    this.#signals = signals;
    this.#rings = new SampleRings(signals.map(({ ring }) => ring));
    this.#records = records;
    this.#share = share;
    this.#parts = parts;
    this.condition = new SchemeTrigger(trigger, (eventUs, untilUs, isOfFrame) =>
      this.#event(eventUs, untilUs, isOfFrame),
    );
  }

  links(): readonly CollectionLink[] {
    return this.#signals.map(({ signal }, local) => ({ slot: signal.entry.index, sampler: this, local }));
  }

  /** On the frame path: allocates nothing but for an event. */
  take(local: number, { timeUs, low, high }: Reading): void {
    if (this.#waiting !== undefined && this.#waiting.frame !== this.#parts.pass.frame) this.#takeWaiting();
    // What is due by the clock is looked at between batches alone: by then this sample may have pushed out those that belong to it.
    if (this.condition.dueUs <= timeUs) this.condition.expire(this.condition.dueUs);
    this.#rings.push(local, timeUs, low, high);
  }

  flush(): void {
    this.#takeWaiting();
  }

  counts(): { readonly triggers: number; readonly suppressed: number } {
    return { triggers: this.condition.fired, suppressed: this.#suppressed };
  }

  #event(eventUs: number, untilUs: number, isOfFrame: boolean): void {
    this.#takeWaiting();
    const { events } = this.#share;
    if (!events.hasToken()) {
      this.#suppressed += 1;
      return;
    }
    events.take();
    const waiting = { eventUs, untilUs, frame: this.#parts.pass.frame };
    if (isOfFrame) this.#waiting = waiting;
    else this.#takeSamples(waiting);
  }

  #takeWaiting(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    this.#takeSamples(waiting);
  }

  #takeSamples({ eventUs, untilUs }: Waiting): void {
    const samples: EventSample[] = [];
    this.#rings.take(untilUs, (local, timeUs, low, high) => {
      samples.push({ signal: this.#signals[local].signal, timeUs, low, high });
    });
    if (samples.length === 0) return;
    const { drafts, dropped } = this.#records.recordsOf(samples, { eventUs, number: this.#share.next() });
    for (const draft of drafts) this.#parts.add(draft);
    if (dropped > 0) this.#share.drop(dropped);
  }
}
