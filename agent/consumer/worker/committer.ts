import { type BackoffBounds, fullJitterMs } from "../../core/backoff.ts";
import { type Clock, isBelievable } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { WakeSignal } from "../../core/wake-signal.ts";
import type { CommitOutcome, Sink } from "../store/sink.ts";
import { type BatchBounds, Batcher, type InHand } from "./batcher.ts";
import type { Counters } from "./counters.ts";

/** A batch that has failed so often is committed delivery by delivery: one of them may be what the sink fails on. */
const ATTEMPTS_TOGETHER = 3;
/** Failures in a row after which delivery by delivery is given up: it is the sink that does not work. */
const FAILURES_ALONE = 3;
/** A delivery that fails alone so often, while others go through, is refused. */
const ATTEMPTS_ALONE = 5;
/** Failures are logged one by one up to here, then now and then. */
const LOGGED_FAILURES = 3;
const LOG_EVERY = 20;
/** Longest sleep of the loop, ms. */
const IDLE_MS = 1000;

export type CommitterParts = {
  readonly sink: Sink;
  readonly settings: { readonly batch: BatchBounds; readonly backoff: BackoffBounds };
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** A delivery that will never be written. True: it is safe elsewhere, or need not be kept, and may be acknowledged. */
  onRefused(item: InHand, reason: string, detail: string): Promise<boolean>;
  /** A delivery is not in hand any more. */
  onDone(item: InHand): void;
};

type Suspect = { readonly item: InHand; attempts: number; dueMs: number; commits: number; what: string };

/**
 * Commits batches to the sink, one at a time, and acknowledges what is durable. While the sink fails nothing is acknowledged and the same
 * deliveries are offered again, with full jitter; one that fails alone while others go through does not hold them up.
 */
