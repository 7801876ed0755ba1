import { type CanFrame, FRAME_FLAG } from "../ports/frame.ts";
import { dlcOfLength } from "./log-formats/log-words.ts";

/**
 * Bits that one frame takes on the bus, with the three of the space behind it. `data` are those sent at the data bit rate: of an FD frame
 * with a switched bit rate from the bit behind BRS to the delimiter of the checksum; 0 of any other.
 */
export type FrameBits = { readonly nominal: number; readonly data: number };

/** "worst": the most stuff bits that such a frame can have. "exact": those that this one has. "none": without them. */
export type Stuffing = "worst" | "exact" | "none";

/** Generator of the checksum of a classic frame (ISO 11898-1:2015, 10.4.2.6). */
const CRC_15 = { bits: 15, polynomial: 0x4599 } as const;
/** Behind the checksum of a classic frame: its delimiter, acknowledgement and its delimiter, 7 of the end, 3 of the space. */
const CLASSIC_TAIL_BITS = 13;
/** Behind the delimiter of the checksum of an FD frame: acknowledgement and its delimiter, 7 of the end, 3 of the space. */
const FD_TAIL_BITS = 12;
/** Checksum of an FD frame with the count of stuff bits, the fixed stuff bits and the delimiter: of up to 16 data bytes, and of more (ISO 11898-1:2015, 10.4.2.6). */
const FD_CHECKSUM_BITS = { short: 28, long: 33 } as const;
const LONGEST_SHORT_BYTES = 16;
/** SOF, id, RRS, IDE, FDF, res and BRS; with 29 bits SRR and 18 more bits besides. */
const FD_HEAD_BITS = { standard: 17, extended: 36 } as const;
/** ESI and the length code. */
const FD_CONTROL_BITS = 5;
/** So many equal bits have one of the other kind behind them. */
const RUN_BITS = 5;

/**
 * How long a frame is on the bus. An error frame counts nothing: its length is not known. Of a remote frame the data it asks for do not
 * count (canbusload of can-utils counts them). Classic frames are as long as in canbusload, with the option -e too; of FD frames
 * canbusload knows an estimate alone.
 */
export function frameBits(frame: CanFrame, stuffing: Stuffing): FrameBits {
  const { flags } = frame;
  if ((flags & FRAME_FLAG.error) !== 0) return { nominal: 0, data: 0 };
  if ((flags & FRAME_FLAG.fd) !== 0) return fdBits(frame, stuffing);
  const isExtended = (flags & FRAME_FLAG.extended) !== 0;
  const bytes = (flags & FRAME_FLAG.remote) === 0 ? frame.data.length : 0;
  // SOF, id, control and the checksum: what stuff bits can stand in.
  const stuffed = (isExtended ? 54 : 34) + 8 * bytes;
  return { nominal: stuffed + classicStuffBits(frame, stuffed, stuffing) + CLASSIC_TAIL_BITS, data: 0 };
}

function classicStuffBits(frame: CanFrame, bits: number, stuffing: Stuffing): number {
  switch (stuffing) {
    case "worst":
      return mostStuffBits(bits);
    case "exact":
      return new BitCounter().classic(frame);
    case "none":
      return 0;
  }
}

/** Up to the bit BRS, and behind it. */
function fdStuffBits(frame: CanFrame, head: number, body: number, stuffing: Stuffing): readonly [number, number] {
  switch (stuffing) {
    case "worst":
      return mostOfFd(head, body);
    case "exact":
      return new BitCounter().fd(frame);
    case "none":
      return [0, 0];
  }
}

