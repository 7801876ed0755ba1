import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { errnoOf } from "../../../agent/core/errors.ts";

/** Seqs of one stream and epoch, both included, that are not settled: stored, or lost and the loss not delivered. Empty when first > last. */
export type OwedRange = {
  readonly epoch: number;
  /** Code of the stream. */
  readonly stream: number;
  readonly first: number;
  /** Highest seq assigned, also when nothing is owed. */
  readonly last: number;
};

/** What the outbox has promised, as one commit left it. */
export type Watermark = {
  readonly epoch: number;
  /** Version of the database. */
  readonly version: number;
  readonly lastRow: number;
  /** Every stream of the epoch, and what is left of earlier epochs; where that is too much for a copy, the last ones are left out. */
  readonly owed: readonly OwedRange[];
};

/** What a watermark file says. "absent": there is none; "damaged": none of its copies can be believed. */
export type FoundWatermark =
  | { readonly kind: "found"; readonly promises: Watermark; readonly isClosed: boolean; readonly generation: number }
  | { readonly kind: "absent" | "damaged" };
type Copy = Extract<FoundWatermark, { kind: "found" }>;

/** Bytes of one copy: a block of the disk, so that one damage leaves the other. */
export const COPY_BYTES = 4096;
/** Where the copies are. */
export const COPIES = [0, COPY_BYTES] as const;

const MAGIC = 0x6b6d_7763;
const HEAD_BYTES = 64;
const ENTRY_BYTES = 24;
const MAX_ENTRIES = Math.floor((COPY_BYTES - HEAD_BYTES) / ENTRY_BYTES);
/** Byte offsets, little-endian: integers of 6 bytes, but `magic` and `crc` 4, `version` and `count` 2, `isClosed` and `stream` 1. */
const HEAD = {
  magic: 0,
  generation: 8,
  epoch: 16,
  version: 24,
  isClosed: 26,
  count: 28,
  lastRow: 32,
  crc: 60,
} as const;
const ENTRY = { epoch: 0, stream: 6, first: 8, last: 16 } as const;

/** Writes one copy into `buffer` of COPY_BYTES. Of two copies the one with the higher `generation` counts. */
export function encodeWatermark(buffer: Buffer, { promises, isClosed, generation }: Omit<Copy, "kind">): void {
  const owed = promises.owed.slice(0, MAX_ENTRIES);
  buffer.writeUInt32LE(MAGIC, HEAD.magic);
  buffer.writeUIntLE(generation, HEAD.generation, 6);
  buffer.writeUIntLE(promises.epoch, HEAD.epoch, 6);
  buffer.writeUInt16LE(promises.version, HEAD.version);
  buffer.writeUInt8(isClosed ? 1 : 0, HEAD.isClosed);
  buffer.writeUInt16LE(owed.length, HEAD.count);
  buffer.writeUIntLE(promises.lastRow, HEAD.lastRow, 6);
  owed.forEach(({ epoch, stream, first, last }, index) => {
    const at = HEAD_BYTES + index * ENTRY_BYTES;
    buffer.writeUIntLE(epoch, at + ENTRY.epoch, 6);
    buffer.writeUInt8(stream, at + ENTRY.stream);
    buffer.writeUIntLE(first, at + ENTRY.first, 6);
    buffer.writeUIntLE(last, at + ENTRY.last, 6);
  });
  buffer.writeUInt32LE(checksum(buffer, owed.length), HEAD.crc);
}

/** What `file` says: its newest copy that can be believed. */
export function readWatermark(file: string): FoundWatermark {
  try {
    const bytes = readFileSync(file);
    const copies = COPIES.flatMap((at) => decode(bytes.subarray(at, at + COPY_BYTES)) ?? []);
    return copies.sort((left, right) => right.generation - left.generation)[0] ?? { kind: "damaged" };
  } catch (thrown) {
    return { kind: errnoOf(thrown) === "ENOENT" ? "absent" : "damaged" };
  }
}

function decode(bytes: Buffer): Copy | undefined {
  if (bytes.length < HEAD_BYTES || bytes.readUInt32LE(HEAD.magic) !== MAGIC) return undefined;
  const count = bytes.readUInt16LE(HEAD.count);
  if (count > MAX_ENTRIES || bytes.length < HEAD_BYTES + count * ENTRY_BYTES) return undefined;
  if (checksum(bytes, count) !== bytes.readUInt32LE(HEAD.crc)) return undefined;
  const owed = Array.from({ length: count }, (_, index) => {
    const at = HEAD_BYTES + index * ENTRY_BYTES;
    return {
      epoch: bytes.readUIntLE(at + ENTRY.epoch, 6),
      stream: bytes.readUInt8(at + ENTRY.stream),
      first: bytes.readUIntLE(at + ENTRY.first, 6),
      last: bytes.readUIntLE(at + ENTRY.last, 6),
    };
  });
  return {
    kind: "found",
    generation: bytes.readUIntLE(HEAD.generation, 6),
    isClosed: bytes.readUInt8(HEAD.isClosed) === 1,
    promises: {
      epoch: bytes.readUIntLE(HEAD.epoch, 6),
      version: bytes.readUInt16LE(HEAD.version),
      lastRow: bytes.readUIntLE(HEAD.lastRow, 6),
      owed,
    },
  };
}

function checksum(bytes: Buffer, count: number): number {
  const entries = bytes.subarray(HEAD_BYTES, HEAD_BYTES + count * ENTRY_BYTES);
  return crc32(entries, crc32(bytes.subarray(0, HEAD.crc)));
}
