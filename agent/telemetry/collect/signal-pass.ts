import type { MessageEntry } from "../../signals/signal-entry.ts";
import type { SignalStates } from "../../signals/signal-states.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import { LatestValues } from "./latest-values.ts";
import type { Reading } from "./sampler.ts";
import type { SamplerChains } from "./sampler-chains.ts";

/**
 * Brings the signals of a decoded frame to readers and samplers, one after the other: what has just been decoded into the buffers of
 * `table` becomes a reading, and the newest value of its signal.
 */
export class SignalPass {
  /** The newest value of every signal that was decoded, collected or not. */
  readonly latest: LatestValues;
  readonly #present: Uint8Array;
  readonly #wanted: Uint8Array;
  readonly #values: Float64Array;
  readonly #words: Uint32Array;
  readonly #readers: SamplerChains;
  readonly #samplers: SamplerChains;
  readonly #states: SignalStates | undefined;
  readonly #reading: Reading = { slot: 0, timeUs: 0, raw: 0, low: 0, high: 0 };

  constructor(table: SignalTable, readers: SamplerChains, samplers: SamplerChains) {
    this.latest = new LatestValues(table);
    this.#present = table.present;
    this.#wanted = table.wanted;
    this.#values = table.values;
    this.#words = this.latest.words;
    this.#states = table.states;
    this.#readers = readers;
    this.#samplers = samplers;
  }

  /**
   * Takes the signals of `message`. `allPresent` says that the table's `present` need not be looked at; `firstSlot` is the slot of
   * its first signal, as the sender of the frame sends it. On the frame path: allocates nothing.
   */
  take(message: MessageEntry, allPresent: boolean, receivedAtUs: number, firstSlot: number): void {
    const end = message.firstSignal + message.signalCount;
    const shift = firstSlot - message.firstSignal;
    const present = this.#present;
    const wanted = this.#wanted;
    const states = message.hasStates ? this.#states : undefined;
    for (let signal = message.firstSignal; signal < end; signal++) {
      if (wanted[signal] === 1 && (allPresent || present[signal] === 1))
        this.#takeSignal(signal, signal + shift, receivedAtUs, states);
    }
  }

  /** Shows the signals of `message` to the readers alone; whether there was one. On the frame path: allocates nothing. */
  read(message: MessageEntry, allPresent: boolean, receivedAtUs: number, firstSlot: number): boolean {
    const end = message.firstSignal + message.signalCount;
    const shift = firstSlot - message.firstSignal;
    const states = message.hasStates ? this.#states : undefined;
    const reading = this.#reading;
    let isRead = false;
    for (let signal = message.firstSignal; signal < end; signal++) {
      if (!this.#readers.has(signal + shift) || !(allPresent || this.#present[signal] === 1)) continue;
      isRead = true;
      reading.slot = signal + shift;
      reading.timeUs = receivedAtUs;
      reading.raw = this.#values[signal];
      if (states?.isState(signal, reading.raw) === true) reading.raw = Number.NaN;
      this.#readers.take(reading);
    }
    return isRead;
  }

  #takeSignal(signal: number, slot: number, timeUs: number, states: SignalStates | undefined): void {
    const reading = this.#reading;
    reading.slot = slot;
    reading.timeUs = timeUs;
    this.latest.note(signal, slot, timeUs);
    reading.raw = this.#values[signal];
    if (states?.isState(signal, reading.raw) === true) reading.raw = Number.NaN;
    reading.low = this.#words[slot * 2];
    reading.high = this.#words[slot * 2 + 1];
    this.#samplers.take(reading);
  }
}
