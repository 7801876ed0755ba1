import type { Topics } from "../../cloud/topics.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { WakeSignal } from "../../core/wake-signal.ts";
import type { Broker, BrokerLimits, ConnectionEnding, PublishOutcome } from "../../ports/broker.ts";
import type { LossRange, Outbox, QueuedRecord, RecordDraft } from "../../ports/outbox.ts";
import { OutboxGuard } from "../outbox-guard.ts";
import { type Admission, DrainOrder, type NextRecord } from "./drain-order.ts";
import { ExpiredRecords } from "./expired-records.ts";
import { InFlight } from "./in-flight.ts";
import { LossReporter } from "./loss-reporter.ts";
import { messageExpirySecondsOf, publicationOf, topicOf } from "./record-publication.ts";
import { type RejectedTopic, RejectedTopics } from "./rejected-topics.ts";
import { BLAMES_PACKET, PERMANENT_REJECTIONS, QUOTA_EXCEEDED } from "./rejection-codes.ts";
import { Suspects } from "./suspects.ts";
import { EVERY_TOPIC, TopicBackoff } from "./topic-backoff.ts";

/** Time between two reports of losses, and longest sleep. */
const TICK_MS = 1000;
/** A record that could not be sent for this long is not live any more: it joins the backlog. */
const LIVE_MS = 10_000;
/** How long the last acknowledgements are waited for when the publisher ends. */
const LAST_ACKS_MS = 2000;
const REJECTION_BACKOFF = { minMs: 1000, maxMs: 300_000 };

/** Bounds of publishing, from the configuration; `startedAtMs` is the process start on the monotonic clock. */
export type PublisherSettings = {
  readonly inFlight: number;
  readonly backlogBytes: number;
  readonly refusalAttempts: number;
  readonly disconnectAttempts: number;
  /** Longest time between two boots that is believed; beyond it the age of a record is not known. */
  readonly maxGapMs: number;
  readonly startedAtMs: number;
};

/** What a publisher is made of. `random` gives 0 <= x < 1. */
export type PublisherParts = {
  readonly outbox: Outbox;
  readonly broker: Broker;
  readonly topics: Topics;
  readonly settings: PublisherSettings;
  readonly lossDraft: (loss: LossRange) => RecordDraft;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};

/** Counts since start. */
export type DeliveryCounters = {
  /** Records with a good PUBACK, and their payload bytes. */
  readonly delivered: number;
  readonly deliveredBytes: number;
  /** PUBACKs of 0x80 and above. */
  readonly refused: number;
  /** Records that must be sent again because no PUBACK came or a refusal may pass. */
  readonly retried: number;
  readonly inFlight: number;
  /** Where the broker refuses records at present. */
  readonly refusedTopics: readonly RejectedTopic[];
  /** From process start to the first good PUBACK, ms; undefined before it. */
  readonly firstPubackMs: number | undefined;
};

type PubackRejection = Extract<PublishOutcome, { kind: "refused" }>;
type Connection = { readonly number: number; readonly limits: BrokerLimits; readonly window: number };

