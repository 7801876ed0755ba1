/** Characters that may wait for a slow reader or disk; frames beyond are dropped and counted. */
const MAX_WAITING_CHARACTERS = 33_554_432;

/**
 * Lines of frames between a bus, which cannot wait, and a terminal, pipe or disk, which can be slow: kept in order, written in
 * large pieces, bounded.
 */
export class FrameWriter {
  readonly #write: (text: string) => Promise<void>;
  #waiting = "";
  #waitingFrames = 0;
  #writing: Promise<void> | undefined;
  readonly #failed = new AbortController();
  #failure: Error | undefined;
  #written = 0;
  #dropped = 0;

  constructor(write: (text: string) => Promise<void>) {
    this.#write = write;
  }

  /** Frames that were written. */
  get written(): number {
    return this.#written;
  }

  /** Frames that found no room. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Aborts when a write failed: there is no use in going on. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Takes the lines of `frames` frames. */
  add(text: string, frames: number): void {
    if (this.#waiting.length > MAX_WAITING_CHARACTERS) {
      this.#dropped += frames;
      return;
    }
    this.#waiting += text;
    this.#waitingFrames += frames;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything is written; rejects with the first failure of `write`. */
  async finish(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting !== "" && this.#failure === undefined) {
      const text = this.#waiting;
      const frames = this.#waitingFrames;
      this.#waiting = "";
      this.#waitingFrames = 0;
      try {
        await this.#write(text);
        this.#written += frames;
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        this.#failed.abort();
      }
    }
    this.#writing = undefined;
  }
}
