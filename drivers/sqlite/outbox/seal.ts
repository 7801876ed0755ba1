import { crc32 } from "node:zlib";
import { plainBytesOf } from "./rest-cipher.ts";

/** The columns of a record that its seal covers; `payload` has a check of its own, what follows it in the table has none but for `route`, which goes with it. */
export type SealedColumns = {
  readonly row: number;
  readonly epoch: number;
  readonly stream: number;
  readonly seq: number;
  readonly encoding: number;
  readonly time_quality: number;
  readonly stored_at_us: number;
  readonly expires_at_ms: number | null;
  readonly retain_key: string | null;
  readonly dead: 0 | 1;
  readonly bytes: number;
};

/** The columns that a seal covers and the one that holds it, as a statement names them. */
export const SEALED_COLUMNS =
  "row, epoch, stream, seq, encoding, time_quality, stored_at_us, expires_at_ms, retain_key, dead, bytes, crc";

const PAYLOAD_RANGE = 2 ** 32;
const COLUMN_MASK = 0xf_ffff;
/** Set in every seal; a record that an older agent stored has none. */
const SEALED = 0x10_0000;

/** What column `crc` holds: the CRC-32 of the payload below, above it 20 bits of one over the other columns. SQLite checks neither. */
export function sealOf(columns: SealedColumns, payloadCrc: number): number {
  return columnCheck(columns) * PAYLOAD_RANGE + payloadCrc;
}

/** The CRC-32 of a payload, and of the topic that it goes to where that is its own. */
export function payloadCheck({
  payload,
  route,
}: {
  readonly payload: Uint8Array;
  readonly route?: string | null;
}): number {
  return crc32(payload, typeof route === "string" ? crc32(route) : 0);
}

/** Whether the payload is as it was stored, encrypted or not. */
export function hasSoundPayload(row: {
  readonly payload: Uint8Array;
  readonly route?: string | null;
  readonly bytes: number;
  readonly crc: number;
}): boolean {
  return plainBytesOf(row.payload) === row.bytes && payloadCheck(row) === payloadCrcOf(row.crc);
}

/** What `payloadCheck` gave, as column `crc` holds it. */
export function payloadCrcOf(crc: number): number {
  return crc % PAYLOAD_RANGE;
}

/** Whether the columns are as they were stored, as far as that can be known. */
export function hasSoundColumns(row: SealedColumns & { readonly crc: number }): boolean {
  const check = Math.floor(row.crc / PAYLOAD_RANGE);
  return check === 0 || check === columnCheck(row);
}

function columnCheck(columns: SealedColumns): number {
  const { row, epoch, stream, seq, encoding, time_quality, stored_at_us, expires_at_ms, retain_key, dead, bytes } =
    columns;
  const all = [row, epoch, stream, seq, encoding, time_quality, stored_at_us, expires_at_ms, retain_key, dead, bytes];
  return SEALED | (crc32(all.join("/")) & COLUMN_MASK);
}
