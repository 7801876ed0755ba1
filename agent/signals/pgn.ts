/**
 * Fields of a 29-bit arbitration id of SAE J1939, NMEA 2000 and ISO 11783 (SAE J1939-21, 5.2; ISO 11783-3): priority in bits 28 to 26,
 * extended data page 25, data page 24, PDU format 23 to 16, PDU specific 15 to 8, source address 7 to 0.
 */
const PDU2_FORMAT = 240;
/** Data bytes of a classic frame. */
const FRAME_BYTES = 8;
/** Source address of a DBC message that any control function may send: the null address. */
const NULL_ADDRESS = 254;
/** Destination of a frame to all, and what DBC files write for any. */
const GLOBAL_ADDRESS = 255;

/** Parameter group number: 18 bits; of a PDU1 id without its destination. */
export function pgnOf(id: number): number {
  const pgn = (id >>> 8) & 0x3ffff;
  return isPdu1(id) ? pgn & 0x3ff00 : pgn;
}

/** The id with the priority and the source of `id`, and the group `pgn`; of PDU1 with this destination. */
export function idOf(id: number, pgn: number, destination: number): number {
  const group = pgn << 8;
  return (id & 0x1c00_00ff) | (group & pgnMaskOf(group)) | (isPdu1(group) ? destination << 8 : 0);
}

/** Source address, 0..255. */
export function sourceOf(id: number): number {
  return id & 0xff;
}

/** Destination address of a PDU1 id, 0..255 with 255 for all; undefined for PDU2, which goes to all. */
export function destinationOf(id: number): number | undefined {
  return isPdu1(id) ? (id >>> 8) & 0xff : undefined;
}

/** Whether an address in a DBC file stands for any. */
export function isAnyAddress(address: number): boolean {
  return address === NULL_ADDRESS || address === GLOBAL_ADDRESS;
}

/** The bits of an id that make its PGN. */
export function pgnMaskOf(id: number): number {
  return isPdu1(id) ? 0x03ff_0000 : 0x03ff_ff00;
}

/** Whether each manufacturer gives the group a meaning of its own: proprietary A, A2 and B of both data pages (SAE J1939-21, 5.1.7). */
export function isProprietary(pgn: number): boolean {
  return pgn === 0xef00 || pgn === 0x1ef00 || (pgn & 0x0ff00) === 0xff00;
}

/** Whether a message that is known by its group comes in several frames: one holds at most 8 bytes. */
export function isMultiPacket({ pgn, length }: { readonly pgn: number | undefined; readonly length: number }): boolean {
  return pgn !== undefined && length > FRAME_BYTES;
}

/**
 * Whether a message of this length is sent as an NMEA 2000 fast packet, whose frames hold a counter before the data. Which groups are
 * is known only from tables; all lie in data page 1, and none has less than 9 bytes (canboat, PGN ranges).
 */
export function isFastPacket(pgn: number, bytes: number): boolean {
  return bytes > FRAME_BYTES && pgn >= 0x10000;
}

function isPdu1(id: number): boolean {
  return ((id >>> 16) & 0xff) < PDU2_FORMAT;
}
