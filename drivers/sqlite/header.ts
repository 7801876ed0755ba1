import { closeSync, existsSync, fstatSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";

/** The header of a database file and the bytes that are the same in each of ours (sqlite.org/fileformat2.html, 1.3). */
const HEADER_BYTES = 100;
const MAGIC = "SQLite format 3\0";
/** Integers of 4 bytes, but `pageBytes` 2 and `fixed` as long as FIXED, all big-endian. */
const AT = { pageBytes: 16, fixed: 18, pages: 28, format: 44, largestRoot: 52, encoding: 56, incremental: 64 } as const;
/** Written and read through a write-ahead log, no reserved bytes, the three payload fractions. */
const FIXED = [2, 2, 0, 64, 32, 32] as const;
/** What databases of ours have been made with, as `pageBytes` says; files of an older version stay as they are. */
const PAGE_BYTES = [1024, 2048, 4096] as const;
/** Entries of the second page, which says of each further one what it is, and one entry: its kind, and the page that names it (sqlite.org/fileformat2.html, 1.8). */
const POINTERS = 4;
const POINTER_BYTES = 5;
const POINTER_KINDS = 5;
const SCHEMA_FORMAT = 4;
const UTF_8 = 1;

/** What the header of `file` says that none of ours does; undefined where it is sound, or the file is shorter than one. */
export function headerProblem(file: string): string | undefined {
  const header = readHeader(file);
  if (header === undefined) return undefined;
  if (header.toString("latin1", 0, MAGIC.length) !== MAGIC) return "its first bytes are not those of a database";
  const pageBytes = header.readUInt16BE(AT.pageBytes);
  if (!PAGE_BYTES.some((one) => one === pageBytes)) return `page size ${pageBytes}`;
  const fixed = [...header.subarray(AT.fixed, AT.fixed + FIXED.length)];
  if (fixed.some((byte, index) => byte !== FIXED[index]))
    return `bytes ${AT.fixed} to ${AT.fixed + 5} are ${fixed.join(" ")}`;
  if (header.readUInt32BE(AT.format) !== SCHEMA_FORMAT) return `schema format ${header.readUInt32BE(AT.format)}`;
  if (header.readUInt32BE(AT.encoding) !== UTF_8) return `text encoding ${header.readUInt32BE(AT.encoding)}`;
  const isIncremental = header.readUInt32BE(AT.incremental) === 1 && header.readUInt32BE(AT.largestRoot) > 0;
  return isIncremental ? undefined : "no incremental vacuum";
}

/**
 * Gives `file` a header with which what is left of it can be read, and never written: one that believes the file's own length and
 * knows no free pages. The header that it had is kept as `<file>.header`.
 */
export function repairHeader(file: string): void {
  const handle = openSync(file, "r+");
  try {
    const pageBytes = pageBytesOf(handle);
    const old = Buffer.alloc(HEADER_BYTES);
    readSync(handle, old, 0, HEADER_BYTES, 0);
    if (!existsSync(`${file}.header`)) writeFileSync(`${file}.header`, old, { mode: 0o600 });
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(MAGIC, "latin1");
    header.writeUInt16BE(pageBytes, AT.pageBytes);
    header.set(FIXED, AT.fixed);
    header.writeUInt32BE(Math.floor(fstatSync(handle).size / pageBytes), AT.pages);
    header.writeUInt32BE(SCHEMA_FORMAT, AT.format);
    header.writeUInt32BE(1, AT.largestRoot);
    header.writeUInt32BE(UTF_8, AT.encoding);
    header.writeUInt32BE(1, AT.incremental);
    writeSync(handle, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(handle);
  }
}

/** By the second page, which is the same in all files of ours but for where it begins. */
function pageBytesOf(handle: number): number {
  return PAGE_BYTES.find((pageBytes) => hasPointers(handle, pageBytes)) ?? PAGE_BYTES[0];
}

function hasPointers(handle: number, pageBytes: number): boolean {
  const page = Buffer.alloc(POINTERS * POINTER_BYTES);
  const pages = fstatSync(handle).size / pageBytes;
  if (readSync(handle, page, 0, page.length, pageBytes) < page.length) return false;
  for (let at = 0; at < Math.min(POINTERS, pages - 2) * POINTER_BYTES; at += POINTER_BYTES) {
    const kind = page[at];
    if (kind === 0 || kind > POINTER_KINDS || page.readUInt32BE(at + 1) > pages) return false;
  }
  return true;
}

function readHeader(file: string): Buffer | undefined {
  const handle = openSync(file, "r");
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    return readSync(handle, header, 0, HEADER_BYTES, 0) === HEADER_BYTES ? header : undefined;
  } finally {
    closeSync(handle);
  }
}
