import type { Topics } from "../../cloud/topics.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { Histogram } from "../../core/metrics/histogram.ts";
import { WakeSignal } from "../../core/wake-signal.ts";
import type { Broker, BrokerLimits } from "../../ports/broker.ts";
import type { LossRange, Outbox, RecordDraft, StreamName } from "../../ports/outbox.ts";
import { OutboxGuard } from "../outbox-guard.ts";
import { type AttemptSettings, DeliveryOutcomes, type OutcomeCounters } from "./delivery-outcomes.ts";
import type { NextRecord } from "./drain-order.ts";
import { DrainState } from "./drain-state.ts";
import type { Delivered } from "./in-flight.ts";
import { LiveMarks } from "./live-marks.ts";
import { LossReporter } from "./loss-reporter.ts";
import { messageExpirySecondsOf, publicationOf } from "./record-publication.ts";
import type { SendBudget } from "./send-budget.ts";
import { wireBytes } from "./wire-bytes.ts";

/** Time between two reports of losses, and longest sleep. */
const TICK_MS = 1000;
/** How long budgets may look, at a new connection, before it is used, ms. */
const RENEW_MS = 1000;
/** How long the last acknowledgements are waited for when the publisher ends. */
const LAST_ACKS_MS = 2000;

/** Bounds of publishing, from the configuration. */
export type PublisherSettings = AttemptSettings & {
  readonly inFlight: number;
  readonly backlogBytes: number;
  /** Longest time between two boots that is believed; beyond it the age of a record is not known. */
  readonly maxGapMs: number;
};

/** `random` gives 0 <= x < 1. */
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

/** Counts since start; `inFlight`: records without an outcome. */
export type DeliveryCounters = OutcomeCounters & { readonly inFlight: number };

type Connection = { readonly number: number; readonly limits: BrokerLimits; readonly window: number };

