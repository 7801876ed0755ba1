import type { CodeOrigin, FreezeValue, Lamps } from "../../telemetry/record/encode/trouble-code.ts";

/**
 * Which list of a control unit a reading is of. OBD-II: confirmed (service 03), pending (07), permanent (0A). J1939: active (DM1), previous
 * (DM2), pending (DM6), emission (DM12), previous-emission (DM23), permanent (DM28). UDS: by-status, each code with its status byte (19 02, 19 0A).
 */
export const CODE_LISTS = [
  "confirmed",
  "pending",
  "permanent",
  "active",
  "previous",
  "emission",
  "previous-emission",
  "by-status",
] as const;
export type CodeList = (typeof CODE_LISTS)[number];

/** A code as a control unit lists it. */
export type SeenCode = {
  /** In the field's notation: `dtcOf2Bytes`, `dtcOf3Bytes`, `spnFmi`. Names the code among those of its control unit. */
  readonly code: string;
  /** As it was sent: 2 bytes of OBD-II or 3 of UDS, big endian; the 4 bytes of J1939, little endian. */
  readonly raw: number;
  /** What it means, where a catalogue or a standard says so. */
  readonly text?: string | undefined;
  /** Status byte of UDS, masked by what the control unit supports of it. */
  readonly status?: number | undefined;
  /** Times it has occurred, as the control unit counts; absent where it does not say (127 in J1939). */
  readonly occurrences?: number | undefined;
  /** Freeze frame, snapshot and extended data, where they were read. */
  readonly freeze?: readonly FreezeValue[] | undefined;
};

/** All codes of one list, as one control unit gave them at one time. Of a request that failed there is no reading. */
export type CodeReading = {
  readonly origin: CodeOrigin;
  readonly list: CodeList;
  readonly codes: readonly SeenCode[];
  /** As far as the reading tells them. */
  readonly lamps?: Lamps | undefined;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Bits of the status byte (ISO 14229-1, "DTC status mask"; as python-udsoncan's Dtc.Status has them). */
export const UDS_STATUS = {
  testFailed: 0x01,
  failedThisCycle: 0x02,
  pending: 0x04,
  confirmed: 0x08,
  notCompletedSinceClear: 0x10,
  failedSinceClear: 0x20,
  notCompletedThisCycle: 0x40,
  warningIndicator: 0x80,
} as const;

const LETTERS = "PCBU";

/**
 * A code of 2 bytes, big endian, as workshops write it: 0x0133 is P0133, 0x5234 is C1234. Two bits of letter, two of the first digit, three
 * digits in hexadecimal (SAE J2012; ISO 15031-6). 0 is no code but padding.
 */
export function dtcOf2Bytes(raw: number): string {
  const first = (raw >>> 12) & 0x3;
  return `${LETTERS.charAt((raw >>> 14) & 0x3)}${first}${hex(raw & 0xfff, 3)}`;
}

/** A code of 3 bytes, big endian: the first two as `dtcOf2Bytes`, then the failure type byte (SAE J2012-DA): 0x01331f is P0133-1F. */
export function dtcOf3Bytes(raw: number): string {
  return `${dtcOf2Bytes(raw >>> 8)}-${hex(raw & 0xff, 2)}`;
}

/** A code of J1939: suspect parameter number 0..524287 and failure mode identifier 0..31. */
export function spnFmi({ spn, fmi }: { readonly spn: number; readonly fmi: number }): string {
  return `SPN ${spn} FMI ${fmi}`;
}

/**
 * A code of J1939 whose conversion method bit is set: its SPN has one of three old layouts, and which one it does not tell. So it is named by
 * its first three bytes, which have SPN and FMI in each of them: 64 00 01 85, as a number 0x8501_0064, is "CM1 640001".
 */
export function rawSpn(raw: number): string {
  const bytes = [raw & 0xff, (raw >>> 8) & 0xff, (raw >>> 16) & 0xff];
  return `CM1 ${bytes.map((byte) => hex(byte, 2)).join("")}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
