import { open } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

const BLOCK_BYTES = 512;
/** The longest name that a header holds without further records. */
const MAX_NAME_BYTES = 100;

type PackedFile = {
  readonly content: Uint8Array;
  /** Since the Unix epoch. */
  readonly changedSeconds: number;
};

/**
 * A tar archive of files of this machine, compressed with gzip: each is `N/NAME` in it, N its place in `paths` from 1, so that files of one
 * name in other folders stay apart (a name that is too long for it is `N/file`). Files that nobody has changed give the same bytes.
 * "too-large" where they have more than `maxBytes` together. Rejects with the system's error. Format: ustar, POSIX.1-2017, pax.
 */
export async function packFiles(paths: readonly string[], maxBytes: number): Promise<Uint8Array | "too-large"> {
  const blocks: Uint8Array[] = [];
  let leftBytes = maxBytes;
  for (const [at, path] of paths.entries()) {
    const file = await read(path, leftBytes);
    if (file === "too-large") return file;
    leftBytes -= file.content.length;
    blocks.push(headerOf(nameOf(at + 1, path), file), file.content, new Uint8Array(paddingOf(file.content.length)));
  }
  blocks.push(new Uint8Array(2 * BLOCK_BYTES));
  return await promisify(gzip)(Buffer.concat(blocks));
}

/** What the file has now; what is written to it meanwhile counts no more. */
async function read(path: string, maxBytes: number): Promise<PackedFile | "too-large"> {
  await using file = await open(path);
  const { size, mtimeMs } = await file.stat();
  if (size > maxBytes) return "too-large";
  const room = new Uint8Array(size);
  let bytes = 0;
  while (bytes < size) {
    const { bytesRead } = await file.read(room, bytes, size - bytes, bytes);
    if (bytesRead === 0) break;
    bytes += bytesRead;
  }
  return { content: room.subarray(0, bytes), changedSeconds: Math.max(0, Math.floor(mtimeMs / 1000)) };
}

function nameOf(number: number, path: string): string {
  const name = `${number}/${basename(path)}`;
  return Buffer.byteLength(name) > MAX_NAME_BYTES ? `${number}/file` : name;
}

function headerOf(name: string, { content, changedSeconds }: PackedFile): Uint8Array {
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0);
  header.write("0000644\0" + "0000000\0" + "0000000\0", 100, "latin1");
  header.write(octal(content.length, 11) + octal(changedSeconds, 11), 124, "latin1");
  // The checksum counts itself as blanks.
  header.write("        0", 148, "latin1");
  header.write("ustar\0" + "00", 257, "latin1");
  header.write(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    ),
    148,
    "latin1",
  );
  return header;
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, "0")}\0`;
}

function paddingOf(bytes: number): number {
  return (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES;
}
