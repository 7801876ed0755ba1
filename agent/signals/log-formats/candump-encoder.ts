import type { CanFrame } from "../../ports/frame.ts";
import { formatCandumpLog } from "./candump-text.ts";
import type { LogEncoder } from "./log-encoder.ts";

/** Writes a log as `candump -l` does. It holds no remarks: readers such as python-can take every line for a frame. */
export class CandumpEncoder implements LogEncoder {
  readonly moved = 0;
  #text = "";

  get waitingBytes(): number {
    return this.#text.length;
  }

  /** A frame that was sent has a T behind it, as `candump -x` and python-can have it. */
  write(bus: string, frame: CanFrame, sent = false): void {
    this.#text += `${formatCandumpLog(bus, frame)}${sent ? " T" : ""}\n`;
  }

  remark(): void {}

  take(): Uint8Array {
    const bytes = Buffer.from(this.#text);
    this.#text = "";
    return bytes;
  }

  end(): Uint8Array {
    return this.take();
  }

  header(): undefined {}
}
