import { type CellState, CHUNK_CELLS } from "./cell-state.ts";

/** Bytes of the numbers before those of the sampler: six float64, and how many more follow as uint16. */
const HEAD_BYTES = 50;
const MAX_VARINT_BYTES = 8;

/** What is kept of a state beside its cells. */
export function encodeHead({ fromUs, toUs, lastUs, period, leftOut, skipped, memory }: CellState): Uint8Array {
  let used = memory.length;
  while (used > 0 && Number.isNaN(memory[used - 1])) used -= 1;
  const bytes = new Uint8Array(HEAD_BYTES + used * 8);
  const view = new DataView(bytes.buffer);
  [fromUs, toUs, lastUs, period, leftOut, skipped].forEach((value, at) => {
    view.setFloat64(at * 8, value, true);
  });
  view.setUint16(48, used, true);
  for (let at = 0; at < used; at++) view.setFloat64(HEAD_BYTES + at * 8, memory[at], true);
  return bytes;
}

/** Fills a new state with what `encodeHead` wrote; false, and nothing changed, when the bytes do not fit it. */
export function decodeHead(bytes: Uint8Array, state: CellState): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEAD_BYTES) return false;
  const used = view.getUint16(48, true);
  if (used > state.memory.length || bytes.length !== HEAD_BYTES + used * 8) return false;
  state.fromUs = view.getFloat64(0, true);
  state.toUs = view.getFloat64(8, true);
  state.lastUs = view.getFloat64(16, true);
  state.period = view.getFloat64(24, true);
  state.leftOut = view.getFloat64(32, true);
  state.skipped = view.getFloat64(40, true);
  for (let at = 0; at < used; at++) state.memory[at] = view.getFloat64(HEAD_BYTES + at * 8, true);
  return true;
}

/** The cells of a chunk that are not 0: for each how many of 0 lie before it, and its count, as varints. Empty when all are 0. */
export function encodeChunk(cells: Float64Array, chunk: number): Uint8Array {
  const bytes = new Uint8Array(CHUNK_CELLS * (1 + MAX_VARINT_BYTES));
  const end = Math.min(cells.length, (chunk + 1) * CHUNK_CELLS);
  let length = 0;
  let zeros = 0;
  for (let cell = chunk * CHUNK_CELLS; cell < end; cell++) {
    if (cells[cell] === 0) {
      zeros += 1;
      continue;
    }
    length = writeVarint(bytes, length, zeros);
    length = writeVarint(bytes, length, cells[cell]);
    zeros = 0;
  }
  return bytes.slice(0, length);
}

/** Sets the cells of a chunk that was all 0; false when the bytes are none, and then some may be set. */
export function decodeChunk(bytes: Uint8Array, cells: Float64Array, chunk: number): boolean {
  const end = Math.min(cells.length, (chunk + 1) * CHUNK_CELLS);
  const place = { at: 0 };
  let cell = chunk * CHUNK_CELLS;
  while (place.at < bytes.length) {
    cell += readVarint(bytes, place);
    const count = readVarint(bytes, place);
    if (!(cell < end) || !Number.isSafeInteger(count) || place.at > bytes.length) return false;
    cells[cell] = count;
    cell += 1;
  }
  return true;
}

/** Writes 0 <= value < 2^53, seven bits a byte, the lowest first; gives the place behind it. */
function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest > 127) {
    bytes[next] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
    next += 1;
  }
  bytes[next] = rest;
  return next + 1;
}

/** Reads on behind the end of the bytes as zeros, which moves the place beyond it. */
function readVarint(bytes: Uint8Array, place: { at: number }): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[place.at] ?? 0;
    place.at += 1;
    value += (byte % 128) * scale;
    if (byte < 128 || scale > 2 ** 56) return value;
  }
}
