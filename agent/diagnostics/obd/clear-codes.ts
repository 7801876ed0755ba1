import { type Malformed, malformed } from "./malformed.ts";

const CLEAR_CODES = 0x04;
/** Of an answer to service 04. */
export const CLEAR_CODES_ANSWER = 0x44;

/** Asks to clear codes, freeze frames and readiness. */
export function clearRequest(): Uint8Array {
  return Uint8Array.of(CLEAR_CODES);
}

/** Reads `44`. */
export function parseCleared(pdu: Uint8Array): { readonly kind: "cleared" } | Malformed {
  return pdu[0] === CLEAR_CODES_ANSWER ? { kind: "cleared" } : malformed("it is no answer to service 0x04");
}
