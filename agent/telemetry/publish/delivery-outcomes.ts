import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { DaySum } from "../../core/metrics/day-sum.ts";
import { Histogram } from "../../core/metrics/histogram.ts";
import type { BrokerLimits, ConnectionEnding, PublishOutcome } from "../../ports/broker.ts";
import type { StreamName } from "../../ports/outbox.ts";
import type { OutboxGuard } from "../outbox-guard.ts";
import type { NextRecord } from "./drain-order.ts";
import type { DrainState } from "./drain-state.ts";
import type { LossReporter } from "./loss-reporter.ts";
import { type RejectedTopic, RejectedTopics } from "./rejected-topics.ts";
import { BLAMES_PACKET, PERMANENT_REJECTIONS, QUOTA_EXCEEDED } from "./rejection-codes.ts";
import { EVERY_TOPIC } from "./topic-backoff.ts";

/** How often a record is tried, from the configuration; `startedAtMs` is the process start on the monotonic clock. */
export type AttemptSettings = {
  readonly refusalAttempts: number;
  readonly disconnectAttempts: number;
  readonly startedAtMs: number;
};

export type DeliveryOutcomesParts = {
  readonly state: DrainState;
  readonly lossReporter: LossReporter;
  readonly guard: OutboxGuard;
  readonly settings: AttemptSettings;
  readonly clock: Clock;
  readonly log: Log;
};

/** A record that was published, where, when (monotonic ms), and what the broker takes. */
export type SentRecord = {
  readonly sent: NextRecord;
  readonly topic: string;
  readonly atMs: number;
  readonly limits: BrokerLimits;
};

/** Records with a good PUBACK, and their payload bytes: since start, and those of the last 24 hours, to the hour. */
export type SentCounters = { readonly records: number; readonly bytes: number; readonly dayBytes: number };

/** Buckets of the time from a PUBLISH to its PUBACK, s: from a good link to one that hardly is. */
const PUBACK_BOUNDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** What is counted of a stream. */
type StreamCounts = { records: number; bytes: number; readonly day: DaySum; readonly pubackTimes: Histogram };

function noneSent(): StreamCounts {
  return { records: 0, bytes: 0, day: new DaySum(), pubackTimes: new Histogram(PUBACK_BOUNDS) };
}

/** Counts since start. */
export type OutcomeCounters = {
  /** Records with a good PUBACK, and their payload bytes. */
  readonly delivered: number;
  readonly deliveredBytes: number;
  /** The same by stream. */
  readonly streams: Readonly<Record<StreamName, SentCounters>>;
  /** PUBACKs of 0x80 and above. */
  readonly refused: number;
  /** Records that must be sent again because no PUBACK came or a rejection may pass. */
  readonly retried: number;
  /** Where the broker rejects records at present. */
  readonly refusedTopics: readonly RejectedTopic[];
  /** From process start to the first good PUBACK, ms; undefined before it. */
  readonly firstPubackMs: number | undefined;
  /** Since the last good PUBACK, ms; undefined before the first. */
  readonly ackedAgoMs: number | undefined;
};

/** What the broker holds against a record: how often in a row, and after how often it is given up. */
type Complaint = { readonly reason: string; readonly attempts: number; readonly maxAttempts: number };

/**
 * What becomes of a record that was published, and the accounts of it.
 *
 * A good PUBACK frees it. Permanent reason codes set it aside; 0x97 holds back everything, others (0x87 not authorized among them,
 * because a wrong policy must not discard days of data) hold back their topic with growing delays, up to `refusalAttempts` tries a
 * record. A broker that answers with the end of the connection is met alike, once it is known which record it means (`Suspects`).
 */
