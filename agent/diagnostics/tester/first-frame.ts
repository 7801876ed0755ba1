import type { IsoTpSettings } from "../../ports/isotp.ts";

/** Longest PDU whose length a first frame says in 12 bits. */
const MAX_SHORT_LENGTH = 4095;
/** Longest PDU whose length a single frame says in its first byte. */
const MAX_NIBBLE_LENGTH = 7;

/** How a PDU begins on the bus, and how many frames it takes (ISO 15765-2:2016, table 9). */
export type Beginning = {
  /** The first bytes of its first frame; padding follows where the PDU ends before the frame. */
  readonly prefix: Uint8Array;
  /** All of its frames that its sender sends. */
  readonly frames: number;
};

/** The beginning of a PDU that goes out with these settings, after the address byte if there is one. */
export function beginningOf(
  pdu: Uint8Array,
  { fd, txDataBytes }: Pick<IsoTpSettings, "fd" | "txDataBytes">,
  txByte: number | undefined,
): Beginning {
  const address = txByte === undefined ? [] : [txByte];
  const room = (fd ? txDataBytes : 8) - address.length;
  const head = headOf(pdu.length, room, address.length);
  const first = Math.min(pdu.length, room - head.length);
  const prefix = Uint8Array.from([...address, ...head, ...pdu.subarray(0, first)]);
  return { prefix, frames: 1 + Math.ceil((pdu.length - first) / (room - 1)) };
}

function headOf(bytes: number, room: number, addressBytes: number): readonly number[] {
  if (bytes <= MAX_NIBBLE_LENGTH - addressBytes) return [bytes];
  if (room + addressBytes > 8 && bytes <= room - 2) return [0, bytes];
  if (bytes <= MAX_SHORT_LENGTH) return [0x10 | (bytes >>> 8), bytes & 0xff];
  return [0x10, 0, bytes >>> 24, (bytes >>> 16) & 0xff, (bytes >>> 8) & 0xff, bytes & 0xff];
}
