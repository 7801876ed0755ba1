import type { CanFrame } from "../ports/frame.ts";
import type { FrameEncoder } from "../signals/log-formats/log-encoder.ts";
import type { FrameLine } from "./frame-text.ts";

/** Bytes that may wait for a slow reader or disk; frames beyond are dropped and counted. */
const MAX_WAITING_BYTES = 33_554_432;

/** Makes lines for people of frames. */
export class LineEncoder implements FrameEncoder {
  readonly #line: FrameLine;
  #text = "";

  constructor(line: FrameLine) {
    this.#line = line;
  }

  get waitingBytes(): number {
    return this.#text.length;
  }

  write(bus: string, frame: CanFrame): void {
    this.#text += `${this.#line(bus, frame)}\n`;
  }

  take(): Uint8Array {
    const bytes = Buffer.from(this.#text);
    this.#text = "";
    return bytes;
  }
}

/**
 * Frames between a bus, which cannot wait, and a terminal, pipe or disk, which can be slow: kept in order, written in large pieces,
 * bounded.
 */
export class FrameWriter {
  readonly #encoder: FrameEncoder;
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  #waitingFrames = 0;
  #writing: Promise<void> | undefined;
  readonly #failed = new AbortController();
  #failure: Error | undefined;
  #written = 0;
  #dropped = 0;

  constructor(encoder: FrameEncoder, write: (bytes: Uint8Array) => Promise<void>) {
    this.#encoder = encoder;
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

  add(bus: string, frame: CanFrame): void {
    if (this.#encoder.waitingBytes > MAX_WAITING_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#encoder.write(bus, frame);
    this.#waitingFrames += 1;
  }

  /** Begins to write what was added; call behind the last frame of a batch. */
  flush(): void {
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything is written; rejects with the first failure of `write`. */
  async finish(): Promise<void> {
    this.flush();
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #writeAll(): Promise<void> {
    while (this.#waitingFrames > 0 && this.#failure === undefined) {
      const frames = this.#waitingFrames;
      this.#waitingFrames = 0;
      try {
        await this.#write(this.#encoder.take());
        this.#written += frames;
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        this.#failed.abort();
      }
    }
    this.#writing = undefined;
  }
}
