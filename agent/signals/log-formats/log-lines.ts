/** A longer line is no text that we read; what comes behind so much of it is left away. */
const MAX_LINE_CHARACTERS = 1_048_576;

/** Makes lines of pieces of text in UTF-8, without their ends and without a byte order mark. */
export class LineSplitter {
  readonly #decoder = new TextDecoder();
  #rest = "";
  #isCut = false;

  /** The lines that end in this piece. */
  push(chunk: Uint8Array): readonly string[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    // The end of a line that was handed on: no line of its own, so that those behind it keep their numbers.
    if (this.#isCut && lines.length > 0) {
      lines.shift();
      this.#isCut = false;
    }
    if (this.#isCut) this.#rest = "";
    else if (this.#rest.length > MAX_LINE_CHARACTERS) {
      lines.push(this.#rest);
      this.#rest = "";
      this.#isCut = true;
    }
    return lines;
  }

  /** The last line, when it has no end. */
  end(): readonly string[] {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = "";
    return this.#isCut || rest === "" ? [] : [rest];
  }
}
