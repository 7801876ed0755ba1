import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { Parser, type ReadEntry } from "tar";
import { AgentError, errnoOf, messageOf } from "../../agent/core/errors.ts";

const CHUNK_BYTES = 262_144;
/** Header, padding and long name of one entry; and what may follow the last one. */
const ENTRY_BYTES = 4096;
const TRAILER_BYTES = 131_072;
const MAX_PATH_BYTES = 512;
const MAX_DEPTH = 24;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** The archive: a tar, plain or packed with gzip or zstd, and what its manifest says of it. */
export type Archive = {
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Most bytes of all its files together. */
  readonly maxUnpackedBytes: number;
  readonly maxEntries: number;
};

/**
 * Unpacks an archive into a new folder. Takes plain files and folders below it and nothing else: no link, no device, no name that
 * leads out or stands twice. Files become 0600 or, where they may be executed, 0700.
 *
 * Rejects with `update.unfit` when the archive is not what the manifest says or holds anything else, and with the system's error;
 * what has been written by then is the caller's to remove.
 */
export async function unpackArchive(archive: Archive, folder: string, signal: AbortSignal): Promise<void> {
  mkdirSync(folder, { mode: 0o700 });
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    await using file = await open(archive.file);
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer);
      if (bytesRead === 0) return;
      const chunk = Buffer.from(buffer.subarray(0, bytesRead));
      hash.update(chunk);
      sizeBytes += bytesRead;
      yield chunk;
    }
  };
  const writer = new EntryWriter(folder, archive);
  try {
    await unpackStream(Readable.from(source()), await magicOf(archive.file), writer, signal);
  } catch (thrown) {
    throw isBadArchive(thrown) ? unfit(`${archive.file}: ${messageOf(thrown)}`) : thrown;
  } finally {
    writer.close();
  }
  const digest = hash.digest("hex");
  if (sizeBytes !== archive.sizeBytes || digest !== archive.sha256) {
    throw unfit(`${archive.file}: ${sizeBytes} bytes with SHA-256 ${digest}, the manifest says otherwise`);
  }
}

async function unpackStream(source: Readable, magic: Buffer, writer: EntryWriter, signal: AbortSignal): Promise<void> {
  const take = async (chunks: AsyncIterable<unknown>): Promise<void> => {
    for await (const chunk of chunks) if (chunk instanceof Uint8Array) writer.write(chunk);
    writer.end();
  };
  if (magic.subarray(0, 2).equals(GZIP_MAGIC)) await pipeline(source, createGunzip(), take, { signal });
  else if (magic.equals(ZSTD_MAGIC)) await pipeline(source, createZstdDecompress(), take, { signal });
  else await pipeline(source, take, { signal });
}

/** Writes the entries of one tar stream. The whole of it is synchronous, so that each entry is checked before the next is parsed. */
class EntryWriter {
  readonly #folder: string;
  readonly #limits: Pick<Archive, "maxUnpackedBytes" | "maxEntries">;
  readonly #parser: Parser;
  readonly #kinds = new Map<string, "file" | "folder">();
  #streamBytes = 0;
  #fileBytes = 0;
  #handle: number | undefined;

