import type { FrameBatch } from "../ports/frame.ts";
import type { Appender } from "./appender.ts";
import type { Encoder } from "./record/encode/encoder.ts";
import { FrameLog } from "./record/encode/frames.ts";

/** What a capture is of, and its bound. */
export type CaptureOrder = {
  /** Names it in its records. */
  readonly id: string;
  /** Of all buses when undefined. */
  readonly bus: string | undefined;
  /** Frames that are kept; further ones are counted alone. */
  readonly maxFrames: number;
};

/** What a capture took. */
export type CaptureSummary = { readonly frames: number; readonly discarded: number; readonly records: number };

type Capture = CaptureOrder & {
  readonly logs: Map<string, FrameLog>;
  frames: number;
  discarded: number;
  records: number;
};

/** Takes frames as they are received into records of the capture stream, while it is asked to. One capture at a time. */
export class FrameCapture {
  readonly #encoder: Pick<Encoder, "frames" | "maxBodyBytes">;
  readonly #appender: Pick<Appender, "add" | "store">;
  #capture: Capture | undefined;

  constructor(encoder: Pick<Encoder, "frames" | "maxBodyBytes">, appender: Pick<Appender, "add" | "store">) {
    this.#encoder = encoder;
    this.#appender = appender;
  }

  /** Looked at for every batch of frames. */
  get isOn(): boolean {
    return this.#capture !== undefined;
  }

  /** Begins a capture; one that is on is ended. */
  start(order: CaptureOrder): void {
    this.stop();
    this.#capture = { ...order, logs: new Map(), frames: 0, discarded: 0, records: 0 };
  }

  /** Takes a batch of frames of `bus`; they are copied. */
  take(bus: string, batch: FrameBatch): void {
    const capture = this.#capture;
    if (capture === undefined || (capture.bus !== undefined && capture.bus !== bus)) return;
    for (let at = 0; at < batch.count; at += 1) this.#takeOne(capture, bus, batch, at);
  }

  /** Ends the capture and stores what it took; undefined when none was on. */
  stop(): CaptureSummary | undefined {
    const capture = this.#capture;
    if (capture === undefined) return undefined;
    this.#capture = undefined;
    for (const log of capture.logs.values()) this.#hand(capture, log);
    this.#appender.store();
    const { frames, discarded, records } = capture;
    return { frames, discarded, records };
  }

  #takeOne(capture: Capture, bus: string, batch: FrameBatch, at: number): void {
    if (capture.frames >= capture.maxFrames) {
      capture.discarded += 1;
      return;
    }
    let log = capture.logs.get(bus);
    if (log === undefined || log.isFull) {
      if (log !== undefined) this.#hand(capture, log);
      log = new FrameLog(capture.id, bus, this.#encoder.maxBodyBytes);
      capture.logs.set(bus, log);
    }
    log.take(batch, at);
    capture.frames += 1;
  }

  #hand(capture: Capture, log: FrameLog): void {
    if (log.count === 0) return;
    this.#appender.add(this.#encoder.frames(log));
    capture.records += 1;
  }
}
