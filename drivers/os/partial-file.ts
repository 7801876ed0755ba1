import { createHash, type Hash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { readIfThere, syncFolder, writeDurably } from "./durable-file.ts";

const CHUNK_BYTES = 262_144;
/** At least this much comes between two syncs, and at most; in between, a sixty-fourth of the file. */
const SYNC_BYTES = { min: 65_536, max: 4_194_304, share: 64 } as const;

/** What the file is to become. */
export type PartialTarget = { readonly file: string; readonly sizeBytes: number; readonly sha256: string };

/**
 * A file that arrives piece by piece over restarts and power cuts. Only what was synced counts after a start: behind it the file
 * system may give back zeros. What has been synced, and the server's name for the version it came from, stand in `<file>.part`.
 */
export class PartialFile {
  readonly #handle: FileHandle;
  readonly #target: PartialTarget;
  readonly #syncEveryBytes: number;
  #hash: Hash;
  #bytes = 0;
  #syncedBytes = 0;
  /** The server's name for this version (ETag); undefined when it gave none. */
  #validator: string | undefined;

  private constructor(handle: FileHandle, target: PartialTarget) {
    this.#handle = handle;
    this.#target = target;
    this.#hash = createHash("sha256");
    const share = Math.ceil(target.sizeBytes / SYNC_BYTES.share);
    this.#syncEveryBytes = Math.min(SYNC_BYTES.max, Math.max(SYNC_BYTES.min, share));
  }

  /** Opens or makes it, with what an earlier start has synced. Rejects with the system's error. */
  static async open(target: PartialTarget): Promise<PartialFile> {
    mkdirSync(dirname(target.file), { recursive: true, mode: 0o700 });
    const made = await open(target.file, "a", 0o600);
    await made.close();
    syncFolder(dirname(target.file));
    const partial = new PartialFile(await open(target.file, "r+"), target);
    await partial.#resume();
    return partial;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get validator(): string | undefined {
    return this.#validator;
  }

  /** Starts over, from the version that the server names so. */
  async restart(validator: string | undefined): Promise<void> {
    this.#hash = createHash("sha256");
    this.#bytes = 0;
    this.#validator = validator;
    await this.#handle.truncate(0);
    await this.sync();
  }

  async append(chunk: Uint8Array): Promise<void> {
    await this.#handle.write(chunk, 0, chunk.length, this.#bytes);
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes - this.#syncedBytes >= this.#syncEveryBytes) await this.sync();
  }

  /** Makes what is there survive a power cut. */
  async sync(): Promise<void> {
    await this.#handle.datasync();
    this.#syncedBytes = this.#bytes;
    const noted = { sha256: this.#target.sha256, bytes: this.#bytes, validator: this.#validator };
    writeDurably(`${this.#target.file}.part`, JSON.stringify(noted));
  }

  /** SHA-256 of what is there, 64 hexadecimal digits. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #resume(): Promise<void> {
    const noted = parseNote(readIfThere(`${this.#target.file}.part`));
    const { size } = await this.#handle.stat();
    const isOurs = noted !== undefined && noted.sha256 === this.#target.sha256 && noted.bytes <= size;
    if (!isOurs) return this.restart(undefined);
    await this.#handle.truncate(noted.bytes);
    this.#validator = noted.validator;
    const buffer = new Uint8Array(CHUNK_BYTES);
    while (this.#bytes < noted.bytes) {
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#bytes);
      if (bytesRead === 0) return this.restart(undefined);
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#bytes += bytesRead;
    }
    this.#syncedBytes = this.#bytes;
  }
}

type Note = { readonly sha256: string; readonly bytes: number; readonly validator: string | undefined };

/** Our own file, but disks forget: anything that does not fit means "start over". */
function parseNote(text: string | undefined): Note | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    if (typeof value !== "object" || value === null || !("sha256" in value) || !("bytes" in value)) return undefined;
    const { sha256, bytes } = value;
    const validator = "validator" in value && typeof value.validator === "string" ? value.validator : undefined;
    return typeof sha256 === "string" && Number.isSafeInteger(bytes)
      ? { sha256, bytes: Number(bytes), validator }
      : undefined;
  } catch {
    // No JSON: the note was never written whole.
    return undefined;
  }
}
