/**
 * The start bit in a DecoderManifest of a signal of a DBC file, by the rule of AWS's own converter (aws-iot-fleetwise-edge,
 * tools/cloud/dbc-to-decoders.py): the least significant bit for both byte orders.
 */
export function fleetwiseStartBit(dbcStartBit: number, bits: number, isBigEndian: boolean): number {
  if (!isBigEndian) return dbcStartBit;
  const position = 7 - (dbcStartBit % 8) + (bits - 1);
  if (position < 8) return dbcStartBit - bits + 1;
  return 7 - (position % 8) + 8 * Math.floor(position / 8) + 8 * Math.floor(dbcStartBit / 8);
}