/**
 * Drains the outbox through the broker. A record leaves the outbox only after its PUBACK.
 *
 * While online up to `inFlight` records (never more than half of the broker's receive maximum) are on the way. The higher class goes
 * first, in it the fresh record (`DrainOrder`); the backlog gets a part of the window, less of it where the link is slow (`BacklogWindow`), and
 * `backlogBytes`, raw frames `backlogBytes`, so that a fresh record of a higher class never finds it full of others. What becomes of each is for `DeliveryOutcomes` to say.
 */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #state: DrainState;
  readonly #outcomes: DeliveryOutcomes;
  #hasMoreExpired = false;
  readonly #lossReporter: LossReporter;
  readonly #liveMarks = new LiveMarks();
  readonly #guard: OutboxGuard;
  readonly #wakeSignal: WakeSignal;
  #lossesDueMs = 0;
  #lastTurnMs: number | undefined;
  #backoffDueMs: number | undefined;
  #connection: Connection | undefined;
  #isDrained = false;

  constructor(parts: PublisherParts) {
    const { outbox, topics, settings, lossDraft, clock, log, random } = parts;
    this.#parts = parts;
    const { backlogBytes, maxGapMs } = settings;
    this.#state = new DrainState({ outbox, topics, backlogBytes, maxGapMs, clock, random });
    this.#lossReporter = new LossReporter(lossDraft, random);
    this.#guard = new OutboxGuard({ outbox, clock, log, random });
    this.#wakeSignal = new WakeSignal(clock);
    this.#outcomes = new DeliveryOutcomes({
      state: this.#state,
      lossReporter: this.#lossReporter,
      guard: this.#guard,
      settings,
      clock,
      log,
    });
  }

  /** From here on `budget` too holds back whole classes: records of others, and what they wait for, do not notice. Call it before `run`. */
  goBy(budget: SendBudget): void {
    this.#state.goBy(budget);
  }

  /** Something was appended: look again. Cheap, and safe from anywhere. */
  wake(): void {
    this.#isDrained = false;
    this.#wakeSignal.wake();
  }

  /** What waits for a later attempt because it was refused is tried at once. */
  retryNow(): void {
    this.#state.backoff.endDelays(this.#parts.clock.monotonicMs());
    this.#state.lookAgain();
    this.wake();
  }

  /** Monotonic ms at which the loop last had its turn; while online it has one at least every second. */
  get lastTurnMs(): number | undefined {
    return this.#lastTurnMs;
  }

  /** What the broker has acknowledged and the outbox may forget with what is stored next; undefined where there is nothing. */
  delivered(): Delivered | undefined {
    return this.#state.inFlight.delivered();
  }

  /** Lets the outbox forget at once what the broker has acknowledged. */
  forgetDelivered(): void {
    this.#guard.attempt(() => this.#state.inFlight.forgetAcked());
  }

  counters(): DeliveryCounters {
    return { ...this.#outcomes.counters(), inFlight: this.#state.inFlight.count };
  }

  /** How long PUBACKs of a stream took, s. */
  pubackTimes(stream: StreamName): Histogram {
    return this.#outcomes.pubackTimes(stream);
  }

  /** Publishes until `signal` aborts; then waits a moment for the acknowledgements that are due. Rejects only for a bug. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.wake();
    signal.addEventListener("abort", onAbort, { once: true });
    while (!signal.aborted) {
      const limits = await this.#parts.broker.online(signal, this.#connection?.number ?? 0);
      if (limits === undefined) break;
      this.#startConnection(limits);
      await this.#renewBudgets(signal);
      await this.#serve(signal);
    }
    signal.removeEventListener("abort", onAbort);
    await this.#finish();
  }

  /** Resolves with true when all that can be sent has been sent and acknowledged; with false when there is no link, or `signal` aborts. For a stop in order. */
  async drained(signal: AbortSignal): Promise<boolean> {
    const { broker, clock } = this.#parts;
    while (!signal.aborted && broker.status().state === "online") {
      // A connection that is newer than the last turn of the loop has its turn first.
      if (this.#isDrained && this.#isOnline()) {
        this.forgetDelivered();
        return true;
      }
      await clock.sleep(20, signal);
    }
    return false;
  }

  #startConnection(limits: BrokerLimits): void {
    const { broker, settings } = this.#parts;
    const window = Math.max(1, Math.min(settings.inFlight, Math.floor(limits.receiveMaximum / 2)));
    this.#connection = { number: broker.status().connects, limits, window };
    this.#state.backoff.startConnection();
    this.#state.inFlight.startConnection(this.#parts.clock.monotonicMs());
    this.#liveMarks.clear();
    this.#lossesDueMs = 0;
    this.#isDrained = false;
    this.#guard.attempt((outbox) => this.#state.drainOrder.rewind(outbox.lastRow()));
  }

  async #renewBudgets(signal: AbortSignal): Promise<void> {
    const renewals = this.#state.budgets.flatMap((budget) => budget.renew?.() ?? []);
    if (renewals.length === 0) return;
    const done = new AbortController();
    const late = this.#parts.clock.sleep(RENEW_MS, AbortSignal.any([signal, done.signal]));
    await Promise.race([Promise.all(renewals), late]);
    done.abort();
  }

  async #serve(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#isOnline()) {
      this.#work();
      await this.#rest();
    }
    this.forgetDelivered();
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
      this.#state.inFlight.forgetDue(nowMs);
      this.#tick(nowMs);
      this.#fill(nowMs);
      this.#hasMoreExpired = this.#state.expired.drop(outbox);
      if (this.#hasMoreExpired) this.#isDrained = false;
    });
    if (isDone) return;
    // What was passed over on the way to the failure gets its turn again.
    this.#state.expired.forget();
    this.#state.lookAgain();
  }

  #tick(nowMs: number): void {
    const { outbox } = this.#parts;
    if (this.#backoffDueMs !== undefined && nowMs >= this.#backoffDueMs) this.#state.lookAgain();
    this.#backoffDueMs = this.#state.backoff.nextDueMs(nowMs);
    if (nowMs < this.#lossesDueMs) return;
    this.#lossesDueMs = nowMs + TICK_MS;
    const backlogEnd = this.#liveMarks.note(nowMs, outbox.lastRow());
    if (backlogEnd !== undefined) this.#state.drainOrder.advanceBacklogEnd(backlogEnd);
    this.#lossReporter.report(outbox, nowMs);
  }

  #fill(nowMs: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { window } = connection;
    if (this.#isTryingSuspect(connection, nowMs)) return;
    while (this.#state.inFlight.count < window) {
      const candidate = this.#state.next(window, nowMs);
      if (candidate === undefined) {
        this.#isDrained = this.#state.isIdle;
        return;
      }
      this.#send(candidate, connection, nowMs);
    }
  }

  /** Sends a record alone that may have ended a connection. While there is one, nothing else goes out. */
  #isTryingSuspect(connection: Connection, nowMs: number): boolean {
    const { suspects, inFlight } = this.#state;
    if (suspects.isTrying) return true;
    const candidate = this.#state.nextSuspect(nowMs);
    if (candidate === undefined) return false;
    if (inFlight.count > 0) return true;
    if (this.#send(candidate, connection, nowMs)) {
      suspects.begin(candidate);
      return true;
    }
    suspects.clear(candidate.record.row);
    return this.#isTryingSuspect(connection, nowMs);
  }

  /** Gives whether it went: one that has been evicted meanwhile does not. */
  #send(candidate: NextRecord, connection: Connection, nowMs: number): boolean {
    const { record } = candidate;
    const { broker, topics, clock, settings } = this.#parts;
    const { inFlight, backoff } = this.#state;
    if (!inFlight.start(candidate)) return false;
    const expirySeconds = messageExpirySecondsOf(record, clock, settings.maxGapMs);
    const publication = publicationOf(record, topics, expirySeconds, connection.limits.retainAvailable);
    for (const budget of this.#state.budgets) budget.spent(record.stream, wireBytes(publication));
    backoff.beginAttempt(publication.topic);
    this.#backoffDueMs = backoff.nextDueMs(nowMs);
    const sent = {
      sent: candidate,
      topic: publication.topic,
      atMs: clock.monotonicMs(),
      limits: connection.limits,
    };
    void broker.publish(publication).then((outcome) => {
      this.#outcomes.settle(sent, outcome, this.#isOnline());
      this.wake();
    });
    return true;
  }

  /** Until something happened or is due. */
  async #rest(): Promise<void> {
    const eventMs = Math.min(
      this.#state.inFlight.ackDueMs,
      this.#backoffDueMs ?? Number.POSITIVE_INFINITY,
      this.#lossesDueMs,
    );
    const dueMs = this.#hasMoreExpired ? 0 : eventMs;
    await this.#wakeSignal.until(Math.max(dueMs, this.#guard.retryAtMs));
  }

  async #finish(): Promise<void> {
    const { clock } = this.#parts;
    const endMs = clock.monotonicMs() + LAST_ACKS_MS;
    while (this.#state.inFlight.count > 0 && this.#isOnline() && clock.monotonicMs() < endMs) await clock.sleep(10);
    this.forgetDelivered();
  }
}
