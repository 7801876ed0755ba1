/** Group of DM5, diagnostic readiness (SAE J1939-73). */
export const READINESS_GROUP = 65_230;

/** A monitor of the emission control, and whether the control unit has it and it has run since the codes were cleared. */
export type Monitor = { readonly name: string; readonly supported: boolean; readonly complete: boolean };

/** What DM5 says. Counts are undefined where the control unit does not tell them. */
export type Readiness = {
  readonly activeCodes: number | undefined;
  readonly previousCodes: number | undefined;
  /** Which rules of on-board diagnosis it obeys, by number; 5 none. */
  readonly obdCompliance: number;
  readonly compliance: string;
  readonly monitors: readonly Monitor[];
};

/** Continuous monitors: bits 0 to 2 of byte 3 say supported, bits 4 to 6 not complete. */
const CONTINUOUS = ["misfire", "fuel system", "comprehensive component"];
/** Others: support in bytes 4 and 5, not complete in the same bits of bytes 6 and 7. */
const SINGLE = [
  "catalyst",
  "heated catalyst",
  "evaporative system",
  "secondary air system",
  "air conditioning refrigerant",
  "exhaust gas sensor",
  "exhaust gas sensor heater",
  "EGR or VVT system",
  "cold start aid system",
  "boost pressure control",
  "diesel particulate filter",
  "NOx catalyst or adsorber",
  "NMHC converting catalyst",
];
/** SPN 1220, as j1939-84 by ETI names the values. */
const COMPLIANCE: ReadonlyMap<number, string> = new Map([
  [1, "OBD II"],
  [2, "OBD"],
  [3, "OBD and OBD II"],
  [4, "OBD I"],
  [5, "none"],
  [6, "EOBD"],
  [7, "EOBD and OBD II"],
  [8, "EOBD and OBD"],
  [9, "EOBD, OBD and OBD II"],
  [10, "JOBD"],
  [11, "JOBD and OBD II"],
  [12, "JOBD and EOBD"],
  [13, "JOBD, EOBD and OBD II"],
  [14, "Euro IV B1"],
  [15, "Euro V B2"],
  [16, "Euro C (gas engines)"],
  [17, "EMD"],
  [18, "EMD+"],
  [19, "HD OBD P"],
  [20, "HD OBD"],
  [21, "WWH OBD"],
  [22, "OBD II"],
  [23, "HD EOBD"],
  [25, "OBD-M (SI-SD/I)"],
  [26, "Euro VI"],
  [34, "OBD, OBD II and HD OBD"],
  [35, "OBD, OBD II and HD OBD P"],
  [254, "error"],
  [255, "not available"],
]);
const NO_OBD = 5;
const LAST_COMPLIANCE = 250;

/** Reads DM5; undefined where it has less than eight bytes. A control unit without on-board diagnosis supports no monitor, whatever its bits say. */
export function parseReadiness(data: Uint8Array): Readiness | undefined {
  if (data.length < 8) return undefined;
  const obdCompliance = data[2];
  const hasDiagnosis = obdCompliance !== NO_OBD && obdCompliance <= LAST_COMPLIANCE;
  const continuous = CONTINUOUS.map((name, bit) => ({
    name,
    supported: hasDiagnosis && bitOf(data[3], bit),
    complete: !bitOf(data[3], bit + 4),
  }));
  const single = SINGLE.map((name, at) => ({
    name,
    supported: hasDiagnosis && bitOf(data[4 + (at >>> 3)], at & 7),
    complete: !bitOf(data[6 + (at >>> 3)], at & 7),
  }));
  return {
    activeCodes: countOf(data[0]),
    previousCodes: countOf(data[1]),
    obdCompliance,
    compliance: COMPLIANCE.get(obdCompliance) ?? "reserved",
    monitors: [...continuous, ...single],
  };
}

function bitOf(byte: number, bit: number): boolean {
  return ((byte >>> bit) & 1) === 1;
}

/** 251 to 255 are no counts: reserved, error, not available. */
function countOf(byte: number): number | undefined {
  return byte <= 250 ? byte : undefined;
}
