import type { Appender } from "../appender.ts";
import type { RecordMark } from "../record/encode/campaign-ref.ts";
import type { Encoder } from "../record/encode/encoder.ts";
import { FrameLog } from "../record/encode/frames.ts";

/** Where the records go. */
export type FrameRecordsSink = {
  readonly encoder: Pick<Encoder, "frames" | "maxBodyBytes">;
  readonly appender: Pick<Appender, "add">;
};

/** Raw frames of one capture on their way into records of the capture stream, bus by bus. */
export class FrameRecords {
  /** Records made so far. */
  records = 0;
  readonly #capture: string;
  readonly #sink: FrameRecordsSink;
  readonly #mark: RecordMark | undefined;
  readonly #logs = new Map<string, FrameLog>();

  /** `capture` names it in its records; `mark` where a campaign asked for it. */
  constructor(capture: string, sink: FrameRecordsSink, mark?: RecordMark) {
    this.#capture = capture;
    this.#sink = sink;
    this.#mark = mark;
  }

  /** Takes a frame of a bus; its data is copied from `bytes[at] .. bytes[at + length - 1]`. */
  take(
    bus: string,
    bytes: Uint8Array,
    at: number,
    length: number,
    id: number,
    flags: number,
    receivedAtUs: number,
  ): void {
    let log = this.#logs.get(bus);
    if (log === undefined || log.isFull) {
      if (log !== undefined) this.#hand(log);
      log = new FrameLog(this.#capture, bus, this.#sink.encoder.maxBodyBytes);
      this.#logs.set(bus, log);
    }
    log.take(bytes, at, length, id, flags, receivedAtUs);
  }

  /** Makes records of what waits. */
  flush(): void {
    for (const log of this.#logs.values()) this.#hand(log);
    this.#logs.clear();
  }

  #hand(log: FrameLog): void {
    if (log.count === 0) return;
    this.#sink.appender.add(this.#sink.encoder.frames(log, this.#mark));
    this.records += 1;
  }
}
