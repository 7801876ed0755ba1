import type { DiskState } from "../../../agent/ports/outbox.ts";
import { DiskReserve, freeBytesAt } from "./disk-reserve.ts";

/** Share of the whole that is set by first, and given up last. */
const PART_SHARE = 1 / 32;
/** With less than this share of the reserve free, someone should look. */
const FULL_SHARE = 1 / 4;

/** Where the reserve of the outbox is kept, and its size. */
export type OutboxReserveSettings = { readonly file: string; readonly bytes: number };

/**
 * The disk space that the outbox sets by, in two parts: the small one is enough where the log is copied into the file after every
 * write, the other for the log at its longest.
 */
export class OutboxReserve {
  readonly #file: string;
  readonly #part: DiskReserve;
  readonly #rest: DiskReserve;
  readonly #partBytes: number;
  readonly #restBytes: number;

  constructor({ file, bytes }: OutboxReserveSettings) {
    this.#file = file;
    this.#partBytes = Math.floor(bytes * PART_SHARE);
    this.#restBytes = bytes - this.#partBytes;
    this.#part = new DiskReserve(`${file}-part`, this.#partBytes);
    this.#rest = new DiskReserve(file, this.#restBytes);
  }

  /** What is held. */
  get level(): DiskState["reserve"] {
    if (this.#rest.isHeld && this.#part.isHeld) return "whole";
    return this.#part.isHeld || this.#rest.isHeld ? "part" : "none";
  }

  /** Sets by what can be, each part where as much again stays free. Cheap while the disk is full. */
  hold(): void {
    if (this.#part.hold()) this.#rest.hold();
  }

  /** Gives up the larger part, or the small one when it is gone. */
  release(): void {
    if (this.#rest.isHeld) this.#rest.release();
    else this.#part.release();
  }

  /** Whether the disk has room for more than the reserve. */
  diskHasRoom(): boolean {
    return this.#rest.diskHasRoom();
  }

  /** Bytes by which the database may grow while the reserve is not whole: as much may go into the log first, and some is left to others. */
  growthBytes(): number {
    if (!this.#part.isHeld) return 0;
    return Math.max(0, ((freeBytesAt(this.#file) ?? 0) - this.#partBytes) / 2);
  }

  disk(): DiskState {
    const freeBytes = freeBytesAt(this.#file);
    const reserveBytes = (this.#part.isHeld ? this.#partBytes : 0) + (this.#rest.isHeld ? this.#restBytes : 0);
    const isFull = freeBytes !== undefined && freeBytes < (this.#partBytes + this.#restBytes) * FULL_SHARE;
    return { freeBytes, reserve: this.level, reserveBytes, isFull };
  }
}
