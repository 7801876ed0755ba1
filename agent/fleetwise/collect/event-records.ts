import type { StreamName } from "../../ports/outbox.ts";
import type { ActiveCodes } from "../../telemetry/active-codes.ts";
import type { OutputSchema } from "../../telemetry/collect/lane.ts";
import { SampleLog } from "../../telemetry/collect/sample-log.ts";
import type { Encoder } from "../../telemetry/record/encode/encoder.ts";
import type { LaneEncoder } from "../../telemetry/record/encode/lane-encoder.ts";
import type { EncodedDraft } from "../../telemetry/record/encode/record-sealer.ts";
import { capturedValueOf, wireValueOf } from "../wire-value.ts";
import { type CapturedSignal, eventIdOf, type VehicleData, vehiclePayloads } from "../write/vehicle-data.ts";
import { type KnownSignal, RawValues } from "./manifest-signal.ts";

/** Captured signals that are encoded at a time. */
const MAX_CAPTURED = 4096;

/** A sample that belongs to an event. `low` and `high`: the 64 bits of its raw value. */
export type EventSample = {
  readonly signal: KnownSignal;
  readonly timeUs: number;
  readonly low: number;
  readonly high: number;
};

/** Whose events they are, and how they are sent. */
export type EventSource = {
  readonly syncId: string;
  readonly manifestSyncId: string;
  /** First 16 hexadecimal digits of the SHA-256 of what the scheme says. */
  readonly digest: string;
  readonly stream: Extract<StreamName, "event" | "telemetry" | "capture">;
  /** Raw snappy. */
  readonly compress: boolean;
  /** Active trouble codes are sent with each event. */
  readonly includesCodes: boolean;
};

/** Where events go. */
export type EventOutput = {
  /** Of VehicleData. */
  readonly topic: string;
  /** Longest payload, asked for each event. */
  readonly maxBytes: () => number;
  /** Records of our own, of the same samples: beside VehicleData, or in its place; undefined: none. */
  readonly ownRecords: "beside" | "instead" | undefined;
  /** The signal table that they are of. */
  readonly schema: OutputSchema;
  readonly encoder: Pick<Encoder, "routed" | "lane">;
  /** Active trouble codes; absent where none are read. */
  readonly codes?: Pick<ActiveCodes, "names" | "lastSeenUs"> | undefined;
};

export type EventFacts = {
  readonly eventUs: number /** Counts the events of this run of the agent. */;
  readonly number: number;
};

/** What an event has become; `dropped`: samples whose value does not fit its type, or that are longer than a payload. */
export type RecordedEvent = { readonly drafts: readonly EncodedDraft[]; readonly dropped: number };

/** Makes the records of the events of one scheme. */
export class EventRecords {
  readonly #source: EventSource;
  readonly #output: EventOutput;
  readonly #lane: LaneEncoder | undefined;
  readonly #raw = new RawValues();

  constructor(source: EventSource, output: EventOutput) {
    const { syncId: id, digest, stream } = source;
    this.#source = source;
    this.#output = output;
    const { ownRecords, schema, encoder } = output;
    const campaign = { id, version: 1, digest };
    this.#lane = ownRecords === undefined ? undefined : encoder.lane({ schema, campaign, stream, form: "columns" });
  }

  /** The records of an event with these samples: none where there are no samples, as there. */
  recordsOf(samples: readonly EventSample[], facts: EventFacts): RecordedEvent {
    if (samples.length === 0) return { drafts: [], dropped: 0 };
    const own = this.#lane?.encode(logOf(samples), [], facts.number) ?? [];
    if (this.#output.ownRecords === "instead") return { drafts: own, dropped: 0 };
    const { drafts, dropped } = this.#vehicleData(samples, facts);
    return { drafts: [...drafts, ...own], dropped };
  }

  #vehicleData(samples: readonly EventSample[], { eventUs, number }: EventFacts): RecordedEvent {
    const { syncId: campaignSyncId, manifestSyncId, stream, compress } = this.#source;
    const { topic, maxBytes, encoder } = this.#output;
    const eventMs = Math.round(eventUs / 1000);
    const event = { campaignSyncId, manifestSyncId, eventId: eventIdOf(number, eventMs), eventMs };
    const captured = samples.flatMap((sample) => this.#captured(sample, eventMs));
    const dtcs = this.#codes(eventMs);
    let dropped = samples.length - captured.length;
    const drafts: EncodedDraft[] = [];
    for (let from = 0; from < captured.length; from += MAX_CAPTURED) {
      const signals = captured.slice(from, from + MAX_CAPTURED);
      const made = vehiclePayloads(
        { ...event, signals, dtcs: from === 0 ? dtcs : undefined },
        { compress, maxBytes: maxBytes() },
      );
      dropped += made.dropped;
      for (const payload of made.payloads) {
        drafts.push(encoder.routed(stream, topic, payload, Math.round(signals.length / made.payloads.length)));
      }
    }
    return { drafts, dropped };
  }

  /** As FWE has it: nothing where no code is active. */
  #codes(eventMs: number): VehicleData["dtcs"] {
    const { codes: known } = this.#output;
    const codes = this.#source.includesCodes ? (known?.names() ?? []) : [];
    if (known === undefined || codes.length === 0) return undefined;
    return { relativeMs: Math.round(known.lastSeenUs() / 1000) - eventMs, codes };
  }

  #captured({ signal, timeUs, low, high }: EventSample, eventMs: number): CapturedSignal[] {
    const { wire, entry } = signal;
    const value = wireValueOf(wire, this.#raw.of(entry, low, high));
    if (value === undefined) return [];
    return [{ relativeMs: Math.round(timeUs / 1000) - eventMs, id: wire.id, value: capturedValueOf(value) }];
  }
}

/** In the order of their times, as frames bring them. */
function logOf(samples: readonly EventSample[]): SampleLog {
  const log = new SampleLog(samples.length);
  for (const { signal, timeUs, low, high } of samples.toSorted((left, right) => left.timeUs - right.timeUs)) {
    log.reserve();
    const at = log.count;
    log.slots[at] = signal.entry.index;
    log.timesUs[at] = timeUs;
    log.words[at * 2] = low;
    log.words[at * 2 + 1] = high;
    log.opens[at] = 1;
    log.count = at + 1;
  }
  return log;
}
