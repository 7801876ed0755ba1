import { hexByte, type Malformed, malformed } from "./malformed.ts";
import type { Pid } from "./pid.ts";
import { pidOf } from "./pid-table.ts";
import { isBitmap } from "./supported-bits.ts";

export const CURRENT_DATA = 0x01;
/** Of an answer to service 01. */
export const CURRENT_DATA_ANSWER = 0x41;
/** Most PIDs in one request on CAN (SAE J1979; FWE, ISO 15031-5). */
export const MOST_PIDS = 6;
const BITMAP_BYTES = 4;

/** The data that an answer has for one PID. */
export type PidData = { readonly pid: number; readonly data: Uint8Array };

/**
 * What an answer to service 01 holds. `unread` is the number of bytes after the first PID whose length is not known: nothing behind it can
 * be told apart.
 */
export type CurrentData = { readonly kind: "data"; readonly values: readonly PidData[]; readonly unread: number };

/** Asks for up to `MOST_PIDS` PIDs. */
export function currentDataRequest(pids: readonly number[]): Uint8Array {
  return Uint8Array.from([CURRENT_DATA, ...pids]);
}

/**
 * Splits `41 PID data PID data ..`. The lengths are those of the PID table; where an ECU may give one of two, that counts with which the
 * answer comes out even. A single PID that is not in the table takes all that there is.
 *
 * With `asked` any other PID is wrong. Data of the wrong length make the whole answer malformed: a value is never guessed.
 */
export function parseCurrentData(pdu: Uint8Array, asked?: ReadonlySet<number>): CurrentData | Malformed {
  if (pdu[0] !== CURRENT_DATA_ANSWER) return malformed("it is no answer to service 0x01");
  if (pdu.length < 3) return malformed(`it has ${pdu.length} bytes`);
  const first = pdu[1];
  if (lengthsOf(first).length === 0 && isMeant(first, asked)) {
    const data = pdu.subarray(2);
    return asked?.size === 1
      ? { kind: "data", values: [{ pid: first, data }], unread: 0 }
      : { kind: "data", values: [], unread: pdu.length - 1 };
  }
  return (
    split(pdu, { at: 1, left: MOST_PIDS }, asked) ??
    malformed(`its ${pdu.length} bytes are not those of PID ${hexByte(first)} and others`)
  );
}

/** The answer from `at` on, of at most `left` PIDs; undefined where no lengths come out even. */
function split(
  pdu: Uint8Array,
  { at, left }: { readonly at: number; readonly left: number },
  asked: ReadonlySet<number> | undefined,
): CurrentData | undefined {
  if (at === pdu.length) return { kind: "data", values: [], unread: 0 };
  if (left === 0) return undefined;
  const pid = pdu[at];
  if (!isMeant(pid, asked)) return undefined;
  const lengths = lengthsOf(pid);
  if (lengths.length === 0) return { kind: "data", values: [], unread: pdu.length - at };
  const splits = lengths.flatMap((bytes) => {
    const end = at + 1 + bytes;
    const rest = end > pdu.length ? undefined : split(pdu, { at: end, left: left - 1 }, asked);
    const value = { pid, data: pdu.subarray(at + 1, end) };
    return rest === undefined ? [] : [{ ...rest, values: [value, ...rest.values] }];
  });
  return splits.sort((left, right) => left.unread - right.unread)[0];
}

function isMeant(pid: number, asked: ReadonlySet<number> | undefined): boolean {
  return asked === undefined || asked.has(pid);
}

/** Lengths that the data of a PID may have, bytes; none where it is not known. */
function lengthsOf(pid: number): readonly number[] {
  if (isBitmap(pid)) return [BITMAP_BYTES];
  const known = pidOf(pid);
  return known === undefined ? [] : lengthsOfPid(known);
}

function lengthsOfPid({ bytes, mostBytes }: Pid): readonly number[] {
  return mostBytes === undefined ? [bytes] : [bytes, mostBytes];
}
