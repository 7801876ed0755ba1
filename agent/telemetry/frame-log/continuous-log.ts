import { type Clock, isBelievable } from "../../core/clock.ts";
import { errnoOf, messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { FrameBatch } from "../../ports/frame.ts";
import type { FrameTest } from "../../signals/log-formats/candump-filter.ts";
import { FrameRing } from "./frame-ring.ts";
import { type LogFiles, LowDiskError } from "./log-files.ts";

/** What is durable is at most this old, ms, but for the time that the disk takes. */
const FLUSH_MS = 750;
/** Frames that are written before the rest of the process gets its turn: about a millisecond. */
const SLICE_FRAMES = 500;
/** After a failure the disk is tried again after this time, ms. */
const RETRY_MS = 5000;

/** What is logged, and how much may wait for the disk. */
export type ContinuousLogSettings = {
  readonly buses: readonly string[];
  /** Undefined for every frame, error frames too. */
  readonly wants: FrameTest | undefined;
  readonly bufferBytes: number;
};

export type ContinuousLogParts = {
  readonly settings: ContinuousLogSettings;
  readonly files: LogFiles;
  readonly clock: Clock;
  readonly log: Log;
  /** Lets the rest of the process have its turn. */
  readonly turn: () => Promise<void>;
};

/** How the continuous log is doing. Counts are frames since start. */
export type ContinuousLogStatus = {
  /** "waiting": no frame came yet. "failed": the disk does not take it now; it is tried again. */
  readonly state: "waiting" | "writing" | "failed";
  /** Why it failed. */
  readonly problem: string | undefined;
  readonly session: number | undefined;
  readonly file: string | undefined;
  /** Of all sessions. */
  readonly files: number;
  readonly bytes: number;
  /** Files removed to stay within the bounds. */
  readonly removed: number;
  readonly written: number;
  /** Found no room in the buffer, or were lost with a write that failed. */
  readonly dropped: number;
};

/**
 * Every frame of chosen buses in files that stay in the vehicle. On the frame path a frame is copied into a ring, and no more; a loop
 * writes what is there every 750 ms, in slices, and makes it durable. A disk that fails is a state: frames wait as long as there is
 * room, are counted beyond that, and a new file begins when it works again.
 */
export class ContinuousLog {
  readonly #parts: ContinuousLogParts;
  readonly #ring: FrameRing;
  readonly #numbers: ReadonlyMap<string, number>;
  /** Found no room in the ring. */
  #dropped = 0;
  /** Lost frames that a file tells of. */
  #told = 0;
  #problem: string | undefined;
  #retryAtMs = 0;

  constructor(parts: ContinuousLogParts) {
    this.#parts = parts;
    this.#ring = new FrameRing(parts.settings.bufferBytes);
    this.#numbers = new Map(parts.settings.buses.map((bus, number) => [bus, number]));
  }

  /** The frame path: takes the wanted frames of a batch; they are copied. */
  take(bus: string, batch: FrameBatch): void {
    const number = this.#numbers.get(bus);
    if (number === undefined) return;
    const { wants } = this.#parts.settings;
    for (let at = 0; at < batch.count; at += 1) {
      if (wants !== undefined && !wants(batch.id(at), batch.flags(at))) continue;
      if (!this.#ring.push(number, batch, at)) this.#dropped += 1;
    }
  }

  /** Writes until `signal` aborts, and then what is left. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      await clock.sleep(FLUSH_MS, signal);
      if (this.#problem === undefined || clock.monotonicMs() >= this.#retryAtMs || signal.aborted) await this.#write();
    }
    await this.#guarded(() => this.#parts.files.finish());
  }

  status(): ContinuousLogStatus {
    const { session, current, stored, removed, written } = this.#parts.files;
    const state = this.#problem !== undefined ? "failed" : session === undefined ? "waiting" : "writing";
    return {
      state,
      problem: this.#problem,
      session,
      file: current,
      files: stored.files,
      bytes: stored.bytes,
      removed,
      written,
      dropped: this.#lost(),
    };
  }

  /** Everything that is there now; what comes meanwhile is for the next time. */
  async #write(): Promise<void> {
    let left = this.#ring.count;
    await this.#guarded(async () => {
      while (left > 0) {
        const frames = Math.min(left, SLICE_FRAMES);
        await this.#writeSlice(frames);
        left -= frames;
        await this.#parts.turn();
      }
      await this.#parts.files.flush();
    });
  }

  /** A frame leaves the ring when a file has taken it. */
  async #writeSlice(frames: number): Promise<void> {
    const { files, clock, settings } = this.#parts;
    const isTimeKnown = isBelievable(clock.quality());
    for (let taken = 0; taken < frames; taken += 1) {
      await files.add(settings.buses[this.#ring.bus()], this.#ring.frame(), isTimeKnown);
      this.#ring.drop();
      this.#tellLoss();
    }
  }

  #tellLoss(): void {
    const untold = this.#lost() - this.#told;
    if (untold === 0) return;
    this.#parts.files.remark(`${untold} frames are missing about here: the disk did not take them`);
    this.#told += untold;
  }

  #lost(): number {
    return this.#dropped + this.#parts.files.lost;
  }

  /** A failure of the disk gives up the file, and with it what was not durable; any other error is a bug. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    const { files, log, clock } = this.#parts;
    try {
      await work();
      if (this.#problem !== undefined) log.info("frame-log.resumed", { file: files.current, dropped: this.#lost() });
      this.#problem = undefined;
    } catch (error) {
      if (errnoOf(error) === undefined && !(error instanceof LowDiskError)) throw error;
      if (this.#problem === undefined) log.warn("frame-log.failed", { file: files.current, problem: messageOf(error) });
      this.#problem = messageOf(error);
      this.#retryAtMs = clock.monotonicMs() + RETRY_MS;
      await files.giveUp();
    }
  }
}
