import type { Topics } from "../../cloud/topics.ts";
import type { Clock } from "../../core/clock.ts";
import { Doze } from "../../core/doze.ts";
import type { Log } from "../../core/log.ts";
import type { Broker, BrokerLimits, ConnectionEnding, PublishOutcome } from "../../ports/broker.ts";
import type { Draft, LossRange, Outbox, Outgoing } from "../../ports/outbox.ts";
import { OutboxGuard } from "../outbox-guard.ts";
import { ExpiredRecords } from "./expired-records.ts";
import { EVERY_TOPIC, Gates } from "./gates.ts";
import { InFlight } from "./in-flight.ts";
import { Lanes, type Pick, type Verdict } from "./lanes.ts";
import { messageExpirySecondsOf, publicationOf, topicOf } from "./outgoing.ts";
import { BLAMING, PERMANENT, QUOTA_EXCEEDED } from "./refusal-codes.ts";
import { type RefusedTopic, RefusedTopics } from "./refused-topics.ts";
import { ReportPace } from "./report-pace.ts";
import { Suspects } from "./suspects.ts";

/** Time between two reports of losses, and longest sleep. */
const TICK_MS = 1000;
/** A record that could not be sent for this long is not live any more: it joins the backlog. */
const LIVE_MS = 10_000;
/** How long the last acknowledgements are waited for when the publisher ends. */
const LAST_ACKS_MS = 2000;
const REFUSAL_BACKOFF = { minMs: 1000, maxMs: 300_000 };

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
  readonly lossDraft: (loss: LossRange) => Draft;
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
  readonly refusedTopics: readonly RefusedTopic[];
  /** From process start to the first good PUBACK, ms; undefined before it. */
  readonly firstPubackMs: number | undefined;
};

type Refusal = Extract<PublishOutcome, { kind: "refused" }>;
type Connection = { readonly number: number; readonly limits: BrokerLimits; readonly window: number };

