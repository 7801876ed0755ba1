import { POSITIVE, SERVICE } from "./requests.ts";

/** A data identifier and its data. */
export type DidData = { readonly id: number; readonly bytes: Uint8Array };

/** A data identifier as it is asked for: `length` is the number of its data bytes, where that is known. */
export type AskedDid = { readonly id: number; readonly length?: number | undefined };

/**
 * 62: the data of those that were asked for, in the order in which they come, which is the ECU's choice; it may leave some out (ISO 14229-1,
 * 11.2). Undefined for anything else, for data identifiers that nobody asked for, and for data that ends too early. Zeros at the end are
 * padding; of a single one everything is its data where no length is known.
 */
export function parseReadAnswer(pdu: Uint8Array, asked: readonly AskedDid[]): readonly DidData[] | undefined {
  if (pdu[0] !== SERVICE.read + POSITIVE) return undefined;
  const data: DidData[] = [];
  let at = 1;
  while (at < pdu.length && data.length < asked.length) {
    const id = (pdu[at] << 8) | pdu[at + 1];
    const one = asked.find((known) => known.id === id);
    if (at + 2 > pdu.length || one === undefined) return isPadding(pdu, at, data) ? data : undefined;
    const end = at + 2 + (one.length ?? pdu.length - at - 2);
    if (end > pdu.length || (one.length === undefined && asked.length > 1)) return undefined;
    data.push({ id, bytes: pdu.slice(at + 2, end) });
    at = end;
  }
  return data.length > 0 && isPadding(pdu, at, data) ? data : undefined;
}

function isPadding(pdu: Uint8Array, from: number, data: readonly DidData[]): boolean {
  return data.length > 0 && pdu.subarray(from).every((byte) => byte === 0);
}

/** Most data bytes that are asked for with one request: an ECU answers `response too long` above what its buffer holds. */
const MAX_ANSWER_BYTES = 255;
/** Most data identifiers of one request. */
const MAX_DIDS = 8;

/** What can be asked for together: those whose lengths are known; the others one by one. */
export function readGroups<T extends AskedDid>(asked: readonly T[]): readonly (readonly T[])[] {
  const groups: T[][] = [];
  let open: T[] | undefined;
  let openBytes = 0;
  for (const one of asked) {
    if (one.length === undefined) {
      groups.push([one]);
      continue;
    }
    const bytes = one.length + 2;
    if (open === undefined || open.length === MAX_DIDS || openBytes + bytes > MAX_ANSWER_BYTES) {
      open = [];
      openBytes = 0;
      groups.push(open);
    }
    open.push(one);
    openBytes += bytes;
  }
  return groups;
}
