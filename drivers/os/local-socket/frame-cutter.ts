import type { ProgramFrame } from "../../../agent/ports/program-socket.ts";
import { LineCutter } from "./line-cutter.ts";
import { MessageCutter } from "./message-cutter.ts";

/** An empty message: with it a program says that messages follow, and no line begins with it. */
const MESSAGES_FOLLOW = 0;

/** Cuts what a connection sends into lines, or into messages where its first byte is 0. */
export class FrameCutter {
  readonly #maxBytes: number;
  #cutter: LineCutter | MessageCutter | undefined;

  /** `maxBytes`: of a line without its newline, or of a message without its length. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether it has sent messages, not lines. */
  get isBinary(): boolean {
    return this.#cutter instanceof MessageCutter;
  }

  /** Whether bytes are left, of a line or a message that has not ended. */
  get isInFrame(): boolean {
    return this.#cutter?.isInFrame ?? false;
  }

  /** `chunk` is not empty. */
  push(chunk: Buffer): void {
    if (this.#cutter !== undefined) return this.#cutter.push(chunk);
    const isBinary = chunk[0] === MESSAGES_FOLLOW;
    this.#cutter = isBinary ? new MessageCutter(this.#maxBytes) : new LineCutter(this.#maxBytes);
    this.#cutter.push(isBinary ? chunk.subarray(1) : chunk);
  }

  /** At most `max` whole ones; "too-long": the next one exceeds the bound. */
  next(max: number): readonly ProgramFrame[] | "too-long" {
    return this.#cutter?.next(max) ?? [];
  }
}