  constructor(folder: string, limits: Pick<Archive, "maxUnpackedBytes" | "maxEntries">) {
    this.#folder = folder;
    this.#limits = limits;
    this.#parser = new Parser({ strict: true, onReadEntry: (entry) => this.#entry(entry) });
    this.#parser.on("ignoredEntry", (entry: ReadEntry) => {
      throw unfit(`${entry.path}: entries of type ${entry.type} are not taken`);
    });
    // Strict: whatever the parser warns of is an error. It must not be lost in a callback.
    this.#parser.on("error", (error: unknown) => {
      throw error;
    });
  }

  write(chunk: Uint8Array): void {
    if (this.#streamBytes === 0) refuseNested(chunk);
    this.#streamBytes += chunk.length;
    this.#parser.write(chunk);
    // A bomb can hide behind the last entry as well as in it.
    const explained = this.#fileBytes + this.#kinds.size * ENTRY_BYTES + TRAILER_BYTES + chunk.length;
    if (this.#streamBytes > explained) throw unfit("it holds more than its entries");
  }

  end(): void {
    this.#parser.end();
  }

  close(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
  }

  #entry(entry: ReadEntry): void {
    const path = checkedPath(entry.path);
    const { maxEntries } = this.#limits;
    if (this.#kinds.size >= maxEntries) throw unfit(`it has more than ${maxEntries} entries`);
    switch (entry.type) {
      case "Directory":
      case "GNUDumpDir":
        this.#makeFolder(path);
        entry.resume();
        return;
      case "File":
      case "OldFile":
      case "ContiguousFile":
        this.#takeFile(entry, path);
        return;
      default:
        throw unfit(`${path}: entries of type ${entry.type} are not taken`);
    }
  }

  #takeFile(entry: ReadEntry, path: string): void {
    this.#fileBytes += entry.size;
    const { maxUnpackedBytes } = this.#limits;
    if (this.#fileBytes > maxUnpackedBytes) throw unfit(`it unpacks to more than ${maxUnpackedBytes} bytes`);
    const cut = path.lastIndexOf("/");
    if (cut > 0) this.#makeFolder(path.slice(0, cut));
    if (this.#kinds.has(path)) throw unfit(`${path} stands twice`);
    this.#kinds.set(path, "file");
    const isProgram = ((entry.mode ?? 0) & 0o111) !== 0;
    this.#handle = openSync(join(this.#folder, path), "wx", isProgram ? 0o700 : 0o600);
    entry.on("data", (chunk: Buffer) => {
      if (this.#handle !== undefined) writeSync(this.#handle, chunk);
    });
    entry.on("end", () => this.close());
  }

  /** Every part of the path is a folder that this made: nothing can lead out. */
  #makeFolder(path: string): void {
    if (path === "") return;
    const parts = path.split("/");
    for (let count = 1; count <= parts.length; count++) {
      const part = parts.slice(0, count).join("/");
      if (this.#kinds.get(part) === "file") throw unfit(`${part} is a file and a folder`);
      if (this.#kinds.has(part)) continue;
      this.#kinds.set(part, "folder");
      mkdirSync(join(this.#folder, part), { mode: 0o700 });
    }
  }
}

/** The path without "./" and the slash of a folder. */
function checkedPath(given: string): string {
  const path = given.replace(/^(\.\/)+/, "").replace(/\/$/, "");
  if (path === "" || path === ".") return "";
  const parts = path.split("/");
  const isPlain = parts.every((part) => part !== "" && part !== "." && part !== ".." && Buffer.byteLength(part) <= 255);
  const isSafe =
    isPlain && !/[\p{Cc}\\]/u.test(path) && parts.length <= MAX_DEPTH && Buffer.byteLength(path) <= MAX_PATH_BYTES;
  if (!isSafe) throw unfit(`the name ${JSON.stringify(given.slice(0, 100))} is not taken`);
  return path;
}

/** The parser would unpack a packed stream by itself, past our bounds. */
function refuseNested(chunk: Uint8Array): void {
  const start = Buffer.from(chunk.subarray(0, 4));
  if (start.subarray(0, 2).equals(GZIP_MAGIC) || start.equals(ZSTD_MAGIC)) throw unfit("it is packed twice");
}

async function magicOf(path: string): Promise<Buffer> {
  await using file = await open(path);
  const { bytesRead, buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.subarray(0, bytesRead);
}

/** What the parser and zlib throw about bytes they cannot read. */
function isBadArchive(thrown: unknown): boolean {
  if (thrown instanceof AgentError) return false;
  const code = errnoOf(thrown) ?? "";
  return /^(TAR_|Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB|ERR_BUFFER)/.test(code) || (thrown instanceof Error && "tarCode" in thrown);
}

function unfit(what: string): AgentError {
  return new AgentError("update.unfit", { what, remedy: "have the release built and signed anew" });
}
