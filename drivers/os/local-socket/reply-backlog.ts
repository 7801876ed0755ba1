/** Bytes of answers that clients have not taken yet. While there are too many, nothing more is made for anybody. */
export class ReplyBacklog {
  readonly #maxBytes: number;
  readonly #waiting: (() => void)[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Waits, in order, until the clients have taken enough. Whoever takes nothing is ended after a time, so that this ends. */
  async untilRoom(): Promise<void> {
    while (this.#bytes >= this.#maxBytes) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes >= this.#maxBytes) return;
    for (const go of this.#waiting.splice(0)) go();
  }
}
