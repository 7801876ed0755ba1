import { createHash } from "node:crypto";
import { z } from "zod";
import { isArbitrationId } from "../../ports/arbitration-id.ts";
import { FRAME_FLAG, FRAME_MAX_DATA_BYTES, FrameBatch } from "../../ports/frame.ts";
import type { FrameHistory } from "./frame-history.ts";
import type { VisitFrame } from "./frame-ring.ts";

/** A kept history has at most so many bytes more than the memory of the one that it was made of. */
export const KEPT_OVERHEAD_BYTES = 65_536;

/** The file: these bytes, SHA-256 of the rest, length of the head, the head (JSON), the frames. Little-endian. */
const MAGIC = Buffer.from("CWHIST01");
const DIGEST_BYTES = 32;
const HEAD_LENGTH_AT = MAGIC.length + DIGEST_BYTES;
const HEAD_AT = HEAD_LENGTH_AT + 4;
/** A frame: float64 receive time (µs), uint32 id, uint8 flags, uint8 bus, uint8 length, data. */
const FLAGS_AT = 12;
const BUS_AT = 13;
const LENGTH_AT = 14;
const DATA_AT = 15;
const ALL_FLAGS = Object.values(FRAME_FLAG).reduce((all, flag) => all | flag, 0);

const head = z.strictObject({
  /** Names of the buses, by the numbers that the frames have here. */
  buses: z.array(z.string().min(1).max(64)).max(255),
  frames: z.int().min(0),
});

type Kept = z.infer<typeof head> & {
  readonly bytes: Buffer;
  /** Where the frames begin. */
  readonly at: number;
};

/** What became of a kept history. `skipped`: frames of buses that are no more, and those that nobody wants now. */
export type UnpackedHistory =
  | { readonly kind: "unpacked"; readonly frames: number; readonly skipped: number }
  | { readonly kind: "damaged"; readonly problem: string };

/** The newest `spanMs` of the history as the bytes of a file; undefined when there are no frames. `buses` are their names by number. */
export function packHistory(history: FrameHistory, buses: readonly string[], spanMs: number): Uint8Array | undefined {
  // A frame takes less here than in the history, where its data is filled up.
  const frames = Buffer.alloc(history.figures().usedBytes);
  let count = 0;
  let end = 0;
  history.visitNewest(spanMs, (bus, bytes, at, length, id, flags, timeUs) => {
    frames.writeDoubleLE(timeUs, end);
    frames.writeUInt32LE(id, end + 8);
    frames[end + FLAGS_AT] = flags;
    frames[end + BUS_AT] = bus;
    frames[end + LENGTH_AT] = length;
    frames.set(bytes.subarray(at, at + length), end + DATA_AT);
    end += DATA_AT + length;
    count += 1;
  });
  if (count === 0) return undefined;
  const text = Buffer.from(JSON.stringify({ buses, frames: count }));
  const headLength = Buffer.alloc(4);
  headLength.writeUInt32LE(text.length);
  const rest = Buffer.concat([headLength, text, frames.subarray(0, end)]);
  return Buffer.concat([MAGIC, digestOf(rest), rest]);
}

/**
 * Puts the frames of a kept history into `history`, as far as it keeps them: all of them, or none of a damaged one. Call it once the
 * history is in use and before the first frame is received; captures then know that there is a gap.
 */
export function unpackHistory(bytes: Uint8Array, history: FrameHistory, buses: readonly string[]): UnpackedHistory {
  const kept = openKept(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  if (typeof kept === "string") return { kind: "damaged", problem: kept };
  const problem = walk(kept, () => undefined);
  if (problem !== undefined) return { kind: "damaged", problem };
  const numbers = kept.buses.map((name) => buses.indexOf(name));
  const first = history.sequence;
  const batch = new FrameBatch(1);
  walk(kept, (bus, data, at, length, id, flags, timeUs) => {
    if (numbers[bus] < 0) return;
    batch.count = 0;
    batch.push(id, flags, data.subarray(at, at + length), timeUs);
    history.push(numbers[bus], batch, 0);
  });
  history.noteResumed();
  const frames = history.sequence - first;
  return { kind: "unpacked", frames, skipped: kept.frames - frames };
}

/** The file without its frames, or what is wrong with it. */
function openKept(bytes: Buffer): Kept | string {
  if (bytes.length < HEAD_AT || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return "it is no kept history";
  const digest = bytes.subarray(MAGIC.length, HEAD_LENGTH_AT);
  if (!digest.equals(digestOf(bytes.subarray(HEAD_LENGTH_AT)))) return "its checksum is wrong";
  const at = HEAD_AT + bytes.readUInt32LE(HEAD_LENGTH_AT);
  const parsed = head.safeParse(jsonOf(bytes.subarray(HEAD_AT, at)));
  return parsed.success ? { ...parsed.data, bytes, at } : "its head is malformed";
}

function jsonOf(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    // What is no JSON does not pass the schema either.
    return undefined;
  }
}

/** Gives every frame to `visit`, up to the first that cannot be; says what is wrong with that one. */
function walk({ bytes, at, frames, buses }: Kept, visit: VisitFrame): string | undefined {
  let offset = at;
  for (let count = 1; count <= frames; count++) {
    if (offset + DATA_AT > bytes.length) return `it ends in frame ${count} of ${frames}`;
    const timeUs = bytes.readDoubleLE(offset);
    const id = bytes.readUInt32LE(offset + 8);
    const flags = bytes[offset + FLAGS_AT];
    const bus = bytes[offset + BUS_AT];
    const length = bytes[offset + LENGTH_AT];
    if (!isFrame(timeUs, id, flags, length) || bus >= buses.length) return `frame ${count} of ${frames} is malformed`;
    const end = offset + DATA_AT + length;
    if (end > bytes.length) return `it ends in frame ${count} of ${frames}`;
    visit(bus, bytes, offset + DATA_AT, length, id, flags, timeUs);
    offset = end;
  }
  return offset === bytes.length ? undefined : `${bytes.length - offset} bytes follow its last frame`;
}

function isFrame(timeUs: number, id: number, flags: number, length: number): boolean {
  // Of an error frame the id is its classes, as many bits as the longer ids have.
  const isLong = (flags & (FRAME_FLAG.extended | FRAME_FLAG.error)) !== 0;
  if ((flags & ~ALL_FLAGS) !== 0 || !Number.isFinite(timeUs)) return false;
  return isArbitrationId(id, isLong) && length <= FRAME_MAX_DATA_BYTES;
}

function digestOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
