import { FRAME_DATA_OFFSET, FRAME_STRIDE_BYTES, type FrameBatch } from "../ports/frame.ts";
import type { WantedSignals } from "../signals/wanted-signals.ts";
import type { Appender } from "./appender.ts";
import { FrameRecords } from "./history/frame-records.ts";
import type { Encoder } from "./record/encode/encoder.ts";

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
  readonly records: FrameRecords;
  frames: number;
  discarded: number;
};

/** Takes frames as they are received into records of the capture stream, while it is asked to. One capture at a time. */
export class FrameCapture {
  readonly #encoder: Pick<Encoder, "frames" | "maxBodyBytes">;
  readonly #appender: Pick<Appender, "add" | "store">;
  readonly #wanted: Pick<WantedSignals, "hold" | "everyFrame"> | undefined;
  #release = (): void => undefined;
  #capture: Capture | undefined;

  /** Without `wanted` a capture has the frames that are received anyway. */
  constructor(
    encoder: Pick<Encoder, "frames" | "maxBodyBytes">,
    appender: Pick<Appender, "add" | "store">,
    wanted?: Pick<WantedSignals, "hold" | "everyFrame">,
  ) {
    this.#encoder = encoder;
    this.#appender = appender;
    this.#wanted = wanted;
  }

  /** Looked at for every batch of frames. */
  get isOn(): boolean {
    return this.#capture !== undefined;
  }

  /** Begins a capture, of every frame; one that is on is ended. */
  start(order: CaptureOrder): void {
    this.stop();
    this.#release = this.#wanted?.hold("capture.frames", this.#wanted.everyFrame(order.bus)) ?? this.#release;
    const records = new FrameRecords(order.id, { encoder: this.#encoder, appender: this.#appender });
    this.#capture = { ...order, records, frames: 0, discarded: 0 };
  }

  /** Takes frames `from` .. `to - 1` of a batch of `bus`; they are copied. */
  take(bus: string, batch: FrameBatch, from: number, to: number): void {
    const capture = this.#capture;
    if (capture === undefined || (capture.bus !== undefined && capture.bus !== bus)) return;
    for (let at = from; at < to; at += 1) takeOne(capture, bus, batch, at);
  }

  /** Makes records of what it has so far. */
  flush(): void {
    this.#capture?.records.flush();
  }

  /** Ends the capture and stores what it took; undefined when none was on. */
  stop(): CaptureSummary | undefined {
    const capture = this.#capture;
    if (capture === undefined) return undefined;
    this.#capture = undefined;
    this.#release();
    const { frames, discarded, records } = capture;
    records.flush();
    this.#appender.store();
    return { frames, discarded, records: records.records };
  }
}

function takeOne(capture: Capture, bus: string, batch: FrameBatch, at: number): void {
  if (capture.frames >= capture.maxFrames) {
    capture.discarded += 1;
    return;
  }
  const data = at * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET;
  const receivedAtUs = batch.receivedAtUs(at);
  capture.records.take(bus, batch.bytes, data, batch.length(at), batch.id(at), batch.flags(at), receivedAtUs);
  capture.frames += 1;
}