export class DeliveryOutcomes {
  readonly #parts: DeliveryOutcomesParts;
  readonly #rejectedTopics = new RejectedTopics();
  #counters = { delivered: 0, deliveredBytes: 0, refused: 0, retried: 0 };
  readonly #streams: Readonly<Record<StreamName, StreamCounts>> = {
    control: noneSent(),
    event: noneSent(),
    telemetry: noneSent(),
    capture: noneSent(),
  };
  #firstPubackMs: number | undefined;
  #lastPubackMs: number | undefined;

  constructor(parts: DeliveryOutcomesParts) {
    this.#parts = parts;
  }

  counters(): OutcomeCounters {
    const { control, event, telemetry, capture } = this.#streams;
    const { clock } = this.#parts;
    const nowMs = clock.boottimeMs();
    const sent = ({ records, bytes, day }: StreamCounts) => ({ records, bytes, dayBytes: day.sum(nowMs) });
    return {
      ...this.#counters,
      streams: { control: sent(control), event: sent(event), telemetry: sent(telemetry), capture: sent(capture) },
      refusedTopics: this.#rejectedTopics.list(),
      firstPubackMs: this.#firstPubackMs,
      ackedAgoMs: this.#lastPubackMs === undefined ? undefined : clock.monotonicMs() - this.#lastPubackMs,
    };
  }

  /** How long PUBACKs of a stream took, s. */
  pubackTimes(stream: StreamName): Histogram {
    return this.#streams[stream].pubackTimes;
  }

  /** `isOnline`: whether the connection that the record went out on still stands. */
  settle(record: SentRecord, outcome: PublishOutcome, isOnline: boolean): void {
    const { sent, topic, limits } = record;
    const { backoff, suspects } = this.#parts.state;
    const wasAlone = suspects.endTrial(sent);
    if (outcome.kind !== "offline") suspects.clear(sent.record.row);
    switch (outcome.kind) {
      case "acked":
        return this.#delivered(record);
      case "too-large":
        backoff.endTrial(topic);
        return this.#giveUp(sent, overLimit(sent, limits));
      case "rejected":
        return this.#rejected(record, outcome);
      case "offline":
        backoff.endTrial(topic);
        // Online and yet no PUBACK in time: the broker discards what comes too fast.
        if (isOnline) backoff.noteRejection(EVERY_TOPIC, this.#parts.clock.monotonicMs());
        return this.#unanswered(record, outcome.ended, wasAlone);
    }
  }

  #delivered({ sent, topic, atMs }: SentRecord): void {
    const { state, lossReporter, clock, settings } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#rejectedTopics.end(topic);
    this.#counters.delivered += 1;
    this.#counters.deliveredBytes += sent.record.payload.length;
    const ofStream = this.#streams[sent.record.stream];
    ofStream.records += 1;
    ofStream.bytes += sent.record.payload.length;
    ofStream.day.add(sent.record.payload.length, clock.boottimeMs());
    ofStream.pubackTimes.note((nowMs - atMs) / 1000);
    this.#firstPubackMs ??= nowMs - settings.startedAtMs;
    this.#lastPubackMs = nowMs;
    state.inFlight.endAcked(sent, nowMs, nowMs - atMs);
    lossReporter.noteDelivered(sent.record.row);
    // What was passed over while the way was shut gets its turn again.
    if (state.backoff.noteSuccess(topic)) state.lookAgain();
  }

  #rejected(record: SentRecord, rejection: { readonly reasonCode: number; readonly reason: string }): void {
    const { sent, topic } = record;
    const { state, settings, clock } = this.#parts;
    const { reasonCode } = rejection;
    const reason = `PUBACK ${rejection.reason}`;
    this.#counters.refused += 1;
    this.#rejectedTopics.note(topic, sent.record, rejection);
    if (PERMANENT_REJECTIONS.has(reasonCode)) {
      state.backoff.endTrial(topic);
      return this.#giveUp(sent, reason);
    }
    const isQuota = reasonCode === QUOTA_EXCEEDED;
    const attempts = state.backoff.noteRejection(isQuota ? EVERY_TOPIC : topic, clock.monotonicMs());
    state.backoff.endTrial(topic);
    if (attempts === 1) this.#logFirst(record, rejection.reason);
    const maxAttempts = isQuota ? Number.POSITIVE_INFINITY : settings.refusalAttempts;
    this.#retryOrGiveUp(record, { reason, attempts, maxAttempts });
  }

  /** No PUBACK came. Where the broker ended the connection over a packet, this record was among those on their way. */
  #unanswered(record: SentRecord, ended: ConnectionEnding | undefined, wasTried: boolean): void {
    const { sent, topic } = record;
    if (ended === undefined || !BLAMES_PACKET.has(ended.reasonCode)) return this.#retry(sent);
    const { state, settings, clock } = this.#parts;
    const wasAlone = wasTried && ended.unanswered === 1;
    const ends = state.suspects.note(sent, wasAlone);
    if (!wasAlone) return this.#retry(sent);
    const reason = `DISCONNECT ${ended.reason}`;
    this.#rejectedTopics.note(topic, sent.record, { reasonCode: ended.reasonCode, reason });
    const isPermanent = PERMANENT_REJECTIONS.has(ended.reasonCode);
    const attempts = isPermanent ? ends : state.backoff.noteRejection(topic, clock.monotonicMs());
    if (attempts === 1) this.#logFirst(record, reason);
    const maxAttempts = isPermanent ? settings.disconnectAttempts : settings.refusalAttempts;
    this.#retryOrGiveUp(record, { reason, attempts, maxAttempts });
  }

  #logFirst({ sent, topic }: SentRecord, reason: string): void {
    this.#parts.log.error("publish.refused", { topic, stream: sent.record.stream, reason });
  }

  #retryOrGiveUp({ sent, topic }: SentRecord, { reason, attempts, maxAttempts }: Complaint): void {
    if (attempts < maxAttempts) return this.#retry(sent);
    const { backoff, suspects } = this.#parts.state;
    backoff.reset(topic);
    suspects.clear(sent.record.row);
    this.#giveUp(sent, `${reason}, ${attempts} times`);
  }

  /** The record stays in the outbox and gets its turn again. */
  #retry(sent: NextRecord): void {
    const { state } = this.#parts;
    this.#counters.retried += 1;
    state.inFlight.endOpen(sent);
    state.lookAgain();
  }

  /** The record is set aside for good, and its loss noted. */
  #giveUp(sent: NextRecord, detail: string): void {
    const { state, lossReporter, guard, clock, log } = this.#parts;
    const { row, stream, seq } = sent.record;
    log.error("publish.rejected", { stream, seq, detail });
    const isDone = guard.attempt((outbox) => outbox.lose([row], "rejected", detail));
    lossReporter.noteRejected(row, clock.monotonicMs());
    state.inFlight.endOpen(sent);
    if (!isDone) state.lookAgain();
  }
}

function overLimit({ record }: NextRecord, { maximumPacketBytes, maximumPayloadBytes }: BrokerLimits): string {
  if (maximumPayloadBytes !== undefined && record.payload.length > maximumPayloadBytes)
    return `over the broker's payload limit of ${maximumPayloadBytes} bytes`;
  return `over the broker's packet limit of ${maximumPacketBytes} bytes`;
}
