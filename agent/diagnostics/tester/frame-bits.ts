import { FRAME_FLAG } from "../../ports/frame.ts";

/** From the start of frame to the end of the CRC without data: bits that stuffing counts (ISO 11898-1: 11 and 29-bit ids). */
const STUFFED_BITS = { short: 34, long: 54 } as const;
/** CRC delimiter, ACK, end of frame, intermission: never stuffed. */
const TAIL_BITS = 13;
/** What an FD frame has more at most: FDF, res, BRS, ESI, the stuff count and its parity, a CRC of 21 bits with 6 fixed stuff bits. */
const FD_EXTRA_BITS = 20;

/**
 * Most bits that a frame takes on the bus, the pause after it counted and every bit stuffed that can be: C = g + 8 s + 13 +
 * floor((g + 8 s - 1) / 4), with g = 34 or 54 and s data bytes (R. Davis and others, "Controller Area Network (CAN) schedulability
 * analysis: Refuted, revisited and revised", 2007, equation 1): 135 and 160 for 8 bytes. All bits of an FD frame are reckoned at the
 * nominal bit rate, which is too many for one that switches.
 */
export function frameBits(flags: number, dataBytes: number): number {
  const header = (flags & FRAME_FLAG.extended) === 0 ? STUFFED_BITS.short : STUFFED_BITS.long;
  const fdBits = (flags & FRAME_FLAG.fd) === 0 ? 0 : FD_EXTRA_BITS;
  const stuffed = header + 8 * dataBytes + fdBits;
  return stuffed + TAIL_BITS + Math.floor((stuffed - 1) / 4);
}
