const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

/** Holds bytes of a program and cuts lines from them when somebody has time for them, so that a chunk of ten thousand lines is no work at once. */
export class LineCutter {
  readonly #maxBytes: number;
  #bytes: Buffer = EMPTY;
  /** Up to here there is no newline. */
  #searched = 0;

  /** `maxBytes`: of a line, without its newline. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether bytes are left, of a line that has not ended. */
  get isInFrame(): boolean {
    return this.#bytes.length > 0;
  }

  push(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  /** At most `max` whole lines, without their newlines; fewer when there are no more. "too-long": the next one exceeds the bound, ended or not. */
  next(max: number): readonly string[] | "too-long" {
    const lines: string[] = [];
    while (lines.length < max) {
      const end = this.#bytes.indexOf(NEWLINE, this.#searched);
      const length = end < 0 ? this.#bytes.length : end;
      if (length > this.#maxBytes) return lines.length > 0 ? lines : "too-long";
      if (end < 0) {
        this.#searched = length;
        break;
      }
      lines.push(this.#bytes.toString("utf8", 0, end));
      this.#bytes = this.#bytes.subarray(end + 1);
      this.#searched = 0;
    }
    return lines;
  }
}
