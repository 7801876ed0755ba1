import { FRAME_DATA_OFFSET, FRAME_STRIDE_BYTES, type FrameBatch } from "../../ports/frame.ts";

/**
 * Bytes of an entry before its data: float64 receive time (µs), uint32 id, uint8 flags, uint8 bus, uint8 data length, uint8 length of
 * the entry before in words. The data is filled up to a multiple of 8 bytes. Native byte order.
 */
const HEADER_BYTES = 16;
const WORD_BYTES = 8;
const FLAGS_AT = 12;
const BUS_AT = 13;
const LENGTH_AT = 14;
const BEFORE_AT = 15;
/** Where no entries lie behind the newest one. */
const NOWHERE = -1;

/** Receive times of one bus that go back by more than this are a step of the wall clock, µs. */
export const CLOCK_STEP_US = 50_000;

/** Gets a frame. Its data is `bytes[at] .. bytes[at + length - 1]`, there during the call alone; `flags` are bits of `FRAME_FLAG`. */
export type VisitFrame = (
  bus: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  id: number,
  flags: number,
  timeUs: number,
) => void;

/**
 * Received frames in the order in which they came, in one piece of memory outside the JavaScript heap; the newest overwrites the oldest.
 *
 * A frame has a sequence number and an offset. Offsets of frames that are still held stay; an entry never runs over the end of the
 * memory, so what is read lies in one piece.
 */
export class FrameRing {
  readonly bytes: Uint8Array;
  /** Sequence of the oldest frame that is held. */
  first: number;
  /** Sequence that the next frame gets. */
  next: number;
  /** A frame that is overwritten sooner than so long after it came is counted in `overwrittenEarly`. */
  spanUs = 0;
  overwrittenEarly = 0;
  /** Sequence of the newest frame of each bus, NaN before the first, and its receive time. */
  readonly newest: Float64Array;
  readonly newestUs: Float64Array;
  readonly #times: Float64Array;
  readonly #ids: Uint32Array;
  #oldestAt = 0;
  #nextAt = 0;
  /** Where the entries behind the newest one end, after which the next lies at 0. */
  #endAt = NOWHERE;
  #newestBytes = 0;

  /** `bytes` is a multiple of 8 and holds a frame of the longest kind; bus numbers are below `buses`; the first frame gets the sequence `first`. */
  constructor(bytes: number, buses: number, first: number) {
    const memory = new ArrayBuffer(bytes);
    this.bytes = new Uint8Array(memory);
    this.#times = new Float64Array(memory);
    this.#ids = new Uint32Array(memory);
    this.newest = new Float64Array(buses).fill(Number.NaN);
    this.newestUs = new Float64Array(buses).fill(Number.NaN);
    this.first = first;
    this.next = first;
  }

  /** Takes frame `at` of a batch. On the frame path. */
  append(bus: number, batch: FrameBatch, at: number): void {
    const timeUs = batch.receivedAtUs(at);
    const length = batch.length(at);
    const entryBytes = entryBytesOf(length);
    this.#makeRoom(entryBytes, timeUs);
    const to = this.#nextAt;
    const { bytes } = this;
    this.#times[to / WORD_BYTES] = timeUs;
    this.#ids[to / 4 + 2] = batch.id(at);
    bytes[to + FLAGS_AT] = batch.flags(at);
    bytes[to + BUS_AT] = bus;
    bytes[to + LENGTH_AT] = length;
    bytes[to + BEFORE_AT] = this.#newestBytes / WORD_BYTES;
    const from = at * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET;
    const source = batch.bytes;
    for (let index = 0; index < length; index++) bytes[to + HEADER_BYTES + index] = source[from + index];
    this.newest[bus] = this.next;
    this.newestUs[bus] = timeUs;
    this.#newestBytes = entryBytes;
    this.#nextAt = to + entryBytes;
    this.next += 1;
  }

  /** Bytes that the frames take. */
  get usedBytes(): number {
    return this.#endAt === NOWHERE ? this.#nextAt - this.#oldestAt : this.#endAt - this.#oldestAt + this.#nextAt;
  }

  /** Offset of the oldest frame, or where the first will lie. */
  get oldestAt(): number {
    return this.#oldestAt;
  }

  /** Offset of the newest frame; means nothing before the first. */
  get newestAt(): number {
    return this.#nextAt - this.#newestBytes;
  }

  /** Offset where the next frame will lie, as `offsetOf` takes it. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** The true offset of a held frame, of which a reader knows the offset where the one before it ended. */
  offsetOf(sequence: number, offset: number): number {
    if (sequence === this.first) return this.#oldestAt;
    return offset === this.#endAt ? 0 : offset;
  }

  /** Offset where the entry at `offset` ends; see `offsetOf`. */
  after(offset: number): number {
    return offset + entryBytesOf(this.bytes[offset + LENGTH_AT]);
  }

  /** Offset of the frame before; the one at `offset` must not be the oldest. */
  before(offset: number): number {
    return (offset === 0 ? this.#endAt : offset) - this.bytes[offset + BEFORE_AT] * WORD_BYTES;
  }

  timeUsAt(offset: number): number {
    return this.#times[offset / WORD_BYTES];
  }

  idAt(offset: number): number {
    return this.#ids[offset / 4 + 2];
  }

  flagsAt(offset: number): number {
    return this.bytes[offset + FLAGS_AT];
  }

  busAt(offset: number): number {
    return this.bytes[offset + BUS_AT];
  }

  /** Gives the frame at `offset` to `visit`. */
  give(offset: number, visit: VisitFrame): void {
    const { bytes } = this;
    const length = bytes[offset + LENGTH_AT];
    const timeUs = this.timeUsAt(offset);
    visit(this.busAt(offset), bytes, offset + HEADER_BYTES, length, this.idAt(offset), this.flagsAt(offset), timeUs);
  }

  /** Overwrites the oldest until so many bytes are free in one piece at `#nextAt`. */
  #makeRoom(entryBytes: number, timeUs: number): void {
    for (;;) {
      const limit = this.#endAt === NOWHERE ? this.bytes.length : this.#oldestAt;
      if (limit - this.#nextAt >= entryBytes) return;
      if (this.#endAt === NOWHERE) {
        this.#endAt = this.#nextAt;
        this.#nextAt = 0;
      } else {
        this.#forgetOldest(timeUs);
      }
    }
  }

  #forgetOldest(timeUs: number): void {
    const offset = this.#oldestAt;
    const ageUs = timeUs - this.timeUsAt(offset);
    // After a step of the clock its age is not known.
    if (ageUs < this.spanUs && ageUs >= -CLOCK_STEP_US) this.overwrittenEarly += 1;
    this.first += 1;
    this.#oldestAt = this.after(offset);
    if (this.#oldestAt !== this.#endAt) return;
    this.#oldestAt = 0;
    this.#endAt = NOWHERE;
  }
}

function entryBytesOf(length: number): number {
  return HEADER_BYTES + ((length + WORD_BYTES - 1) & -WORD_BYTES);
}
