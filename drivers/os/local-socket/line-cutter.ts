import { JoinedBytes } from "./joined-bytes.ts";

const NEWLINE = 0x0a;

/** Holds bytes of a program and cuts lines from them when somebody has time for them, so that a chunk of ten thousand lines is no work at once. */
export class LineCutter {
  readonly #maxBytes: number;
  readonly #held = new JoinedBytes();
  /** Up to here there is no newline. */
  #searched = 0;

  /** `maxBytes`: of a line, without its newline. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether bytes are left, of a line that has not ended. */
  get isInFrame(): boolean {
    return this.#held.bytes.length > 0;
  }

  push(chunk: Buffer): void {
    this.#held.push(chunk);
  }

  /** At most `max` whole lines, without their newlines; fewer when there are no more. "too-long": the next one exceeds the bound, ended or not. */
  next(max: number): readonly string[] | "too-long" {
    const lines: string[] = [];
    while (lines.length < max) {
      const { bytes } = this.#held;
      const end = bytes.indexOf(NEWLINE, this.#searched);
      const length = end < 0 ? bytes.length : end;
      if (length > this.#maxBytes) return lines.length > 0 ? lines : "too-long";
      if (end < 0) {
        this.#searched = length;
        break;
      }
      lines.push(bytes.toString("utf8", 0, end));
      this.#held.drop(end + 1);
      this.#searched = 0;
    }
    return lines;
  }
}
