import { createHash, type Hash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import type { Clock } from "../../../agent/core/clock.ts";
import { syncFolder } from "../../../agent/core/sync-folder.ts";
import { readIfThere, writeDurablyBeside } from "../durable-file.ts";
import { type BlockFile, BlockWriter } from "./block-writer.ts";

const CHUNK_BYTES = 262_144;
/** At least this much comes between two syncs, and at most; in between, a sixty-fourth of the file. */
const SYNC_BYTES = { min: 65_536, max: 4_194_304, share: 64 } as const;
const BLOCKS_BETWEEN_SYNCS = 16;
/**
 * A sync takes some milliseconds however little it is for. On a link that brings the next distance sooner, the next sync waits for so many
 * times as long as the last one took, and for so many distances at most: what a power cut costs there is fetched again in as little time.
 */
const SYNC_PAUSE = { times: 4, maxDistances: 8 } as const;

/** What the file is to become. */
export type PartialTarget = { readonly file: string; readonly sizeBytes: number; readonly sha256: string };

/** What is done with the file, as a FileHandle of node:fs does it. */
export type PartialHandle = BlockFile & {
  read(into: Uint8Array, offset: number, length: number, at: number): Promise<{ readonly bytesRead: number }>;
  stat(): Promise<{ readonly size: number }>;
  truncate(bytes: number): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
};

/**
 * A file that arrives piece by piece over restarts and power cuts. Only what was synced counts after a start: behind it the file
 * system may give back zeros. What has been synced, and where it came from, stand in `<file>.part`.
 *
 * It is written and synced in the thread pool while the next pieces come. The hash is taken on the thread that calls, piece by piece: that
 * takes less time than the TLS record did which brought the piece, and a thread of its own would take more memory than the whole download.
 */
export class PartialFile {
  readonly #handle: PartialHandle;
  readonly #target: PartialTarget;
  readonly #syncEveryBytes: number;
  readonly #writer: BlockWriter;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #hash: Hash;
  #bytes = 0;
  #syncedBytes = 0;
  /** The sync that runs beside, with what it will have made durable. */
  #syncing: Promise<void> = Promise.resolve();
  #syncingBytes = 0;
  /** The next one does not begin before, monotonic, ms. */
  #nextSyncMs = 0;
  #noted = "";
  #origin: Origin = NOWHERE;
  #repeatedBytes = 0;
  #idleMs = 0;

  private constructor(handle: PartialHandle, target: PartialTarget, clock: Pick<Clock, "monotonicMs">) {
    this.#handle = handle;
    this.#clock = clock;
    this.#target = target;
    this.#hash = createHash("sha256");
    const share = Math.ceil(target.sizeBytes / SYNC_BYTES.share);
    this.#syncEveryBytes = Math.min(SYNC_BYTES.max, Math.max(SYNC_BYTES.min, share));
    this.#writer = new BlockWriter(handle, this.#syncEveryBytes / BLOCKS_BETWEEN_SYNCS);
  }

  /** Opens or makes it, with what an earlier start has synced. Rejects with the system's error. */
  static async open(
    target: PartialTarget,
    clock: Pick<Clock, "monotonicMs">,
    openFile: (path: string, flags: string) => Promise<PartialHandle> = open,
  ): Promise<PartialFile> {
    mkdirSync(dirname(target.file), { recursive: true, mode: 0o700 });
    const made = await open(target.file, "a", 0o600);
    await made.close();
    syncFolder(dirname(target.file));
    const partial = new PartialFile(await openFile(target.file, "r+"), target, clock);
    await partial.#resume();
    return partial;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that came again since it was begun or last forgiven, over all starts. */
  get repeatedBytes(): number {
    return this.#repeatedBytes;
  }

  /** They have cost a failure: another try has all it may repeat again. Durable with the next sync. */
  forgiveRepeats(): void {
    this.#repeatedBytes = 0;
  }

  /** Running time without a new byte, over all starts, ms. */
  get idleMs(): number {
    return this.#idleMs;
  }

  /** Durable with the next sync. */
  noteIdle(ms: number): void {
    this.#idleMs = ms;
  }

  /** Whether the pieces may be of more than one file: then a wrong digest does not say that the file is. */
  get isMixed(): boolean {
    return this.#origin.isMixed;
  }

  /** Whether it has been started over before. */
  get isSecond(): boolean {
    return this.#origin.isSecond;
  }

  /** What is appended next is of the version with this name; undefined where the server gave none. `isRest`: what is there has not been compared with it. */
  continueFrom(validator: string | undefined, isRest: boolean): void {
    const { isMixed, isSecond, validator: before } = this.#origin;
    const isSame = validator !== undefined && validator === before;
    const isMixedFromHere = isRest && this.#bytes > 0 && (isMixed || !isSame);
    this.#origin = { validator, isMixed: isMixedFromHere, isSecond };
  }

  /** Starts over. */
  async restart(isSecond = false): Promise<void> {
    this.#origin = { ...NOWHERE, isSecond };
    await this.#cut(0);
    await this.sync();
  }

  /** Compares a piece of the whole file, which lies at `at`, with what is there; forgets what is there behind the first byte that differs. Gives the part of the piece that is new. */
  async compare(chunk: Uint8Array, at: number): Promise<Uint8Array> {
    const known = chunk.subarray(0, Math.max(0, this.#bytes - at));
    if (known.length === 0) return chunk;
    await this.#settle();
    const there = new Uint8Array(known.length);
    await this.#handle.read(there, 0, there.length, at);
    const differs = there.findIndex((byte, place) => byte !== known[place]);
    const sameBytes = differs < 0 ? known.length : differs;
    this.#repeatedBytes += sameBytes;
    if (differs >= 0) await this.#cut(at + differs);
    return chunk.subarray(sameBytes);
  }

  /** Takes a copy. Rejects with the system's error of this piece or an earlier one; what has not got to the disk is then no longer there. */
  async append(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    await this.#orCut(this.#writer.append(chunk));
    if (!this.#isSyncDue()) return;
    await this.#orCut(this.#syncing);
    this.#syncing = this.#syncBeside();
    // Whoever waits for it hears of it.
    this.#syncing.catch(() => undefined);
  }

  /** Makes what is there survive a power cut. Rejects as `append` does. */
  async sync(): Promise<void> {
    await this.#settle();
    await this.#orCut(this.#syncWritten());
  }

  /** SHA-256 of what is there, 64 hexadecimal digits. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  async close(): Promise<void> {
    await this.#abandon();
    await this.#handle.close();
  }

  #isSyncDue(): boolean {
    const bytes = this.#writer.writtenBytes - this.#syncingBytes;
    if (bytes < this.#syncEveryBytes) return false;
    return bytes >= SYNC_PAUSE.maxDistances * this.#syncEveryBytes || this.#clock.monotonicMs() >= this.#nextSyncMs;
  }

  async #syncBeside(): Promise<void> {
    const begunMs = this.#clock.monotonicMs();
    this.#nextSyncMs = Number.POSITIVE_INFINITY;
    try {
      await this.#syncWritten();
    } finally {
      const nowMs = this.#clock.monotonicMs();
      this.#nextSyncMs = nowMs + SYNC_PAUSE.times * (nowMs - begunMs);
    }
  }

  /** Nothing is on its way any more. */
  async #settle(): Promise<void> {
    await this.#orCut(this.#syncing);
    await this.#orCut(this.#writer.drain());
  }

  /** After a failure only what was synced is sure: a page that could not be written back counts as clean afterwards. */
  async #orCut(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (thrown) {
      await this.#cut(this.#syncedBytes);
      throw thrown;
    }
  }

  async #syncWritten(): Promise<void> {
    const bytes = this.#writer.writtenBytes;
    this.#syncingBytes = bytes;
    const noted = JSON.stringify({
      sha256: this.#target.sha256,
      bytes,
      repeatedBytes: this.#repeatedBytes,
      idleMs: this.#idleMs,
      ...this.#origin,
    });
    if (noted === this.#noted) return;
    await this.#handle.datasync();
    await writeDurablyBeside(`${this.#target.file}.part`, noted);
    this.#noted = noted;
    this.#syncedBytes = bytes;
  }

  async #resume(): Promise<void> {
    const noted = parseNote(readIfThere(`${this.#target.file}.part`));
    const { size } = await this.#handle.stat();
    const isOurs = noted !== undefined && noted.sha256 === this.#target.sha256 && noted.bytes <= size;
    if (!isOurs) return this.restart();
    this.#origin = noted.origin;
    this.#repeatedBytes = noted.repeatedBytes;
    this.#idleMs = noted.idleMs;
    if (!(await this.#cut(noted.bytes))) return this.restart();
    this.#syncedBytes = this.#bytes;
    this.#syncingBytes = this.#bytes;
  }

  /** What is on its way ends, well or not; what waits for it goes. */
  async #abandon(): Promise<void> {
    // Whoever waited for it has heard of it.
    await this.#syncing.catch(() => undefined);
    await this.#writer.abandon();
    this.#syncing = Promise.resolve();
  }

  /** Keeps so many bytes and reads them again for the hash. Gives false where they are not all there. */
  async #cut(bytes: number): Promise<boolean> {
    await this.#abandon();
    await this.#handle.truncate(bytes);
    this.#noted = "";
    this.#hash = createHash("sha256");
    this.#bytes = 0;
    const buffer = new Uint8Array(CHUNK_BYTES);
    while (this.#bytes < bytes) {
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#bytes);
      if (bytesRead === 0) break;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#bytes += bytesRead;
    }
    this.#writer.continueAt(this.#bytes);
    this.#syncedBytes = Math.min(this.#syncedBytes, this.#bytes);
    this.#syncingBytes = this.#syncedBytes;
    return this.#bytes === bytes;
  }
}

/** Where the bytes came from. */
type Origin = {
  /** The server's name for the version of the last piece (a strong ETag); undefined when it gave none. */
  readonly validator: string | undefined;
  readonly isMixed: boolean;
  readonly isSecond: boolean;
};
const NOWHERE: Origin = { validator: undefined, isMixed: false, isSecond: false };

type Note = {
  readonly sha256: string;
  readonly bytes: number;
  readonly repeatedBytes: number;
  readonly idleMs: number;
  readonly origin: Origin;
};

/** Another version of the agent may have written less of it: pieces of which nothing is known may be of any file. */
const note = z.object({
  sha256: z.string(),
  bytes: z.int().min(0),
  repeatedBytes: z.int().min(0).default(0),
  idleMs: z.number().min(0).default(0),
  validator: z.string().optional(),
  isMixed: z.boolean().default(true),
  isSecond: z.boolean().default(false),
});

/** Our own file, but disks forget: anything that does not fit means "start over". */
function parseNote(text: string | undefined): Note | undefined {
  try {
    const { validator, isMixed, isSecond, ...counts } = note.parse(JSON.parse(text ?? ""));
    return { ...counts, origin: { validator, isMixed, isSecond } };
  } catch {
    // No note, or one that was never written whole.
    return undefined;
  }
}
