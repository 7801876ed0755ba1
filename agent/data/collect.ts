import type { CollectRule } from "../../config/schema.ts";
import { type CollectPlan, MODE, planCollection } from "./collect-rules.ts";
import { SampleLog } from "./sample-log.ts";
import type { MessageEntry, SignalEntry, SignalTable } from "./signal-table.ts";

/** What a collector is made of. */
export type CollectorParts = {
  readonly table: SignalTable;
  readonly rules: readonly CollectRule[];
  /** Samples after which the batch is full. */
  readonly batchSamples: number;
};

/** The newest value of one signal, collected or not. */
export type LatestValue = {
  readonly signal: SignalEntry;
  /** Receive time, µs since the Unix epoch. */
  readonly timeUs: number;
  /** A bigint beyond 2^53. */
  readonly raw: number | bigint;
};

/**
 * Picks from the decoded frames the samples that the rules ask for and keeps them until `drain`.
 *
 * Rules, a signal: "on-change" takes a value that differs from the one before (NaN equals NaN, -0 differs from 0); "every" takes a
 * value once the least time has passed since the last taken; "latest" takes the last value of each window, windows being whole
 * multiples of `windowMs` since the Unix epoch; "off" takes none. Samples keep their receive time, and the order of their
 * frames: when the wall clock steps back, so do the times.
 */
export class Collector {
  /** One sentence for each rule that matches no signal of the table. */
  readonly warnings: readonly string[];
  /** Samples that found the batch full; none as long as the owner drains when `isFull`. */
  discardedSamples = 0;
  readonly #table: SignalTable;
  #plan: CollectPlan;
  readonly #batchSamples: number;
  #log: SampleLog;
  #spare: SampleLog;
  /** Slot in `SignalTable.wides` of each signal, or -1. */
  readonly #wideSlots: Int32Array;
  readonly #wideWords: Uint32Array;
  /** Newest value of each signal, and the same memory as words (for the wide ones). */
  readonly #latestValues: Float64Array;
  readonly #latestWords: Uint32Array;
  /** When each signal was last seen and last taken, µs since the Unix epoch; NaN: never. */
  readonly #seenUs: Float64Array;
  readonly #takenUs: Float64Array;
  /** 1 while the newest value of a "latest" signal waits for its window to end. */
  readonly #pending: Uint8Array;
  /** Monotonic time at which `drain` first met the pending value, ms; NaN: not yet. */
  readonly #metMs: Float64Array;

  constructor({ table, rules, batchSamples }: CollectorParts) {
    const count = table.signals.length;
    this.#table = table;
    this.#plan = planCollection(rules, table.signals);
    this.warnings = this.#plan.warnings;
    this.#batchSamples = batchSamples;
    // Beyond the batch there is room for the frame that fills it, and for all pending values when the batch is closed.
    this.#log = new SampleLog(batchSamples + 2 * count);
    this.#spare = new SampleLog(batchSamples + 2 * count);
    this.#wideSlots = Int32Array.from(table.signals, (signal) => signal.wide);
    this.#wideWords = new Uint32Array(table.wides.buffer, table.wides.byteOffset, table.wides.length * 2);
    this.#latestValues = new Float64Array(count);
    this.#latestWords = new Uint32Array(this.#latestValues.buffer);
    this.#seenUs = new Float64Array(count).fill(Number.NaN);
    this.#takenUs = new Float64Array(count).fill(Number.NaN);
    this.#pending = new Uint8Array(count);
    this.#metMs = new Float64Array(count).fill(Number.NaN);
  }

