/** A longer line is no text that we read; it is cut into pieces of this size. */
const MAX_LINE_CHARACTERS = 1_048_576;

/** Makes lines of pieces of text in UTF-8, without their ends and without a byte order mark. */
export class LineSplitter {
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** The lines that end in this piece. */
  push(chunk: Uint8Array): readonly string[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > MAX_LINE_CHARACTERS) {
      lines.push(this.#rest);
      this.#rest = "";
    }
    return lines;
  }

  /** The last line, when it has no end. */
  end(): readonly string[] {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = "";
    return rest === "" ? [] : [rest];
  }
}
