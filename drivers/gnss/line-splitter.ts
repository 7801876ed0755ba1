const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Makes lines of chunks. A line ends with LF or CR LF; one of more than `maxBytes` is thrown away whole and counted. */
export class LineSplitter {
  tooLong = 0;
  readonly #maxBytes: number;
  readonly #take: (line: string) => void;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isSkipping = false;

  constructor(maxBytes: number, take: (line: string) => void) {
    this.#maxBytes = maxBytes;
    this.#take = take;
  }

  feed(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      this.#end(chunk.subarray(from, end));
      from = end + 1;
    }
    this.#hold(chunk.subarray(from));
  }

  #hold(part: Buffer): void {
    if (this.#isSkipping || part.length === 0) return;
    this.#heldBytes += part.length;
    if (this.#heldBytes > this.#maxBytes) this.#skip();
    else this.#held.push(Buffer.from(part));
  }

  #skip(): void {
    this.tooLong += 1;
    this.#isSkipping = true;
    this.#held = [];
  }

  #end(last: Buffer): void {
    this.#hold(last);
    const line = this.#isSkipping ? undefined : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    this.#isSkipping = false;
    if (line === undefined) return;
    this.#take(line.toString("latin1", 0, line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length));
  }
}