  /** From the next frame on these rules count. Values that wait for their window to end are taken before. */
  useRules(rules: readonly CollectRule[]): void {
    for (const message of this.#table.messages) this.#closeWindows(message, 0, true);
    this.#plan = planCollection(rules, this.#table.signals);
  }

  /** One sentence about the first rule that matches no signal of the table, or several where it names one; undefined when all are good. */
  unfitRule(rules: readonly CollectRule[]): string | undefined {
    const { warnings, ambiguous } = planCollection(rules, this.#table.signals);
    return warnings[0] ?? ambiguous[0]?.problem;
  }

  /** Samples that wait for `drain`. */
  get sampleCount(): number {
    return this.#log.count;
  }

  /** Whether the batch has reached its size and must be drained before the next `take`. */
  get isFull(): boolean {
    return this.#log.count >= this.#batchSamples;
  }

  /**
   * Takes what the rules ask for from the table's buffers, into which `message` has just been decoded. `allPresent` says that
   * the table's `present` need not be looked at. On the frame path: allocates nothing (but for growth of the batch).
   */
  take(message: MessageEntry, allPresent: boolean, receivedAtUs: number): void {
    const present = this.#table.present;
    const opensAt = this.#log.count;
    const end = message.firstSignal + message.signalCount;
    for (let signal = message.firstSignal; signal < end; signal++) {
      if (allPresent || present[signal] === 1) this.#takeSignal(signal, receivedAtUs);
    }
    if (this.#log.count > opensAt) this.#log.opens[opensAt] = 1;
  }

  /**
   * The samples since the last drain, oldest frame first; the log is valid until the next drain.
   *
   * `monotonicMs` closes the windows of "latest" signals whose message no longer comes; `closing` closes all of them.
   */
  drain(monotonicMs: number, closing: boolean): SampleLog {
    for (const message of this.#table.messages) this.#closeWindows(message, monotonicMs, closing);
    const drained = this.#log;
    this.#log = this.#spare;
    this.#log.clear();
    this.#spare = drained;
    return drained;
  }

  /** The newest value of every signal seen so far, in table order. */
  latest(): LatestValue[] {
    const found: LatestValue[] = [];
    for (const signal of this.#table.signals) {
      const latest = this.latestOf(signal);
      if (latest !== undefined) found.push(latest);
    }
    return found;
  }

  /** The newest value of one signal; undefined until it is seen. */
  latestOf(signal: SignalEntry): LatestValue | undefined {
    const timeUs = this.#seenUs[signal.index];
    return Number.isNaN(timeUs) ? undefined : { signal, timeUs, raw: this.#latestRaw(signal) };
  }

  #takeSignal(signal: number, timeUs: number): void {
    const mode = this.#plan.modes[signal];
    let taken = false;
    if (mode === MODE.onChange) taken = this.#differs(signal) || this.#isSilentTooLong(signal, timeUs);
    else if (mode === MODE.every) taken = this.#isDue(signal, timeUs);
    else if (mode === MODE.latest) this.#awaitWindow(signal, timeUs);
    this.#remember(signal, timeUs);
    if (!taken) return;
    this.#takenUs[signal] = timeUs;
    this.#append(signal, timeUs);
  }

  /** For on-change the newest value is also the last one taken: every other was equal to it. */
  #differs(signal: number): boolean {
    if (Number.isNaN(this.#seenUs[signal])) return true;
    const slot = this.#wideSlots[signal];
    if (slot < 0) return !Object.is(this.#table.values[signal], this.#latestValues[signal]);
    return (
      this.#wideWords[slot * 2] !== this.#latestWords[signal * 2] ||
      this.#wideWords[slot * 2 + 1] !== this.#latestWords[signal * 2 + 1]
    );
  }

  #isSilentTooLong(signal: number, timeUs: number): boolean {
    return this.#plan.periodsUs[signal] > 0 && this.#isDue(signal, timeUs);
  }

  /** A negative time since the last sample means that the wall clock stepped back; waiting for it to catch up could take years. */
  #isDue(signal: number, timeUs: number): boolean {
    const elapsedUs = timeUs - this.#takenUs[signal];
    return !(elapsedUs >= 0 && elapsedUs < this.#plan.periodsUs[signal]);
  }

  #awaitWindow(signal: number, timeUs: number): void {
    const windowUs = this.#plan.periodsUs[signal];
    const isNewWindow = Math.floor(timeUs / windowUs) !== Math.floor(this.#seenUs[signal] / windowUs);
    if (this.#pending[signal] === 1 && isNewWindow) this.#takePending(signal);
    this.#pending[signal] = 1;
  }

  #closeWindows({ firstSignal, signalCount }: MessageEntry, monotonicMs: number, closing: boolean): void {
    const opensAt = this.#log.count;
    for (let signal = firstSignal; signal < firstSignal + signalCount; signal++) {
      if (this.#pending[signal] === 1 && (closing || this.#hasWaitedLong(signal, monotonicMs)))
        this.#takePending(signal);
    }
    if (this.#log.count > opensAt) this.#log.opens[opensAt] = 1;
  }

  #takePending(signal: number): void {
    this.#pending[signal] = 0;
    this.#metMs[signal] = Number.NaN;
    this.#append(signal, this.#seenUs[signal]);
  }

  /** Judged by the monotonic clock, since receive times may come from another clock (a log, a remote bus). */
  #hasWaitedLong(signal: number, monotonicMs: number): boolean {
    if (Number.isNaN(this.#metMs[signal])) this.#metMs[signal] = monotonicMs;
    return (monotonicMs - this.#metMs[signal]) * 1000 >= this.#plan.periodsUs[signal];
  }

  #remember(signal: number, timeUs: number): void {
    this.#seenUs[signal] = timeUs;
    const slot = this.#wideSlots[signal];
    if (slot < 0) {
      this.#latestValues[signal] = this.#table.values[signal];
    } else {
      this.#latestWords[signal * 2] = this.#wideWords[slot * 2];
      this.#latestWords[signal * 2 + 1] = this.#wideWords[slot * 2 + 1];
    }
  }

  #append(signal: number, timeUs: number): void {
    const log = this.#log;
    if (!log.reserve()) {
      this.discardedSamples += 1;
      return;
    }
    const at = log.count;
    log.signals[at] = signal;
    log.timesUs[at] = timeUs;
    // As words, because a float64 copy need not keep the bits of a wide integer that look like a NaN.
    log.words[at * 2] = this.#latestWords[signal * 2];
    log.words[at * 2 + 1] = this.#latestWords[signal * 2 + 1];
    log.opens[at] = 0;
    log.count = at + 1;
  }

  #latestRaw({ index, wide, signed }: SignalEntry): number | bigint {
    if (wide < 0) return this.#latestValues[index];
    const bits = new BigInt64Array(this.#latestValues.buffer)[index];
    const exact = signed ? bits : BigInt.asUintN(64, bits);
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
  }
}
