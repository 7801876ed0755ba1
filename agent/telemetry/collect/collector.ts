import type { CollectRule } from "../../../config/schema.ts";
import type { MessageEntry } from "../../signals/signal-entry.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import { type CollectPlan, MODE, planCollection } from "./collect-rules.ts";
import { LatestValues } from "./latest-values.ts";
import { SampleLog } from "./sample-log.ts";

export type CollectorParts = {
  readonly table: SignalTable;
  readonly rules: readonly CollectRule[];
  /** Samples after which the batch is full. */
  readonly batchSamples: number;
};

/**
 * Picks from the decoded frames the samples that the rules ask for and keeps them until `drain`.
 *
 * Rules, a signal: "on-change" takes a value that differs from the one before (NaN equals NaN, -0 differs from 0); "every" takes a
 * value once the least time has passed since the last taken; "latest" takes the last value of each window, windows being whole
 * multiples of `windowMs` since the Unix epoch; "off" takes none. What one sender sends of a message known by its PGN is a signal of
 * its own. Samples keep their receive time, and the order of their frames: when the wall clock steps back, so do the times.
 */
export class Collector {
  /** One sentence for each rule that matches no signal of the table. */
  readonly warnings: readonly string[];
  /** Samples that found the batch full (none as long as the owner drains when `isFull`), and those of senders without room. */
  discardedSamples = 0;
  /** The newest value of every signal, collected or not. */
  readonly latest: LatestValues;
  readonly #table: SignalTable;
  /** Of the rules that count: mode and period of each signal (see `CollectPlan`). */
  #modes: CollectPlan["modes"];
  #periodsUs: CollectPlan["periodsUs"];
  readonly #batchSamples: number;
  #log: SampleLog;
  #spare: SampleLog;
  // From here on by slot (see `SignalSlots`); the first two are those of `latest`.
  readonly #seenUs: Float64Array;
  readonly #latestWords: Uint32Array;
  /** When last taken, µs since the Unix epoch; NaN: never. */
  readonly #takenUs: Float64Array;
  /** 1 while the newest value of a "latest" signal waits for its window to end. */
  readonly #pending: Uint8Array;
  /** Monotonic time at which `drain` first met the pending value, ms; NaN: not yet. */
  readonly #metMs: Float64Array;

  constructor({ table, rules, batchSamples }: CollectorParts) {
    const count = table.slots.capacity;
    this.#table = table;
    const { modes, periodsUs, warnings } = planCollection(rules, table.signals);
    this.#modes = modes;
    this.#periodsUs = periodsUs;
    this.warnings = warnings;
    this.#batchSamples = batchSamples;
    // Beyond the batch there is room for the frame that fills it, and for all pending values when the batch is closed.
    this.#log = new SampleLog(batchSamples + 2 * count);
    this.#spare = new SampleLog(batchSamples + 2 * count);
    this.latest = new LatestValues(table);
    this.#seenUs = this.latest.seenUs;
    this.#latestWords = this.latest.words;
    this.#takenUs = new Float64Array(count).fill(Number.NaN);
    this.#pending = new Uint8Array(count);
    this.#metMs = new Float64Array(count).fill(Number.NaN);
  }

