const NEWLINE = 0x0a;

/** Cuts a byte stream into lines of text, without their newline; holds at most `maxBytes` of an unfinished one. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that `chunk` completes; "too-long" when a line exceeds the bound, after which the splitter is of no use. */
  push(chunk: Buffer): readonly string[] | "too-long" {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#heldBytes + end - start > this.#maxBytes) return "too-long";
      lines.push(Buffer.concat([...this.#parts, chunk.subarray(start, end)]).toString("utf8"));
      this.#parts = [];
      this.#heldBytes = 0;
      start = end + 1;
    }
    this.#parts.push(chunk.subarray(start));
    this.#heldBytes += chunk.length - start;
    return this.#heldBytes > this.#maxBytes ? "too-long" : lines;
  }
}
