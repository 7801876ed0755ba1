import { idKey } from "../../ports/arbitration-id.ts";
import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";
import { frameBits } from "../../signals/frame-bits.ts";
import type { BitRates } from "./bit-rates.ts";

/** Ids that are told apart; frames with others are counted together. */
const MOST_IDS = 4096;
const SECOND_US = 1_000_000;
/** `exact` with the stuff bits that the frames have, `most` with as many as they can have. Part of the time; may exceed 1 for `most`. */
export type Load = { readonly exact: number; readonly most: number };

/** What was on a bus for a time. `load` is undefined where the bit rate is not known. */
export type BusReading = {
  readonly frames: number;
  readonly errorFrames: number;
  readonly framesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly load: Load | undefined;
};

/** The frames of one id. Gaps and jitter (the standard deviation of the gaps) are µs, undefined with fewer than two frames. */
export type IdReading = {
  readonly id: number;
  readonly extended: boolean;
  readonly frames: number;
  /** Data bytes of the newest. */
  readonly length: number;
  readonly perSecond: number;
  readonly gapUs: { readonly least: number; readonly mean: number; readonly most: number } | undefined;
  readonly jitterUs: number | undefined;
  /** With the stuff bits that the frames have. */
  readonly load: number | undefined;
};

type Sums = { frames: number; errorFrames: number; bytes: number; exactS: number; mostS: number };

type IdSums = {
  readonly id: number;
  readonly extended: boolean;
  frames: number;
  length: number;
  lastUs: number;
  busyS: number;
  leastUs: number;
  mostUs: number;
  /** Mean of the gaps, and the sum of squared differences from it (Welford). */
  meanUs: number;
  squares: number;
};

/** Counts what is on one bus: its load, and rate and jitter of each id by the times of its frames. */
export class BusMeter {
  readonly rates: BitRates;
  readonly #total: Sums = noSums();
  #window: Sums = noSums();
  #peak: number | undefined;
  readonly #ids = new Map<number, IdSums>();
  #otherFrames = 0;

  constructor(rates: BitRates) {
    this.rates = rates;
  }

  /** The highest load (exact) of a window so far. */
  get peak(): number | undefined {
    return this.#peak;
  }

  /** Frames of ids beyond those that are told apart. */
  get otherFrames(): number {
    return this.#otherFrames;
  }

  add(frame: CanFrame): void {
    const isError = (frame.flags & FRAME_FLAG.error) !== 0;
    const exactS = isError ? 0 : this.#secondsOf(frame, "exact");
    const mostS = isError ? 0 : this.#secondsOf(frame, "worst");
    for (const sums of [this.#total, this.#window]) {
      if (isError) sums.errorFrames += 1;
      else sums.frames += 1;
      sums.bytes += isError ? 0 : frame.data.length;
      sums.exactS += exactS;
      sums.mostS += mostS;
    }
    if (!isError) this.#addToId(frame, exactS);
  }

  /** Since the look before, `seconds` ago. */
  window(seconds: number): BusReading {
    const reading = this.#readingOf(this.#window, seconds);
    this.#window = noSums();
    if (reading.load !== undefined) this.#peak = Math.max(this.#peak ?? 0, reading.load.exact);
    return reading;
  }

  /** Since the beginning, `seconds` ago. */
  total(seconds: number): BusReading {
    return this.#readingOf(this.#total, seconds);
  }

  /** By id, those of 11 bits first. */
  ids(seconds: number): readonly IdReading[] {
    const readings = [...this.#ids.values()].map((sums) => this.#idReading(sums, seconds));
    return readings.toSorted((a, b) => idKey(a.id, a.extended) - idKey(b.id, b.extended));
  }

  #secondsOf(frame: CanFrame, stuffing: "exact" | "worst"): number {
    const { bitrate, dataBitrate } = this.rates;
    if (bitrate === undefined) return 0;
    const { nominal, data } = frameBits(frame, stuffing);
    return nominal / bitrate + data / (dataBitrate ?? bitrate);
  }

  #addToId(frame: CanFrame, busyS: number): void {
    const extended = (frame.flags & FRAME_FLAG.extended) !== 0;
    const key = idKey(frame.id, extended);
    const sums = this.#ids.get(key);
    if (sums === undefined) {
      if (this.#ids.size >= MOST_IDS) this.#otherFrames += 1;
      else this.#ids.set(key, firstOf(frame, extended, busyS));
      return;
    }
    const gapUs = frame.receivedAtUs - sums.lastUs;
    sums.frames += 1;
    sums.length = frame.data.length;
    sums.lastUs = frame.receivedAtUs;
    sums.busyS += busyS;
    sums.leastUs = Math.min(sums.leastUs, gapUs);
    sums.mostUs = Math.max(sums.mostUs, gapUs);
    const difference = gapUs - sums.meanUs;
    sums.meanUs += difference / (sums.frames - 1);
    sums.squares += difference * (gapUs - sums.meanUs);
  }

  #readingOf(sums: Sums, seconds: number): BusReading {
    const over = Math.max(seconds, 1 / SECOND_US);
    return {
      frames: sums.frames,
      errorFrames: sums.errorFrames,
      framesPerSecond: sums.frames / over,
      bytesPerSecond: sums.bytes / over,
      load: this.rates.bitrate === undefined ? undefined : { exact: sums.exactS / over, most: sums.mostS / over },
    };
  }

  #idReading(sums: IdSums, seconds: number): IdReading {
    const { id, extended, frames, length, leastUs, meanUs, mostUs } = sums;
    const gaps = frames - 1;
    return {
      id,
      extended,
      frames,
      length,
      // By its own times where they say it: an id that began late would seem slower.
      perSecond: meanUs > 0 ? SECOND_US / meanUs : frames / Math.max(seconds, 1 / SECOND_US),
      gapUs: gaps > 0 ? { least: leastUs, mean: meanUs, most: mostUs } : undefined,
      jitterUs: gaps > 0 ? Math.sqrt(sums.squares / gaps) : undefined,
      load: this.rates.bitrate === undefined ? undefined : sums.busyS / Math.max(seconds, 1 / SECOND_US),
    };
  }
}

function noSums(): Sums {
  return { frames: 0, errorFrames: 0, bytes: 0, exactS: 0, mostS: 0 };
}

function firstOf({ id, data, receivedAtUs }: CanFrame, extended: boolean, busyS: number): IdSums {
  const none = { leastUs: Number.POSITIVE_INFINITY, mostUs: 0, meanUs: 0, squares: 0 };
  return { id, extended, frames: 1, length: data.length, lastUs: receivedAtUs, busyS, ...none };
}
