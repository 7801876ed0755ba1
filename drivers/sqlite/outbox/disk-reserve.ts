import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const CHUNK_BYTES = 65_536;

/** What this process may still write to the file system that `file` is on, bytes; undefined when it does not say. */
export function freeBytesAt(file: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(dirname(file));
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/**
 * Disk space set by in a file of its own, to be given up when the disk is full.
 *
 * Deleting records needs room too: the write-ahead log grows before the database can shrink. Without a reserve a full disk would
 * keep the outbox from draining, and stay full.
 */
export class DiskReserve {
  readonly #file: string;
  readonly #bytes: number;
  #isHeld: boolean;

  constructor(file: string, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
    this.#isHeld = existsSync(file) && statSync(file).size === bytes;
    // One of another size, from another version or a kill in the middle, would take space that nobody can give up.
    if (!this.#isHeld) rmSync(file, { force: true });
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Sets the space by where as much again stays free; returns whether it is held. Cheap while the disk is full. */
  hold(): boolean {
    if (this.#isHeld) return true;
    if (!this.diskHasRoom()) return false;
    try {
      this.#fill();
      this.#isHeld = true;
    } catch {
      // Someone else took the space meanwhile; the next call tries again.
      rmSync(this.#file, { force: true });
    }
    return this.#isHeld;
  }

  /** Whether the file system has twice the reserve to give. */
  diskHasRoom(): boolean {
    // A disk that cannot say is treated as full: the safe side.
    return (freeBytesAt(this.#file) ?? 0) >= 2 * this.#bytes;
  }

  /** Gives the space up. */
  release(): void {
    this.#isHeld = false;
    rmSync(this.#file, { force: true });
  }

  /** Written, not truncated to length: a sparse file reserves nothing. */
  #fill(): void {
    const handle = openSync(this.#file, "w", 0o600);
    try {
      const chunk = new Uint8Array(CHUNK_BYTES);
      for (let left = this.#bytes; left > 0; left -= chunk.length)
        writeSync(handle, chunk, 0, Math.min(chunk.length, left));
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  }
}