export class Committer {
  readonly #parts: CommitterParts;
  readonly #batcher: Batcher;
  readonly #wakeSignal: WakeSignal;
  #suspects: Suspect[] = [];
  /** What failed together, to be offered again. */
  #again: readonly InHand[] = [];
  #againMs = 0;
  #failures = 0;
  #isDraining = false;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
    this.#batcher = new Batcher(parts.settings.batch);
    this.#wakeSignal = new WakeSignal(parts.clock);
  }

  /** Commits of which none has gone through since the last that did. */
  get failures(): number {
    return this.#failures;
  }

  add(item: InHand): void {
    this.#batcher.add(item);
    this.#wakeSignal.wake();
  }

  /** Batches are due from now on, whatever their size: `run` ends when nothing is left but what the sink fails on. */
  drain(): void {
    this.#isDraining = true;
    this.#wakeSignal.wake();
  }

  /** Commits until drained, or until `signal` aborts. Rejects only for a bug. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#wakeSignal.wake();
    signal.addEventListener("abort", onAbort, { once: true });
    while (!signal.aborted) {
      const nowMs = this.#parts.clock.monotonicMs();
      const dueMs = this.#dueMs();
      if (dueMs === undefined && this.#isDraining) break;
      if (dueMs === undefined || dueMs > nowMs)
        await this.#wakeSignal.until(Math.min(dueMs ?? nowMs + IDLE_MS, nowMs + IDLE_MS));
      else await this.#turn(nowMs);
    }
    signal.removeEventListener("abort", onAbort);
  }

  #dueMs(): number | undefined {
    if (this.#again.length > 0) return this.#againMs;
    if (this.#isDraining) return this.#batcher.size > 0 ? Number.NEGATIVE_INFINITY : undefined;
    const dues = [this.#batcher.dueMs(), ...this.#suspects.map(({ dueMs }) => dueMs)].filter(
      (due) => due !== undefined,
    );
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  async #turn(nowMs: number): Promise<void> {
    const suspect = this.#isDraining ? undefined : this.#suspects.find(({ dueMs }) => dueMs <= nowMs);
    if (suspect !== undefined) return this.#tryAlone(suspect);
    const isFull = this.#again.length >= this.#parts.settings.batch.count;
    const batch = isFull ? this.#again : [...this.#again, ...this.#batcher.take()];
    const failure = await this.#commit(batch);
    if (failure !== undefined) return this.#failed(batch, failure);
    this.#again = [];
    this.#recovered();
  }

  /** Undefined when it is done; otherwise what the sink said. */
  async #commit(batch: readonly InHand[]): Promise<string | undefined> {
    const { sink, counters, clock } = this.#parts;
    const beganMs = clock.monotonicMs();
    let outcome: CommitOutcome;
    try {
      outcome = await sink.commit(batch.map(({ delivery }) => delivery));
    } catch (thrown) {
      counters.commitFailures += 1;
      return messageOf(thrown);
    }
    counters.commits += 1;
    counters.committedMs = clock.monotonicMs();
    counters.commitSeconds.note((counters.committedMs - beganMs) / 1000);
    await this.#settle(batch, outcome);
    return undefined;
  }

  async #settle(batch: readonly InHand[], { written, repeats, refused }: CommitOutcome): Promise<void> {
    const { counters } = this.#parts;
    counters.written += written;
    counters.repeats += repeats;
    const reasons = new Map(refused.map((one) => [one.delivery, one]));
    for (const item of batch) {
      const refusal = reasons.get(item.delivery);
      if (refusal === undefined) this.#done(item);
      else await this.#refuse(item, refusal.reason, refusal.detail);
    }
    // A vehicle that does not know the time says nothing about how long its record was on the way.
    const newest = batch.findLast(({ delivery: { record } }) => isBelievable(record.anchor.quality));
    if (newest !== undefined) counters.lagUs = this.#parts.clock.wallUs() - newest.delivery.record.anchor.wallUs;
  }

  async #failed(batch: readonly InHand[], what: string): Promise<void> {
    this.#failures += 1;
    this.#tellFailure(batch.length, what);
    this.#again = batch;
    if (this.#failures >= ATTEMPTS_TOGETHER && batch.length > 1) await this.#oneByOne(batch);
    this.#againMs = this.#soonMs(this.#failures);
  }

  /** Leaves in `#again` what it has not tried, or all of it when nothing goes through. */
  async #oneByOne(batch: readonly InHand[]): Promise<void> {
    const failed: Suspect[] = [];
    const { counters } = this.#parts;
    for (const [at, item] of batch.entries()) {
      const what = await this.#commit([item]);
      if (what !== undefined) failed.push({ item, attempts: 1, dueMs: 0, commits: counters.commits, what });
      const hasWorked = failed.length <= at;
      if (!hasWorked && failed.length >= FAILURES_ALONE) return;
    }
    const isTheSinks = failed.length === batch.length;
    this.#again = isTheSinks ? batch : [];
    if (isTheSinks) return;
    this.#recovered();
    for (const suspect of failed) this.#suspects.push({ ...suspect, dueMs: this.#soonMs(1) });
  }

  #tellFailure(deliveries: number, what: string): void {
    if (this.#failures > LOGGED_FAILURES && this.#failures % LOG_EVERY !== 0) return;
    this.#parts.log.warn("consumer.commit-failed", { what, deliveries, failures: this.#failures });
  }

  #recovered(): void {
    if (this.#failures > 0) this.#parts.log.info("consumer.commit-recovered", { failures: this.#failures });
    this.#failures = 0;
  }

  async #tryAlone(suspect: Suspect): Promise<void> {
    const { counters, log } = this.#parts;
    const what = await this.#commit([suspect.item]);
    // Only where others have gone through meanwhile does it prove anything.
    const isItsOwn = what !== undefined && counters.commits > suspect.commits;
    if (isItsOwn) suspect.attempts += 1;
    suspect.commits = counters.commits;
    suspect.what = what ?? suspect.what;
    suspect.dueMs = this.#soonMs(suspect.attempts);
    const isOver =
      what === undefined ||
      (suspect.attempts >= ATTEMPTS_ALONE && (await this.#refuse(suspect.item, "sink-failed", what)));
    if (!isOver) return;
    this.#suspects = this.#suspects.filter((other) => other !== suspect);
    if (what !== undefined) log.error("consumer.record-given-up", { what, attempts: suspect.attempts });
  }

  async #refuse(item: InHand, reason: string, detail: string): Promise<boolean> {
    const isSafe = await this.#parts.onRefused(item, reason, detail);
    if (isSafe) this.#done(item);
    return isSafe;
  }

  #done(item: InHand): void {
    this.#parts.onDone(item);
    for (const acknowledge of item.acknowledgements) acknowledge();
  }

  #soonMs(attempt: number): number {
    const { clock, random, settings } = this.#parts;
    return clock.monotonicMs() + 1 + fullJitterMs(Math.max(0, attempt - 1), settings.backoff, random);
  }
}