/**
 * Drains the outbox through the broker. A record leaves the outbox only after its PUBACK.
 *
 * While online up to `inFlight` records (never more than half of the broker's receive maximum) are on the way. The higher class goes
 * first, in it the fresh record (`DrainOrder`); the backlog gets a part of the window and `backlogBytes`, raw frames `backlogBytes`, so that a
 * fresh record of a higher class never finds it full of others.
 * Refusals: permanent codes set the record aside; 0x97 holds back everything, others (0x87 not authorized among them, because a wrong
 * policy must not discard days of data) hold back their topic with growing delays, up to `refusalAttempts` tries a record. A broker that
 * answers with the end of the connection is met alike, once it is known which record it means (`Suspects`).
 */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #drainOrder: DrainOrder;
  readonly #backoff: TopicBackoff;
  readonly #inFlight: InFlight;
  readonly #expired: ExpiredRecords;
  #hasMoreExpired = false;
  readonly #suspects = new Suspects();
  readonly #lossReporter: LossReporter;
  readonly #refusedTopics = new RejectedTopics();
  readonly #guard: OutboxGuard;
  readonly #wakeSignal: WakeSignal;
  #lossesDueMs = 0;
  #lastTurnMs: number | undefined;
  #backoffDueMs: number | undefined;
  #liveMarks: { readonly atMs: number; readonly row: number }[] = [];
  #connection: Connection | undefined;
  #isDrained = false;
  #counters = { delivered: 0, deliveredBytes: 0, refused: 0, retried: 0 };
  #firstPubackMs: number | undefined;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#drainOrder = new DrainOrder(parts.outbox);
    this.#backoff = new TopicBackoff(REJECTION_BACKOFF, parts.random);
    this.#inFlight = new InFlight(parts.outbox, parts.settings.backlogBytes);
    this.#expired = new ExpiredRecords(parts.clock, parts.settings.maxGapMs);
    this.#lossReporter = new LossReporter(parts.lossDraft, parts.random);
    this.#guard = new OutboxGuard(parts);
    this.#wakeSignal = new WakeSignal(parts.clock);
  }

  /** Something was appended: look again. Cheap, and safe from anywhere. */
  wake(): void {
    this.#isDrained = false;
    this.#wakeSignal.wake();
  }

  /** What waits for a later attempt because it was refused is tried at once. */
  retryNow(): void {
    this.#backoff.endDelays(this.#parts.clock.monotonicMs());
    this.#drainOrder.rewind(this.#drainOrder.backlogEnd);
    this.wake();
  }

  /** Monotonic ms at which the loop last had its turn; while online it has one at least every second. */
  get lastTurnMs(): number | undefined {
    return this.#lastTurnMs;
  }

  counters(): DeliveryCounters {
    const refusedTopics = this.#refusedTopics.list();
    return { ...this.#counters, inFlight: this.#inFlight.count, refusedTopics, firstPubackMs: this.#firstPubackMs };
  }

  /** Publishes until `signal` aborts; then waits a moment for the acknowledgements that are due. Rejects only for a bug. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.wake();
    signal.addEventListener("abort", onAbort, { once: true });
    while (!signal.aborted) {
      const limits = await this.#parts.broker.online(signal, this.#connection?.number ?? 0);
      if (limits === undefined) break;
      this.#startConnection(limits);
      await this.#serve(signal);
    }
    signal.removeEventListener("abort", onAbort);
    await this.#finish();
  }

  /** Resolves when all that can be sent has been sent and acknowledged, or there is no link, or `signal` aborts. For a stop in order. */
  async drained(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#isDrained && this.#isOnline()) await this.#parts.clock.sleep(20, signal);
  }

  #startConnection(limits: BrokerLimits): void {
    const { broker, settings } = this.#parts;
    const window = Math.max(1, Math.min(settings.inFlight, Math.floor(limits.receiveMaximum / 2)));
    this.#connection = { number: broker.status().connects, limits, window };
    this.#backoff.startConnection();
    this.#liveMarks = [];
    this.#lossesDueMs = 0;
    this.#isDrained = false;
    this.#guard.attempt((outbox) => this.#drainOrder.rewind(outbox.lastRow()));
  }

  async #serve(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#isOnline()) {
      this.#work();
      await this.#rest();
    }
    this.#guard.attempt(() => this.#inFlight.forgetAcked());
  }

  #isOnline(): boolean {
    const { state, connects } = this.#parts.broker.status();
    return state === "online" && connects === this.#connection?.number;
  }

  #work(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#lastTurnMs = nowMs;
    if (nowMs < this.#guard.retryAtMs) return;
    const isDone = this.#guard.attempt((outbox) => {
      this.#inFlight.forgetDue(nowMs);
      this.#tick(nowMs);
      this.#fill(nowMs);
      this.#hasMoreExpired = this.#expired.drop(outbox);
      if (this.#hasMoreExpired) this.#isDrained = false;
    });
    if (isDone) return;
    // What was passed over on the way to the failure gets its turn again.
    this.#expired.forget();
    this.#drainOrder.rewind(this.#drainOrder.backlogEnd);
  }

  #tick(nowMs: number): void {
    const { outbox } = this.#parts;
    if (this.#backoffDueMs !== undefined && nowMs >= this.#backoffDueMs)
      this.#drainOrder.rewind(this.#drainOrder.backlogEnd);
    this.#backoffDueMs = this.#backoff.nextDueMs(nowMs);
    if (nowMs < this.#lossesDueMs) return;
    this.#lossesDueMs = nowMs + TICK_MS;
    this.#liveMarks.push({ atMs: nowMs, row: outbox.lastRow() });
    while (this.#liveMarks.length > 0 && this.#liveMarks[0].atMs <= nowMs - LIVE_MS)
      this.#drainOrder.advanceBacklogEnd(this.#liveMarks.shift()?.row ?? 0);
    this.#lossReporter.report(outbox, nowMs);
  }

  #fill(nowMs: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { window } = connection;
    if (this.#isTryingSuspect(connection, nowMs)) return;
    while (this.#inFlight.count < window) {
      const freshOnly = this.#inFlight.isBacklogFull(window);
      const candidate = this.#drainOrder.next((record) => this.#admit(record, nowMs), freshOnly);
      if (candidate === undefined) {
        this.#isDrained = this.#inFlight.isEmpty && this.#suspects.isEmpty;
        return;
      }
      this.#send(candidate, connection, nowMs);
    }
  }

  /** Sends a record alone that may have ended a connection. While there is one, nothing else goes out. */
  #isTryingSuspect(connection: Connection, nowMs: number): boolean {
    if (this.#suspects.isTrying) return true;
    const { topics } = this.#parts;
    const candidate = this.#suspects.next(({ record }) => this.#backoff.admits(topicOf(record, topics), nowMs));
    if (candidate === undefined) return false;
    if (this.#inFlight.count > 0) return true;
    if (this.#send(candidate, connection, nowMs)) {
      this.#suspects.begin(candidate);
      return true;
    }
    this.#suspects.clear(candidate.record.row);
    return this.#isTryingSuspect(connection, nowMs);
  }

  #admit(record: QueuedRecord, nowMs: number): Admission {
    if (this.#inFlight.has(record.row) || this.#suspects.has(record.row)) return "skip";
    if (record.stream === "capture" && this.#inFlight.isCaptureFull) return "stop";
    const life = this.#expired.judge(record);
    if (life !== "alive") return life === "taken" ? "skip" : "stop";
    if (this.#backoff.admits(topicOf(record, this.#parts.topics), nowMs)) return "take";
    // All other records of a stream share their topic; a signal table stands alone among them.
    return record.retainKey === undefined ? "stop" : "skip";
  }

  /** Gives whether it went: one that has been evicted meanwhile does not. */
  #send(candidate: NextRecord, connection: Connection, nowMs: number): boolean {
    const { record } = candidate;
    const { broker, topics, clock, settings } = this.#parts;
    if (!this.#inFlight.start(candidate)) return false;
    const expirySeconds = messageExpirySecondsOf(record, clock, settings.maxGapMs);
    const publication = publicationOf(record, topics, expirySeconds, connection.limits.retainAvailable);
    this.#backoff.beginAttempt(publication.topic);
    this.#backoffDueMs = this.#backoff.nextDueMs(nowMs);
    void broker.publish(publication).then((outcome) => {
      this.#settle(candidate, publication.topic, outcome, connection);
      this.wake();
    });
    return true;
  }

  #settle(candidate: NextRecord, topic: string, outcome: PublishOutcome, connection: Connection): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const wasAlone = this.#suspects.endTrial(candidate);
    if (outcome.kind !== "offline") this.#suspects.clear(candidate.record.row);
    switch (outcome.kind) {
      case "acked":
        this.#delivered(candidate, topic, nowMs);
        return;
      case "too-large":
        this.#backoff.endTrial(topic);
        this.#reject(candidate, overLimit(candidate, connection.limits));
        return;
      case "refused":
        this.#refused(candidate, topic, outcome, nowMs);
        return;
      case "offline":
        this.#backoff.endTrial(topic);
        // Online and yet no PUBACK in time: the broker discards what comes too fast.
        if (this.#isOnline()) this.#backoff.noteRejection(EVERY_TOPIC, nowMs);
        if (outcome.ended === undefined || !BLAMES_PACKET.has(outcome.ended.reasonCode)) this.#retry(candidate);
        else
          this.#endedConnection(candidate, topic, outcome.ended, {
            wasAlone: wasAlone && outcome.ended.unanswered === 1,
            nowMs,
          });
        return;
    }
  }

  /** The broker ended the connection over a packet, and this one was among those on their way. */
  #endedConnection(
    candidate: NextRecord,
    topic: string,
    { reasonCode, reason }: ConnectionEnding,
    { wasAlone, nowMs }: { readonly wasAlone: boolean; readonly nowMs: number },
  ): void {
    const ends = this.#suspects.note(candidate, wasAlone);
    if (!wasAlone) {
      this.#retry(candidate);
      return;
    }
    const { settings, log } = this.#parts;
    const refusal = { reasonCode, reason: `DISCONNECT ${reason}` };
    this.#refusedTopics.note(topic, candidate.record, refusal);
    const isPermanent = PERMANENT_REJECTIONS.has(reasonCode);
    const attempts = isPermanent ? ends : this.#backoff.noteRejection(topic, nowMs);
    if (attempts === 1)
      log.error("publish.refused", { topic, stream: candidate.record.stream, reason: refusal.reason });
    if (attempts < (isPermanent ? settings.disconnectAttempts : settings.refusalAttempts)) {
      this.#retry(candidate);
      return;
    }
    this.#backoff.reset(topic);
    this.#suspects.clear(candidate.record.row);
    this.#reject(candidate, `${refusal.reason}, ${attempts} times`);
  }

  #delivered(candidate: NextRecord, topic: string, nowMs: number): void {
    this.#refusedTopics.end(topic);
    this.#counters.delivered += 1;
    this.#counters.deliveredBytes += candidate.record.payload.length;
    this.#firstPubackMs ??= nowMs - this.#parts.settings.startedAtMs;
    this.#inFlight.endAcked(candidate, nowMs);
    this.#lossReporter.noteDelivered(candidate.record.row);
    // What was passed over while the way was shut gets its turn again.
    if (this.#backoff.noteSuccess(topic)) this.#drainOrder.rewind(this.#drainOrder.backlogEnd);
  }

  #refused(candidate: NextRecord, topic: string, refusal: PubackRejection, nowMs: number): void {
    const { reasonCode, reason } = refusal;
    this.#counters.refused += 1;
    this.#refusedTopics.note(topic, candidate.record, refusal);
    if (PERMANENT_REJECTIONS.has(reasonCode)) {
      this.#backoff.endTrial(topic);
      this.#reject(candidate, `PUBACK ${reason}`);
      return;
    }
    const { log, settings } = this.#parts;
    const isQuota = reasonCode === QUOTA_EXCEEDED;
    const attempts = this.#backoff.noteRejection(isQuota ? EVERY_TOPIC : topic, nowMs);
    this.#backoff.endTrial(topic);
    if (attempts === 1) log.error("publish.refused", { topic, stream: candidate.record.stream, reason });
    if (isQuota || attempts < settings.refusalAttempts) {
      this.#retry(candidate);
      return;
    }
    this.#backoff.reset(topic);
    this.#reject(candidate, `PUBACK ${reason}, ${attempts} times`);
  }

  /** The record stays in the outbox and gets its turn again. */
  #retry(candidate: NextRecord): void {
    this.#counters.retried += 1;
    this.#inFlight.endOpen(candidate);
    this.#drainOrder.rewind(this.#drainOrder.backlogEnd);
  }

  #reject(candidate: NextRecord, detail: string): void {
    const { row, stream, seq } = candidate.record;
    this.#parts.log.error("publish.rejected", { stream, seq, detail });
    const isDone = this.#guard.attempt((outbox) => outbox.lose([row], "rejected", detail));
    this.#lossReporter.noteRejected(row, this.#parts.clock.monotonicMs());
    this.#inFlight.endOpen(candidate);
    if (!isDone) this.#drainOrder.rewind(this.#drainOrder.backlogEnd);
  }

  /** Until something happened or is due. */
  async #rest(): Promise<void> {
    const eventMs = Math.min(
      this.#inFlight.ackDueMs,
      this.#backoffDueMs ?? Number.POSITIVE_INFINITY,
      this.#lossesDueMs,
    );
    const dueMs = this.#hasMoreExpired ? 0 : eventMs;
    await this.#wakeSignal.until(Math.max(dueMs, this.#guard.retryAtMs));
  }

  async #finish(): Promise<void> {
    const { clock } = this.#parts;
    const endMs = clock.monotonicMs() + LAST_ACKS_MS;
    while (this.#inFlight.count > 0 && this.#isOnline() && clock.monotonicMs() < endMs) await clock.sleep(10);
    this.#guard.attempt(() => this.#inFlight.forgetAcked());
  }
}

function overLimit({ record }: NextRecord, { maximumPacketBytes, maximumPayloadBytes }: BrokerLimits): string {
  if (maximumPayloadBytes !== undefined && record.payload.length > maximumPayloadBytes)
    return `over the broker's payload limit of ${maximumPayloadBytes} bytes`;
  return `over the broker's packet limit of ${maximumPacketBytes} bytes`;
}
