/**
 * What a negative answer means for the same request again: "soon" in a moment (the ECU says itself that it is worth it), "pending" for an
 * answer that is still to come, "access" once the session or the security is open, "state" when the vehicle or the ECU is in another
 * state, which nobody repeats by himself, and "never" for a request that will be refused however often it comes.
 */
export type NrcRetry = "soon" | "pending" | "access" | "state" | "never";

/** A negative response code (ISO 14229-1, annex A.1). */
export type Nrc = { readonly code: number; readonly name: string; readonly retry: NrcRetry };

type Row = readonly [code: number, name: string, retry: NrcRetry];

/** Names after ISO 14229-1:2020, A.1, as python-udsoncan (ResponseCode) has them; texts for people. */
const ROWS: readonly Row[] = [
  [0x10, "general reject", "never"],
  [0x11, "service not supported", "never"],
  [0x12, "subfunction not supported", "never"],
  [0x13, "incorrect message length or invalid format", "never"],
  [0x14, "response too long", "never"],
  [0x21, "busy, repeat request", "soon"],
  [0x22, "conditions not correct", "state"],
  [0x24, "request sequence error", "access"],
  [0x25, "no response from subnet component", "state"],
  [0x26, "failure prevents execution of requested action", "state"],
  [0x31, "request out of range", "never"],
  [0x33, "security access denied", "access"],
  [0x34, "authentication required", "access"],
  [0x35, "invalid key", "never"],
  [0x36, "exceeded number of attempts", "state"],
  [0x37, "required time delay not expired", "state"],
  [0x38, "secure data transmission required", "never"],
  [0x39, "secure data transmission not allowed", "never"],
  [0x3a, "secure data verification failed", "never"],
  [0x50, "certificate verification failed: invalid time period", "never"],
  [0x51, "certificate verification failed: invalid signature", "never"],
  [0x52, "certificate verification failed: invalid chain of trust", "never"],
  [0x53, "certificate verification failed: invalid type", "never"],
  [0x54, "certificate verification failed: invalid format", "never"],
  [0x55, "certificate verification failed: invalid content", "never"],
  [0x56, "certificate verification failed: invalid scope", "never"],
  [0x57, "certificate verification failed: invalid certificate", "never"],
  [0x58, "ownership verification failed", "never"],
  [0x59, "challenge calculation failed", "never"],
  [0x5a, "setting access rights failed", "never"],
  [0x5b, "session key creation or derivation failed", "never"],
  [0x5c, "configuration data usage failed", "never"],
  [0x5d, "deauthentication failed", "never"],
  [0x70, "upload or download not accepted", "state"],
  [0x71, "transfer data suspended", "state"],
  [0x72, "general programming failure", "never"],
  [0x73, "wrong block sequence counter", "never"],
  [0x78, "response pending", "pending"],
  [0x7e, "subfunction not supported in active session", "access"],
  [0x7f, "service not supported in active session", "access"],
  [0x81, "engine speed too high", "state"],
  [0x82, "engine speed too low", "state"],
  [0x83, "engine is running", "state"],
  [0x84, "engine is not running", "state"],
  [0x85, "engine run time too low", "state"],
  [0x86, "temperature too high", "state"],
  [0x87, "temperature too low", "state"],
  [0x88, "vehicle speed too high", "state"],
  [0x89, "vehicle speed too low", "state"],
  [0x8a, "throttle or pedal too high", "state"],
  [0x8b, "throttle or pedal too low", "state"],
  [0x8c, "transmission not in neutral", "state"],
  [0x8d, "transmission not in gear", "state"],
  [0x8f, "brake switch not closed", "state"],
  [0x90, "shifter lever not in park", "state"],
  [0x91, "torque converter clutch locked", "state"],
  [0x92, "voltage too high", "state"],
  [0x93, "voltage too low", "state"],
  [0x94, "resource temporarily not available", "soon"],
];

const BY_CODE = new Map(ROWS.map(([code, name, retry]) => [code, { code, name, retry }]));

/** The code with its name; one that the standard does not give is named by its range. */
export function nrcOf(code: number): Nrc {
  return BY_CODE.get(code) ?? { code, name: rangeOf(code), retry: "never" };
}

/** ISO 14229-1, A.1: 0x95 to 0xEF and what lies between are reserved, 0xF0 to 0xFE are for conditions of the vehicle's maker. */
function rangeOf(code: number): string {
  if (code >= 0xf0 && code <= 0xfe) return "condition of the vehicle's maker not correct";
  return "reserved code";
}

/** "conditions not correct (0x22)". */
export function nrcText(code: number): string {
  return `${nrcOf(code).name} (0x${code.toString(16).padStart(2, "0")})`;
}
