import type { ByteOrder } from "../../signals/dbc/model.ts";

/**
 * The start bit as DBC files have it of a signal whose start bit FleetWise gives: the number of its least significant bit for both byte
 * orders, counted byte * 8 + bit. DBC files name the most significant bit of big-endian signals. Negative when the signal begins before
 * the frame does.
 */
export function dbcStartBitOf(startBit: number, bits: number, byteOrder: ByteOrder): number {
  // Counted from the top bit of byte 0 downwards, the bits of a big-endian signal are consecutive.
  return byteOrder === "little" ? startBit : mirrored(mirrored(startBit) - (bits - 1));
}

/** The number of a bit when bits are counted from the other end of their byte. */
function mirrored(position: number): number {
  return Math.floor(position / 8) * 8 + 7 - (((position % 8) + 8) % 8);
}
