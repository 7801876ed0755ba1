import { FRAME_FLAG, FrameBatch } from "../../agent/ports/frame.ts";

/** Puts single frames together to batches: one goes out when it is full, and in the next turn of the event loop at the latest. */
export class FrameCollector {
  readonly #batch: FrameBatch;
  readonly #deliver: (batch: FrameBatch, errorFrames: number) => void;
  readonly #onTurn = (): void => {
    this.#isFlushDue = false;
    this.flush();
  };
  #errorFrames = 0;
  #isFlushDue = false;

  /** `deliver` gets each batch, of which `errorFrames` are error frames; it is used again as soon as that returns. */
  constructor(capacity: number, deliver: (batch: FrameBatch, errorFrames: number) => void) {
    this.#batch = new FrameBatch(capacity);
    this.#deliver = deliver;
  }

  /** Adds one frame, see `FrameBatch.push`. Gives whether the batch was full and has gone out. */
  push(id: number, flags: number, data: Uint8Array, receivedAtUs: number): boolean {
    if ((flags & FRAME_FLAG.error) !== 0) this.#errorFrames += 1;
    this.#batch.push(id, flags, data, receivedAtUs);
    if (this.#batch.count === this.#batch.capacity) {
      this.flush();
      return true;
    }
    if (!this.#isFlushDue) {
      this.#isFlushDue = true;
      setImmediate(this.#onTurn);
    }
    return false;
  }

  /** Delivers now what was collected. */
  flush(): void {
    const errorFrames = this.#errorFrames;
    this.#errorFrames = 0;
    if (this.#batch.count > 0) this.#deliver(this.#batch, errorFrames);
    this.#batch.count = 0;
  }
}
