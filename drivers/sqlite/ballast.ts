import { closeSync, existsSync, fsyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";

const CHUNK_BYTES = 65_536;

/**
 * Disk space set by in a file of its own, to be given up when the disk is full.
 *
 * Deleting records needs room too: the write-ahead log grows before the database can shrink. Without a reserve a full disk would
 * keep the outbox from draining, and stay full.
 */
export class Ballast {
  readonly #file: string;
  readonly #bytes: number;
  #isHeld: boolean;

  constructor(file: string, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
    this.#isHeld = existsSync(file) && statSync(file).size === bytes;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Sets the space by; returns whether it is held. */
  hold(): boolean {
    if (this.#isHeld || this.#bytes === 0) return this.#isHeld;
    try {
      const handle = openSync(this.#file, "w", 0o600);
      try {
        // Written, not truncated to length: a sparse file reserves nothing.
        const chunk = new Uint8Array(CHUNK_BYTES);
        for (let at = 0; at < this.#bytes; at += chunk.length) {
          writeSync(handle, chunk, 0, Math.min(chunk.length, this.#bytes - at));
        }
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      this.#isHeld = statSync(this.#file).size === this.#bytes;
    } catch {
      // A disk too full for the reserve is what the reserve is for; the next call tries again.
      this.#isHeld = false;
    }
    if (!this.#isHeld) rmSync(this.#file, { force: true });
    return this.#isHeld;
  }

  /** Gives the space up; returns whether there was any. */
  release(): boolean {
    const wasHeld = this.#isHeld;
    this.#isHeld = false;
    rmSync(this.#file, { force: true });
    return wasHeld;
  }
}