function fdBits(frame: CanFrame, stuffing: Stuffing): FrameBits {
  const { flags, data } = frame;
  const head = (flags & FRAME_FLAG.extended) === 0 ? FD_HEAD_BITS.standard : FD_HEAD_BITS.extended;
  const body = FD_CONTROL_BITS + 8 * data.length;
  const checksum = data.length > LONGEST_SHORT_BYTES ? FD_CHECKSUM_BITS.long : FD_CHECKSUM_BITS.short;
  const [headExtra, bodyExtra] = fdStuffBits(frame, head, body, stuffing);
  const first = head + headExtra;
  const second = body + bodyExtra + checksum;
  const isSwitched = (flags & FRAME_FLAG.bitRateSwitch) !== 0;
  return { nominal: first + FD_TAIL_BITS + (isSwitched ? 0 : second), data: isSwitched ? second : 0 };
}

function mostStuffBits(bits: number): number {
  return Math.floor((bits - 1) / (RUN_BITS - 1));
}

/** Up to the bit BRS, and behind it, as the kernel counts them (include/linux/can/length.h, can_frame_bits). */
function mostOfFd(head: number, body: number): readonly [number, number] {
  // One that is due behind BRS is sent at the data bit rate.
  const first = mostStuffBits(head - 1);
  return [first, mostStuffBits(head + body) - first];
}

/** Counts the stuff bits of one frame, bit by bit. */
class BitCounter {
  #last = -1;
  #run = 0;
  #stuffBits = 0;
  #crc = 0;
  /** A stuff bit that is due before the next bit; behind the last one there is none in an FD frame. */
  #isDue = false;

  classic(frame: CanFrame): number {
    const { flags, data } = frame;
    const isRemote = (flags & FRAME_FLAG.remote) !== 0;
    const remote = isRemote ? 1 : 0;
    this.#head(frame, remote);
    // r0; a 29-bit id has r1 before it.
    this.#push(0, (flags & FRAME_FLAG.extended) === 0 ? 1 : 2);
    this.#push(data.length, 4);
    if (!isRemote) for (const byte of data) this.#push(byte, 8);
    this.#push(this.#crc, CRC_15.bits);
    return this.#stuffBits + (this.#isDue ? 1 : 0);
  }

  /** Up to the bit BRS, and behind it. */
  fd(frame: CanFrame): readonly [number, number] {
    const { flags, data } = frame;
    this.#head(frame, 0);
    this.#push(0b10, 2);
    this.#push((flags & FRAME_FLAG.bitRateSwitch) === 0 ? 0 : 1, 1);
    // One that is due here is sent behind BRS, at the data bit rate.
    const before = this.#stuffBits;
    this.#push((flags & FRAME_FLAG.errorStateIndicator) === 0 ? 0 : 1, 1);
    this.#push(dlcOfLength(data.length), 4);
    for (const byte of data) this.#push(byte, 8);
    return [before, this.#stuffBits - before];
  }

  /** SOF, id, RTR (RRS), IDE. */
  #head({ id, flags }: CanFrame, remote: number): void {
    this.#push(0, 1);
    if ((flags & FRAME_FLAG.extended) === 0) {
      this.#push(id, 11);
      this.#push(remote << 1, 2);
      return;
    }
    this.#push(id >>> 18, 11);
    this.#push(0b11, 2);
    this.#push(id & 0x3ffff, 18);
    this.#push(remote, 1);
  }

  /** The lowest `bits` of `value`, the highest of them first. */
  #push(value: number, bits: number): void {
    for (let at = bits - 1; at >= 0; at -= 1) this.#bit((value >>> at) & 1);
  }

  #bit(bit: number): void {
    if (this.#isDue) {
      this.#stuffBits += 1;
      this.#isDue = false;
      // The stuff bit is the first of a new run.
      this.#last = 1 - this.#last;
      this.#run = 1;
    }
    this.#run = bit === this.#last ? this.#run + 1 : 1;
    this.#last = bit;
    if (this.#run === RUN_BITS) this.#isDue = true;
    const isInverted = this.#crc >>> (CRC_15.bits - 1) !== bit;
    this.#crc = (this.#crc << 1) & 0x7fff;
    if (isInverted) this.#crc ^= CRC_15.polynomial;
  }
}
