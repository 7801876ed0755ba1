import { archiveFault } from "./archive-fault.ts";

/** Header and content of a tar come in blocks of this size. */
export const BLOCK_BYTES = 512;

/** Places of the fields that are read (POSIX.1-1988 ustar; the same in GNU's and in the older format). */
const FIELD = {
  name: [0, 100],
  mode: [100, 108],
  size: [124, 136],
  checksum: [148, 156],
  type: [156, 157],
  magic: [257, 263],
  prefix: [345, 500],
} as const;
type FieldRange = (typeof FIELD)[keyof typeof FIELD];

/** What the header of one entry says. `type` is one character, "0" for a plain file. */
export type TarHeader = {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly sizeBytes: number;
};

/** Reads one block; undefined for a block of zeros, of which two end the archive. Throws `update.unfit` for what is no header. */
export function parseHeader(block: Buffer): TarHeader | undefined {
  if (isZero(block)) return undefined;
  if (numberAt(block, FIELD.checksum) !== checksumOf(block)) throw archiveFault("it is no tar, or it is damaged");
  const hasPrefix = bytesAt(block, FIELD.magic).toString("latin1") === "ustar\0";
  const prefix = hasPrefix ? textOf(beforeNul(bytesAt(block, FIELD.prefix))) : "";
  const name = textOf(beforeNul(bytesAt(block, FIELD.name)));
  const type = bytesAt(block, FIELD.type).toString("latin1");
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    // In the oldest format a plain file has no type.
    type: type === "\0" ? "0" : type,
    mode: numberAt(block, FIELD.mode),
    sizeBytes: numberAt(block, FIELD.size),
  };
}

/** Whether there is nothing but zeros. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** The text of a name as it is on disks; a name in another encoding would be another one. Throws `update.unfit`. */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw archiveFault(`the name ${JSON.stringify(Buffer.from(bytes).toString("latin1").slice(0, 100))} is not UTF-8`);
  }
}

/** What stands before the first NUL. */
export function beforeNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** The records of an extended header by key (POSIX.1-2001 pax: "LENGTH KEY=VALUE\n"); the last of a key counts. Throws `update.unfit`. */
export function parsePax(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(" ", at);
    const equals = bytes.indexOf("=", at);
    const digits = bytes.toString("latin1", at, Math.max(at, space));
    const end = at + (/^\d{1,6}$/.test(digits) ? Number(digits) : 0);
    const isRecord = space < equals && equals < end && end <= bytes.length && bytes[end - 1] === 0x0a;
    if (!isRecord) throw archiveFault("an extended header of it is damaged");
    records.set(bytes.toString("latin1", space + 1, equals), bytes.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

function bytesAt(block: Buffer, [from, to]: FieldRange): Buffer {
  return block.subarray(from, to);
}

/** Octal digits between spaces and NULs, or GNU's base 256 where the first bit is set. */
function numberAt(block: Buffer, place: FieldRange): number {
  const field = bytesAt(block, place);
  if (field[0] === 0x80) {
    const value = Number(BigInt(`0x${field.subarray(1).toString("hex")}`));
    if (Number.isSafeInteger(value)) return value;
  }
  const [, digits] = /^ *([0-7]*)[ \0]*$/.exec(field.toString("latin1")) ?? [];
  if (digits === undefined) throw archiveFault("a number in a header of it is damaged");
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

/** The sum of all bytes, with spaces in place of the sum itself. */
function checksumOf(block: Buffer): number {
  const [from, to] = FIELD.checksum;
  return block.reduce((sum, byte, at) => sum + (at >= from && at < to ? 0x20 : byte), 0);
}
