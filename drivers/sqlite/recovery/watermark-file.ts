import { closeSync, constants, fdatasync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../../../agent/core/clock.ts";
import { messageOf } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import { syncFolder } from "../../../agent/core/sync-folder.ts";
import { COPIES, COPY_BYTES, encodeWatermark, readWatermark, type Watermark } from "./watermark.ts";

/** At most this much of what was promised is not yet on the disk when the power goes. */
const SYNC_MS = 1000;

export type WatermarkFileParts = { readonly file: string; readonly clock: Clock; readonly log: Log };

/**
 * What the outbox has promised, kept outside its database and log: SQLite ends a log at the first frame whose checksum differs
 * (sqlite.org/fileformat2.html, 4.1), so that a commit that was damaged looks like one that never was.
 *
 * Written at every commit, and so exact after a kill. Synced once a second beside the main thread, so that a commit stays one fsync:
 * after a power cut it may say less than the last second promised, and never more. The copies take turns, a sync each, so that one is always
 * whole on the disk; where no commit follows, the other is brought up to it. A file that cannot be written is logged and tried again at the next commit,
 * which stands without it.
 */
export class WatermarkFile {
  readonly #parts: WatermarkFileParts;
  readonly #buffer = Buffer.alloc(COPY_BYTES);
  readonly #stopTimer: () => void;
  #generation: number;
  #handle: number | undefined;
  #isDirty = false;
  /** The copy that was written last, and the one that is on the disk. */
  #at: (typeof COPIES)[number] = COPIES[0];
  #syncedAt: (typeof COPIES)[number] = COPIES[0];
  /** Whether a copy was written since the sync that is under way began. */
  #isTouched = false;
  /** Whether the other one says less. */
  #isOtherBehind = false;
  #isSyncing = false;
  #isFailing = false;

  /** Opens or makes the file, with `promises` durable in it. */
  constructor(parts: WatermarkFileParts, promises: Watermark) {
    this.#parts = parts;
    const found = readWatermark(parts.file);
    this.#generation = found.kind === "found" ? found.generation : 0;
    this.#write(promises, false, COPIES);
    this.#syncNow();
    this.#stopTimer = parts.clock.every(SYNC_MS, () => this.#sync());
  }

  /** Takes in what the commit before promised. */
  note(promises: Watermark): void {
    this.#write(promises, false, [otherThan(this.#syncedAt)]);
    this.#isOtherBehind = true;
  }

  /** Says that the database was closed in order after `promises`. */
  close(promises: Watermark): void {
    this.#stopTimer();
    this.#write(promises, true, COPIES);
    this.#syncNow();
    if (this.#handle !== undefined && !this.#isSyncing) closeSync(this.#handle);
    this.#handle = undefined;
  }

  #write(promises: Watermark, isClosed: boolean, copies: readonly (typeof COPIES)[number][]): void {
    this.#generation += 1;
    encodeWatermark(this.#buffer, { promises, isClosed, generation: this.#generation });
    this.#put(copies);
  }

  #put(copies: readonly (typeof COPIES)[number][]): void {
    this.#attempt(() => {
      this.#handle ??= open(this.#parts.file);
      for (const at of copies) {
        writeSync(this.#handle, this.#buffer, 0, COPY_BYTES, at);
        this.#at = at;
        this.#isTouched = true;
      }
      this.#isOtherBehind = false;
      this.#isDirty = true;
    });
  }

  #syncNow(): void {
    this.#attempt(() => {
      if (this.#handle !== undefined) fdatasyncSync(this.#handle);
      this.#isDirty = false;
      this.#syncedAt = this.#at;
    });
  }

  #sync(): void {
    if (!this.#isDirty && !this.#isSyncing && this.#isOtherBehind) this.#put([otherThan(this.#syncedAt)]);
    const handle = this.#handle;
    if (handle === undefined || !this.#isDirty || this.#isSyncing) return;
    this.#isDirty = false;
    this.#isSyncing = true;
    this.#isTouched = false;
    fdatasync(handle, (error) => {
      this.#isSyncing = false;
      if (this.#handle === undefined) closeSync(handle);
      else if (error !== null) this.#failed(error);
      else if (!this.#isTouched) this.#syncedAt = this.#at;
    });
  }

  #attempt(work: () => void): void {
    try {
      work();
      this.#isFailing = false;
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #failed(thrown: unknown): void {
    const { file, log } = this.#parts;
    if (!this.#isFailing) log.error("outbox.watermark-failed", { file, what: messageOf(thrown) });
    this.#isFailing = true;
  }
}

function otherThan(at: (typeof COPIES)[number]): (typeof COPIES)[number] {
  return at === COPIES[0] ? COPIES[1] : COPIES[0];
}

/** Makes the file where missing, and its name durable. */
function open(file: string): number {
  const handle = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  syncFolder(dirname(file));
  return handle;
}