/**
 * Drains the outbox through the broker. A record leaves the outbox only after its PUBACK.
 *
 * While online up to `inFlight` records (never more than half of the broker's receive maximum) are on the way. The higher class goes
 * first, in it the fresh record (`Lanes`); the backlog gets a part of the window and `backlogBytes`, raw frames `backlogBytes`, so that a
 * fresh record of a higher class never finds it full of others.
 * Refusals: permanent codes set the record aside; 0x97 holds back everything, others (0x87 not authorized among them, because a wrong
 * policy must not discard days of data) hold back their topic with growing delays, up to `refusalAttempts` tries a record. A broker that
 * answers with the end of the connection is met alike, once it is known which record it means (`Suspects`).
 */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #lanes: Lanes;
  readonly #gates: Gates;
  readonly #inFlight: InFlight;
  readonly #expired: ExpiredRecords;
  #hasMoreExpired = false;
  readonly #suspects = new Suspects();
  readonly #reports: ReportPace;
  readonly #refusedTopics = new RefusedTopics();
  readonly #guard: OutboxGuard;
  readonly #doze: Doze;
  #lossesDueMs = 0;
  #lastTurnMs: number | undefined;
  #gateDueMs: number | undefined;
  #marks: { readonly atMs: number; readonly row: number }[] = [];
  #connection: Connection | undefined;
  #isDrained = false;
  #counters = { delivered: 0, deliveredBytes: 0, refused: 0, retried: 0 };
  #firstPubackMs: number | undefined;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#lanes = new Lanes(parts.outbox);
    this.#gates = new Gates(REFUSAL_BACKOFF, parts.random);
    this.#inFlight = new InFlight(parts.outbox, parts.settings.backlogBytes);
    this.#expired = new ExpiredRecords(parts.clock, parts.settings.maxGapMs);
    this.#reports = new ReportPace(parts.lossDraft, parts.random);
    this.#guard = new OutboxGuard(parts);
    this.#doze = new Doze(parts.clock);
  }

  /** Something was appended: look again. Cheap, and safe from anywhere. */
  wake(): void {
    this.#isDrained = false;
    this.#doze.wake();
  }

  /** What waits for a later attempt because it was refused is tried at once. */
  retryNow(): void {
    this.#gates.endDelays(this.#parts.clock.monotonicMs());
    this.#lanes.rewind(this.#lanes.fence);
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
    this.#gates.startConnection();
    this.#marks = [];
    this.#lossesDueMs = 0;
    this.#isDrained = false;
    this.#guard.attempt((outbox) => this.#lanes.rewind(outbox.lastRow()));
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
    this.#lanes.rewind(this.#lanes.fence);
  }

  #tick(nowMs: number): void {
    const { outbox } = this.#parts;
    if (this.#gateDueMs !== undefined && nowMs >= this.#gateDueMs) this.#lanes.rewind(this.#lanes.fence);
    this.#gateDueMs = this.#gates.nextDueMs(nowMs);
    if (nowMs < this.#lossesDueMs) return;
    this.#lossesDueMs = nowMs + TICK_MS;
    this.#marks.push({ atMs: nowMs, row: outbox.lastRow() });
    while (this.#marks.length > 0 && this.#marks[0].atMs <= nowMs - LIVE_MS)
      this.#lanes.raise(this.#marks.shift()?.row ?? 0);
    this.#reports.report(outbox, nowMs);
  }

  #fill(nowMs: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { window } = connection;
    if (this.#isOnTrial(connection, nowMs)) return;
    while (this.#inFlight.count < window) {
      const freshOnly = this.#inFlight.isBacklogFull(window);
      const pick = this.#lanes.next((record) => this.#judge(record, nowMs), freshOnly);
      if (pick === undefined) {
        this.#isDrained = this.#inFlight.isEmpty && this.#suspects.isEmpty;
        return;
      }
      this.#send(pick, connection, nowMs);
    }
  }

  /** Sends a record alone that may have ended a connection. While there is one, nothing else goes out. */
  #isOnTrial(connection: Connection, nowMs: number): boolean {
    if (this.#suspects.isTrying) return true;
    const { topics } = this.#parts;
    const pick = this.#suspects.next(({ record }) => this.#gates.admits(topicOf(record, topics), nowMs));
    if (pick === undefined) return false;
    if (this.#inFlight.count > 0) return true;
    if (this.#send(pick, connection, nowMs)) {
      this.#suspects.begin(pick);
      return true;
    }
    this.#suspects.clear(pick.record.row);
    return this.#isOnTrial(connection, nowMs);
  }

  #judge(record: Outgoing, nowMs: number): Verdict {
    if (this.#inFlight.has(record.row) || this.#suspects.has(record.row)) return "skip";
    if (record.stream === "capture" && this.#inFlight.isCaptureFull) return "stop";
    const life = this.#expired.judge(record);
    if (life !== "alive") return life === "taken" ? "skip" : "stop";
    if (this.#gates.admits(topicOf(record, this.#parts.topics), nowMs)) return "take";
    // All other records of a stream share their topic; a signal table stands alone among them.
    return record.retainKey === undefined ? "stop" : "skip";
  }

  /** Gives whether it went: one that has been evicted meanwhile does not. */
  #send(pick: Pick, connection: Connection, nowMs: number): boolean {
    const { record } = pick;
    const { broker, topics, clock, settings } = this.#parts;
    if (!this.#inFlight.start(pick)) return false;
    const expirySeconds = messageExpirySecondsOf(record, clock, settings.maxGapMs);
    const publication = publicationOf(record, topics, expirySeconds, connection.limits.retainAvailable);
    this.#gates.enter(publication.topic);
    this.#gateDueMs = this.#gates.nextDueMs(nowMs);
    void broker.publish(publication).then((outcome) => {
      this.#settle(pick, publication.topic, outcome, connection);
      this.wake();
    });
    return true;
  }

  #settle(pick: Pick, topic: string, outcome: PublishOutcome, connection: Connection): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const wasAlone = this.#suspects.endTrial(pick);
    if (outcome.kind !== "offline") this.#suspects.clear(pick.record.row);
    switch (outcome.kind) {
      case "acked":
        this.#delivered(pick, topic, nowMs);
        return;
      case "too-large":
        this.#gates.leave(topic);
        this.#reject(pick, overLimit(pick, connection.limits));
        return;
      case "refused":
        this.#refused(pick, topic, outcome, nowMs);
        return;
      case "offline":
        this.#gates.leave(topic);
        // Online and yet no PUBACK in time: the broker discards what comes too fast.
        if (this.#isOnline()) this.#gates.close(EVERY_TOPIC, nowMs);
        if (outcome.ended === undefined || !BLAMING.has(outcome.ended.reasonCode)) this.#again(pick);
        else this.#blamed(pick, topic, outcome.ended, { wasAlone: wasAlone && outcome.ended.unanswered === 1, nowMs });
        return;
    }
  }

  /** The broker ended the connection over a packet, and this one was among those on their way. */
  #blamed(
    pick: Pick,
    topic: string,
    { reasonCode, reason }: ConnectionEnding,
    { wasAlone, nowMs }: { readonly wasAlone: boolean; readonly nowMs: number },
  ): void {
    const ends = this.#suspects.note(pick, wasAlone);
    if (!wasAlone) {
      this.#again(pick);
      return;
    }
    const { settings, log } = this.#parts;
    const refusal = { reasonCode, reason: `DISCONNECT ${reason}` };
    this.#refusedTopics.note(topic, pick.record, refusal);
    const isPermanent = PERMANENT.has(reasonCode);
    const attempts = isPermanent ? ends : this.#gates.close(topic, nowMs);
    if (attempts === 1) log.error("publish.refused", { topic, stream: pick.record.stream, reason: refusal.reason });
    if (attempts < (isPermanent ? settings.disconnectAttempts : settings.refusalAttempts)) {
      this.#again(pick);
      return;
    }
    this.#gates.forgive(topic);
    this.#suspects.clear(pick.record.row);
    this.#reject(pick, `${refusal.reason}, ${attempts} times`);
  }

  #delivered(pick: Pick, topic: string, nowMs: number): void {
    this.#refusedTopics.end(topic);
    this.#counters.delivered += 1;
    this.#counters.deliveredBytes += pick.record.payload.length;
    this.#firstPubackMs ??= nowMs - this.#parts.settings.startedAtMs;
    this.#inFlight.endAcked(pick, nowMs);
    this.#reports.noteDelivered(pick.record.row);
    // What was passed over while the way was shut gets its turn again.
    if (this.#gates.open(topic)) this.#lanes.rewind(this.#lanes.fence);
  }

  #refused(pick: Pick, topic: string, refusal: Refusal, nowMs: number): void {
    const { reasonCode, reason } = refusal;
    this.#counters.refused += 1;
    this.#refusedTopics.note(topic, pick.record, refusal);
    if (PERMANENT.has(reasonCode)) {
      this.#gates.leave(topic);
      this.#reject(pick, `PUBACK ${reason}`);
      return;
    }
    const { log, settings } = this.#parts;
    const isQuota = reasonCode === QUOTA_EXCEEDED;
    const attempts = this.#gates.close(isQuota ? EVERY_TOPIC : topic, nowMs);
    this.#gates.leave(topic);
    if (attempts === 1) log.error("publish.refused", { topic, stream: pick.record.stream, reason });
    if (isQuota || attempts < settings.refusalAttempts) {
      this.#again(pick);
      return;
    }
    this.#gates.forgive(topic);
    this.#reject(pick, `PUBACK ${reason}, ${attempts} times`);
  }

  /** The record stays in the outbox and gets its turn again. */
  #again(pick: Pick): void {
    this.#counters.retried += 1;
    this.#inFlight.endOpen(pick);
    this.#lanes.rewind(this.#lanes.fence);
  }

  #reject(pick: Pick, detail: string): void {
    const { row, stream, seq } = pick.record;
    this.#parts.log.error("publish.rejected", { stream, seq, detail });
    const isDone = this.#guard.attempt((outbox) => outbox.lose([row], "rejected", detail));
    this.#reports.noteRejected(row, this.#parts.clock.monotonicMs());
    this.#inFlight.endOpen(pick);
    if (!isDone) this.#lanes.rewind(this.#lanes.fence);
  }

  /** Until something happened or is due. */
  async #rest(): Promise<void> {
    const eventMs = Math.min(this.#inFlight.ackDueMs, this.#gateDueMs ?? Number.POSITIVE_INFINITY, this.#lossesDueMs);
    const dueMs = this.#hasMoreExpired ? 0 : eventMs;
    await this.#doze.until(Math.max(dueMs, this.#guard.retryAtMs));
  }

  async #finish(): Promise<void> {
    const { clock } = this.#parts;
    const endMs = clock.monotonicMs() + LAST_ACKS_MS;
    while (this.#inFlight.count > 0 && this.#isOnline() && clock.monotonicMs() < endMs) await clock.sleep(10);
    this.#guard.attempt(() => this.#inFlight.forgetAcked());
  }
}

function overLimit({ record }: Pick, { maximumPacketBytes, maximumPayloadBytes }: BrokerLimits): string {
  if (maximumPayloadBytes !== undefined && record.payload.length > maximumPayloadBytes)
    return `over the broker's payload limit of ${maximumPayloadBytes} bytes`;
  return `over the broker's packet limit of ${maximumPacketBytes} bytes`;
}
