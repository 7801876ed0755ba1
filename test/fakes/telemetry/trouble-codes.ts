import type { CodeReport } from "../../../agent/telemetry/record/encode/code-report.ts";
import type { CodeState, TroubleCodeEvent } from "../../../agent/telemetry/record/encode/trouble-code.ts";

/** A code with a value of each kind and every number its own. */
export const MISFIRE = {
  bus: "can0",
  ecu: "engine",
  protocol: "uds",
  code: "P0301-1F",
  raw: 0x0301_1f,
  text: "Cylinder 1 misfire",
  status: 0x8f,
  isActive: true,
  isPending: true,
  isConfirmed: true,
  isPermanent: true,
  ecuOccurrences: 0,
  occurrences: 3,
  firstSeenUs: 1_767_225_600_000_001,
  sinceUs: 1_767_225_650_000_003,
  lastSeenUs: 1_767_225_700_000_002,
  odometerKm: 123_456.7,
  lamps: { malfunction: "fast-flash", stop: undefined, warning: "on", protect: "off" },
  freeze: [
    { name: "engine_speed", value: 726.25, unit: "rpm" },
    { name: "DID 0xF1A0", value: "00FF", unit: undefined },
    { name: "ratio", value: 0, unit: undefined },
  ],
  freezeDropped: 2,
} as const satisfies CodeState;

/** A code of which next to nothing is known. */
export const BARE = {
  bus: "can1",
  ecu: "sa_0",
  protocol: "j1939",
  code: "SPN 100 FMI 1",
  raw: 0x0501_0064,
  text: undefined,
  status: undefined,
  isActive: false,
  isPending: false,
  isConfirmed: false,
  isPermanent: false,
  ecuOccurrences: undefined,
  occurrences: 1,
  firstSeenUs: 5,
  sinceUs: 5,
  lastSeenUs: 5,
  odometerKm: undefined,
  lamps: undefined,
  freeze: [],
  freezeDropped: 0,
} as const satisfies CodeState;

export const CONFIRMED = {
  number: 7,
  isRepeated: true,
  timeUs: 1_767_225_700_000_003,
  event: "confirmed",
  code: MISFIRE,
} as const satisfies TroubleCodeEvent;

export const CLEARED = {
  number: 8,
  isRepeated: false,
  timeUs: 1_767_225_800_000_000,
  event: "cleared",
  code: { ...BARE, code: "", raw: 0, occurrences: 0, firstSeenUs: 0, sinceUs: 0, lastSeenUs: 0 },
  cleared: { codes: ["SPN 100 FMI 1", "SPN 520200 FMI 31"], dropped: 4, by: "another tester" },
} as const satisfies TroubleCodeEvent;

/** `count` codes at one time. */
export function codeReport(count: number): CodeReport {
  const codes = Array.from({ length: count }, (_, at) => ({ ...BARE, code: `SPN ${at} FMI 1`, isActive: true }));
  return { timeUs: 9, reason: "day", ecu: undefined, codes, refused: 3 };
}