  /** From the next frame on these rules count. Values that wait for their window to end are taken before. */
  useRules(rules: readonly CollectRule[]): void {
    this.#closeAllWindows(0, true);
    const { modes, periodsUs } = planCollection(rules, this.#table.signals);
    this.#modes = modes;
    this.#periodsUs = periodsUs;
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
   * the table's `present` need not be looked at; `firstSlot` who sent it, -1 for a sender that there is no room for. On the frame
   * path: allocates nothing (but for growth of the batch).
   */
  take(
    message: MessageEntry,
    allPresent: boolean,
    receivedAtUs: number,
    firstSlot: number = message.firstSignal,
  ): void {
    const end = message.firstSignal + message.signalCount;
    if (firstSlot < 0) {
      const modes = this.#modes;
      for (let signal = message.firstSignal; signal < end; signal++) {
        if (modes[signal] !== MODE.off) this.discardedSamples += 1;
      }
      return;
    }
    const shift = firstSlot - message.firstSignal;
    const present = this.#table.present;
    const opensAt = this.#log.count;
    for (let signal = message.firstSignal; signal < end; signal++) {
      if (allPresent || present[signal] === 1) this.#takeSignal(signal, signal + shift, receivedAtUs);
    }
    if (this.#log.count > opensAt) this.#log.opens[opensAt] = 1;
  }

  /**
   * The samples since the last drain, oldest frame first; the log is valid until the next drain.
   *
   * `monotonicMs` closes the windows of "latest" signals whose message no longer comes; `closing` closes all of them.
   */
  drain(monotonicMs: number, closing: boolean): SampleLog {
    this.#closeAllWindows(monotonicMs, closing);
    const drained = this.#log;
    this.#log = this.#spare;
    this.#log.clear();
    this.#spare = drained;
    return drained;
  }

  #takeSignal(signal: number, slot: number, timeUs: number): void {
    const { latest } = this;
    const mode = this.#modes[signal];
    let taken = false;
    // For on-change the newest value is also the last one taken: every other was equal to it.
    if (mode === MODE.onChange) taken = latest.differs(signal, slot) || this.#isSilentTooLong(signal, slot, timeUs);
    else if (mode === MODE.every) taken = this.#isDue(signal, slot, timeUs);
    else if (mode === MODE.latest) this.#awaitWindow(signal, slot, timeUs);
    latest.note(signal, slot, timeUs);
    if (!taken) return;
    this.#takenUs[slot] = timeUs;
    this.#append(slot, timeUs);
  }

  #isSilentTooLong(signal: number, slot: number, timeUs: number): boolean {
    return this.#periodsUs[signal] > 0 && this.#isDue(signal, slot, timeUs);
  }

  /** A negative time since the last sample means that the wall clock stepped back; waiting for it to catch up could take years. */
  #isDue(signal: number, slot: number, timeUs: number): boolean {
    const elapsedUs = timeUs - this.#takenUs[slot];
    return !(elapsedUs >= 0 && elapsedUs < this.#periodsUs[signal]);
  }

  #awaitWindow(signal: number, slot: number, timeUs: number): void {
    const windowUs = this.#periodsUs[signal];
    const isNewWindow = Math.floor(timeUs / windowUs) !== Math.floor(this.#seenUs[slot] / windowUs);
    if (this.#pending[slot] === 1 && isNewWindow) this.#takePending(slot);
    this.#pending[slot] = 1;
  }

  #closeAllWindows(monotonicMs: number, closing: boolean): void {
    for (const message of this.#table.messages) this.#closeWindows(message, message.firstSignal, monotonicMs, closing);
    for (const { message, firstSlot } of this.#table.slots.senders) {
      this.#closeWindows(message, firstSlot, monotonicMs, closing);
    }
  }

  #closeWindows({ signalCount }: MessageEntry, firstSlot: number, monotonicMs: number, closing: boolean): void {
    const opensAt = this.#log.count;
    for (let slot = firstSlot; slot < firstSlot + signalCount; slot++) {
      if (this.#pending[slot] === 1 && (closing || this.#hasWaitedLong(slot, monotonicMs))) this.#takePending(slot);
    }
    if (this.#log.count > opensAt) this.#log.opens[opensAt] = 1;
  }

  #takePending(slot: number): void {
    this.#pending[slot] = 0;
    this.#metMs[slot] = Number.NaN;
    this.#append(slot, this.#seenUs[slot]);
  }

  /** Judged by the monotonic clock, since receive times may come from another clock (a log, a remote bus). */
  #hasWaitedLong(slot: number, monotonicMs: number): boolean {
    if (Number.isNaN(this.#metMs[slot])) this.#metMs[slot] = monotonicMs;
    const periodUs = this.#periodsUs[this.#table.slots.signalOf(slot).index];
    return (monotonicMs - this.#metMs[slot]) * 1000 >= periodUs;
  }

  #append(slot: number, timeUs: number): void {
    const log = this.#log;
    if (!log.reserve()) {
      this.discardedSamples += 1;
      return;
    }
    const at = log.count;
    log.slots[at] = slot;
    log.timesUs[at] = timeUs;
    // As words, because a float64 copy need not keep the bits of a wide integer that look like a NaN.
    log.words[at * 2] = this.#latestWords[slot * 2];
    log.words[at * 2 + 1] = this.#latestWords[slot * 2 + 1];
    log.opens[at] = 0;
    log.count = at + 1;
  }
}
