import { createHash, type Hash } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { AgentError, errnoOf, messageOf } from "../../../agent/core/errors.ts";
import { archiveFault } from "./archive-fault.ts";
import { type Compression, compressionOf } from "./compression.ts";
import { type TarEntries, type TarLimits, TarReader } from "./tar-reader.ts";
import { unzstd } from "./unzstd.ts";

const CHUNK_BYTES = 262_144;
const START_BYTES = 512;
const MAX_PATH_BYTES = 512;
const MAX_DEPTH = 24;

/** The archive: a tar, plain or packed with gzip or zstd, and what its manifest says of it. */
export type Archive = TarLimits & {
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
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
  const counted = { bytes: 0 };
  const writer = new EntryWriter(folder, archive);
  try {
    const packing = compressionOf(await startOf(archive.file));
    await unpackStream(chunksOf(archive.file, hash, counted, signal), packing, writer);
  } catch (thrown) {
    throw named(thrown, basename(archive.file));
  } finally {
    writer.close();
  }
  const digest = hash.digest("hex");
  if (counted.bytes !== archive.sizeBytes || digest !== archive.sha256) {
    const what = `${counted.bytes} bytes with SHA-256 ${digest}, the manifest says otherwise`;
    throw archiveFault(`${basename(archive.file)}: ${what}`);
  }
}

async function* chunksOf(
  path: string,
  hash: Hash,
  counted: { bytes: number },
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  await using file = await open(path);
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES));
    if (bytesRead === 0) return;
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    counted.bytes += bytesRead;
    yield chunk;
  }
}

async function unpackStream(source: AsyncGenerator<Buffer>, packing: Compression, writer: EntryWriter): Promise<void> {
  switch (packing) {
    case "none":
      for await (const chunk of source) writer.write(chunk);
      break;
    case "gzip":
      await pipeline(Readable.from(source), createGunzip(), async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) writer.write(chunk);
      });
      break;
    case "zstd":
      await unzstd(source, (chunk) => writer.write(chunk));
      break;
  }
  writer.end();
}

/** Writes the entries of one tar stream. The whole of it is synchronous, so that each entry is checked before the next is parsed. */
class EntryWriter implements TarEntries {
  readonly #folder: string;
  readonly #limits: TarLimits;
  readonly #reader: TarReader;
  readonly #kinds = new Map<string, "file" | "folder">();
  #isBegun = false;
  #handle: number | undefined;

  constructor(folder: string, limits: TarLimits) {
    this.#folder = folder;
    this.#limits = limits;
    this.#reader = new TarReader(this, limits);
  }

  write(chunk: Buffer): void {
    if (!this.#isBegun && compressionOf(chunk) !== "none") throw archiveFault("it is packed twice");
    this.#isBegun = true;
    this.#reader.write(chunk);
  }

  end(): void {
    this.#reader.end();
  }

  close(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
  }

  folder(name: string): void {
    this.#makeFolder(checkedPath(name));
  }

  file(name: string, _sizeBytes: number, isExecutable: boolean): void {
    const path = checkedPath(name);
    if (path === "") throw archiveFault(`the name ${JSON.stringify(name)} is not taken`);
    const cut = path.lastIndexOf("/");
    if (cut > 0) this.#makeFolder(path.slice(0, cut));
    if (this.#kinds.has(path)) throw archiveFault(`${path} stands twice`);
    this.#note(path, "file");
    this.#handle = openSync(join(this.#folder, path), "wx", isExecutable ? 0o700 : 0o600);
  }

  content(bytes: Uint8Array): void {
    if (this.#handle !== undefined) writeWhole(this.#handle, bytes);
  }

  fileEnd(): void {
    this.close();
  }

  /** Every part of the path is a folder that this made: nothing can lead out. */
  #makeFolder(path: string): void {
    if (path === "") return;
    const parts = path.split("/");
    for (let count = 1; count <= parts.length; count++) {
      const part = parts.slice(0, count).join("/");
      if (this.#kinds.get(part) === "file") throw archiveFault(`${part} is a file and a folder`);
      if (this.#kinds.has(part)) continue;
      this.#note(part, "folder");
      mkdirSync(join(this.#folder, part), { mode: 0o700 });
    }
  }

  /** Folders that the archive does not name count as well. */
  #note(path: string, kind: "file" | "folder"): void {
    const { maxEntries } = this.#limits;
    if (this.#kinds.size >= maxEntries) throw archiveFault(`it has more than ${maxEntries} entries`);
    this.#kinds.set(path, kind);
  }
}

/** write(2) may take less than it is given. */
function writeWhole(handle: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
}

/** The path without "./" and the slash of a folder. */
function checkedPath(given: string): string {
  const path = given.replace(/^(\.\/)+/, "").replace(/\/$/, "");
  if (path === "" || path === ".") return "";
  const parts = path.split("/");
  const isPlain = parts.every((part) => part !== "" && part !== "." && part !== ".." && Buffer.byteLength(part) <= 255);
  const isSafe =
    isPlain && !/[\p{Cc}\\]/u.test(path) && parts.length <= MAX_DEPTH && Buffer.byteLength(path) <= MAX_PATH_BYTES;
  if (!isSafe) throw archiveFault(`the name ${JSON.stringify(given.slice(0, 100))} is not taken`);
  return path;
}

async function startOf(path: string): Promise<Buffer> {
  await using file = await open(path);
  const { bytesRead, buffer } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
  return buffer.subarray(0, bytesRead);
}

/** What we and zlib throw about an archive, with its name; anything else as it is. */
function named(thrown: unknown, name: string): unknown {
  if (thrown instanceof AgentError) return archiveFault(`${name}: ${thrown.message}`, thrown.remedy);
  const isOfZlib = /^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB|ERR_BUFFER)/.test(errnoOf(thrown) ?? "");
  return isOfZlib ? archiveFault(`${name}: ${messageOf(thrown)}`) : thrown;
}
