import { CODES, POSITIVE, SERVICE } from "./requests.ts";

/** Records that are read of one answer: more than any ECU has. */
const MAX_RECORDS = 4096;

/** How codes are to be read (ISO 14229-1, DTCFormatIdentifier). */
const FORMATS = ["J2012-DA 00", "ISO 14229-1", "J1939-73", "ISO 11992-4", "J2012-DA 04"] as const;
export type CodeFormat = (typeof FORMATS)[number] | "unknown";

/** A trouble code, 3 bytes, and its status bits, of which those that the ECU does not keep are 0. */
export type CodeStatus = { readonly raw: number; readonly status: number };

/** Answer to 19 01. */
export type CodeCount = { readonly availability: number; readonly format: CodeFormat; readonly count: number };

/** Answer to 19 02 and 19 0A. */
export type CodeStatusList = { readonly availability: number; readonly codes: readonly CodeStatus[] };

/** Which snapshots there are: a code and the number of a record of it. */
export type SnapshotNumber = { readonly raw: number; readonly record: number };

/** Data as an ECU keeps it with a code. `id` is a data identifier in a snapshot, and a record of extended data. */
export type KeptData = { readonly record: number; readonly id: number; readonly bytes: Uint8Array };

/** Answer to 19 04 and 19 06. `rest` is what follows where a length is not known, from the data of `id` on. */
export type CodeRecords = CodeStatus & {
  readonly data: readonly KeptData[];
  readonly rest: KeptData | undefined;
};

/** 59 01; undefined for anything else. What follows is left alone. */
export function parseCodeCount(pdu: Uint8Array): CodeCount | undefined {
  if (!isAnswer(pdu, CODES.count) || pdu.length < 6) return undefined;
  return { availability: pdu[2], format: FORMATS[pdu[3]] ?? "unknown", count: (pdu[4] << 8) | pdu[5] };
}

/** 59 02 and 59 0A; undefined for anything else. Zeros at the end are padding, and a code is 0 only there. */
export function parseCodeList(
  pdu: Uint8Array,
  subfunction: typeof CODES.byStatus | typeof CODES.supported,
): CodeStatusList | undefined {
  if (!isAnswer(pdu, subfunction) || pdu.length < 3) return undefined;
  const availability = pdu[2];
  const records = recordsFrom(pdu, 3, 4);
  if (records === undefined) return undefined;
  const codes = records.map((at) => ({ raw: uint24(pdu, at), status: pdu[at + 3] & availability }));
  return { availability, codes };
}

/** 59 03; undefined for anything else. */
export function parseSnapshotNumbers(pdu: Uint8Array): readonly SnapshotNumber[] | undefined {
  if (!isAnswer(pdu, CODES.snapshotNumbers)) return undefined;
  return recordsFrom(pdu, 2, 4)?.map((at) => ({ raw: uint24(pdu, at), record: pdu[at + 3] }));
}

/**
 * 59 04; undefined for anything else, and for data that ends too early. `lengthOf` gives the data bytes of a data identifier; the standard
 * says none, so that nothing can be read after one of which it is not known.
 */
export function parseSnapshots(
  pdu: Uint8Array,
  lengthOf: (did: number) => number | undefined,
): CodeRecords | undefined {
  const head = codeOf(pdu, CODES.snapshots);
  if (head === undefined) return undefined;
  const data: KeptData[] = [];
  const end = paddingStart(pdu);
  let at = 6;
  while (at < end && data.length < MAX_RECORDS) {
    if (at + 2 > pdu.length) return undefined;
    const [record, count] = [pdu[at], pdu[at + 1]];
    at += 2;
    for (let index = 0; index < count; index++) {
      if (at + 2 > pdu.length) return undefined;
      const id = (pdu[at] << 8) | pdu[at + 1];
      const length = lengthOf(id);
      if (length === undefined) return { ...head, data, rest: { record, id, bytes: pdu.slice(at + 2) } };
      if (at + 2 + length > pdu.length) return undefined;
      data.push({ record, id, bytes: pdu.slice(at + 2, at + 2 + length) });
      at += 2 + length;
    }
  }
  return { ...head, data, rest: undefined };
}

/** 59 06; as `parseSnapshots`, with the data bytes of a record of extended data. */
export function parseExtendedData(
  pdu: Uint8Array,
  lengthOf: (record: number) => number | undefined,
): CodeRecords | undefined {
  const head = codeOf(pdu, CODES.extendedData);
  if (head === undefined) return undefined;
  const data: KeptData[] = [];
  const end = paddingStart(pdu);
  let at = 6;
  while (at < end) {
    const record = pdu[at];
    const length = lengthOf(record);
    if (length === undefined) return { ...head, data, rest: { record, id: record, bytes: pdu.slice(at + 1) } };
    if (at + 1 + length > pdu.length) return undefined;
    data.push({ record, id: record, bytes: pdu.slice(at + 1, at + 1 + length) });
    at += 1 + length;
  }
  return { ...head, data, rest: undefined };
}

function codeOf(pdu: Uint8Array, subfunction: number): CodeStatus | undefined {
  if (!isAnswer(pdu, subfunction) || pdu.length < 6) return undefined;
  return { raw: uint24(pdu, 2), status: pdu[5] };
}

/** Where records of `size` bytes begin, padding left out; undefined where the last one ends too early. */
function recordsFrom(pdu: Uint8Array, from: number, size: number): readonly number[] | undefined {
  const starts: number[] = [];
  const end = paddingStart(pdu);
  for (let at = from; at < end; at += size) {
    if (at + size > pdu.length) return undefined;
    starts.push(at);
  }
  return starts;
}

/** Where nothing but zeros follows. */
function paddingStart(pdu: Uint8Array): number {
  return pdu.findLastIndex((byte) => byte !== 0) + 1;
}

function isAnswer(pdu: Uint8Array, subfunction: number): boolean {
  return pdu[0] === SERVICE.codes + POSITIVE && pdu[1] === subfunction;
}

function uint24(pdu: Uint8Array, at: number): number {
  return (pdu[at] << 16) | (pdu[at + 1] << 8) | pdu[at + 2];
}
