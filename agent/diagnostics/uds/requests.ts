/** Services (ISO 14229-1, 9.3); a positive answer begins with the number and `POSITIVE` more. */
export const SERVICE = {
  session: 0x10,
  reset: 0x11,
  clear: 0x14,
  codes: 0x19,
  read: 0x22,
  security: 0x27,
  write: 0x2e,
  output: 0x2f,
  routine: 0x31,
  testerPresent: 0x3e,
} as const;
export const POSITIVE = 0x40;

/** Subfunctions of service 19 that are asked for. */
export const CODES = {
  count: 0x01,
  byStatus: 0x02,
  snapshotNumbers: 0x03,
  snapshots: 0x04,
  extendedData: 0x06,
  supported: 0x0a,
} as const;

/** Every record of a code. */
const ALL_RECORDS = 0xff;
/** Bit of a subfunction: no positive answer is wanted. */
const SUPPRESS = 0x80;

const SESSIONS = { default: 1, programming: 2, extended: 3, safety: 4 } as const;
/** A session by name, or its number, 1 to 0x7f. */
export type Session = keyof typeof SESSIONS | number;

/** Number of a session. */
export function sessionNumber(session: Session): number {
  return typeof session === "number" ? session : SESSIONS[session];
}

/** 10: answers with the timing of the ECU. */
export function sessionRequest(session: Session): Uint8Array {
  return Uint8Array.of(SERVICE.session, sessionNumber(session));
}

const RESETS = { hard: 1, "key-off-on": 2, soft: 3 } as const;
export type ResetKind = keyof typeof RESETS;

/** 11 */
export function resetRequest(kind: ResetKind): Uint8Array {
  return Uint8Array.of(SERVICE.reset, RESETS[kind]);
}

/** 14: `group` is 0xffffff for all codes, 0xffff33 for those of emissions, or one code. */
export function clearRequest(group: number): Uint8Array {
  return Uint8Array.of(SERVICE.clear, ...bytes3(group));
}

/** 19 01 and 19 02: codes with one of the bits of `mask`. */
export function codesByStatus(subfunction: typeof CODES.count | typeof CODES.byStatus, mask: number): Uint8Array {
  return Uint8Array.of(SERVICE.codes, subfunction, mask);
}

/** 19 03 and 0A, which ask for all. */
export function codesRequest(subfunction: typeof CODES.snapshotNumbers | typeof CODES.supported): Uint8Array {
  return Uint8Array.of(SERVICE.codes, subfunction);
}

/** 19 04 and 19 06 of one code: all records where none is named. */
export function recordsOfCode(
  subfunction: typeof CODES.snapshots | typeof CODES.extendedData,
  code: number,
  record: number = ALL_RECORDS,
): Uint8Array {
  return Uint8Array.of(SERVICE.codes, subfunction, ...bytes3(code), record);
}

/** 22: one or several data identifiers. */
export function readRequest(dids: readonly number[]): Uint8Array {
  return Uint8Array.of(SERVICE.read, ...dids.flatMap(bytes2));
}

/** 27 with the odd number of a level: asks for a seed. */
export function seedRequest(level: number): Uint8Array {
  return Uint8Array.of(SERVICE.security, level);
}

/** 27 with the even number: brings the key. */
export function keyRequest(level: number, key: Uint8Array): Uint8Array {
  return Uint8Array.of(SERVICE.security, level + 1, ...key);
}

/** 2E */
export function writeRequest(did: number, data: Uint8Array): Uint8Array {
  return Uint8Array.of(SERVICE.write, ...bytes2(did), ...data);
}

const CONTROLS = { return: 0, default: 1, freeze: 2, adjust: 3 } as const;
export type Control = keyof typeof CONTROLS;

/** 2F: `state` and `mask` follow only with "adjust". */
export function outputRequest(did: number, control: Control, state: Uint8Array, mask: Uint8Array): Uint8Array {
  const more = control === "adjust" ? [...state, ...mask] : [];
  return Uint8Array.of(SERVICE.output, ...bytes2(did), CONTROLS[control], ...more);
}

const ROUTINES = { start: 1, stop: 2, results: 3 } as const;
export type RoutineControl = keyof typeof ROUTINES;

/** 31 */
export function routineRequest(control: RoutineControl, id: number, option: Uint8Array): Uint8Array {
  return Uint8Array.of(SERVICE.routine, ROUTINES[control], ...bytes2(id), ...option);
}

/** 3E 80: keeps a session, and wants no answer. */
export function testerPresent(): Uint8Array {
  return Uint8Array.of(SERVICE.testerPresent, SUPPRESS);
}

/** Bytes after the service that a positive answer repeats of a request. */
export function repeatedBytes(pdu: Uint8Array): number {
  switch (pdu[0]) {
    case SERVICE.clear:
      return 0;
    case SERVICE.routine:
      return 3;
    case SERVICE.read:
      // Of several the ECU may leave out the first.
      return pdu.length === 3 ? 2 : 0;
    // Some leave the control parameter of an output out.
    case SERVICE.write:
    case SERVICE.output:
      return 2;
    case SERVICE.codes:
      return pdu[1] === CODES.snapshots || pdu[1] === CODES.extendedData ? 4 : 1;
    default:
      return 1;
  }
}

function bytes2(value: number): readonly number[] {
  return [(value >>> 8) & 0xff, value & 0xff];
}

function bytes3(value: number): readonly number[] {
  return [(value >>> 16) & 0xff, ...bytes2(value)];
}
