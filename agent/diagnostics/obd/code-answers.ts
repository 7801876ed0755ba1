import { hexByte, type Malformed, malformed } from "./malformed.ts";

/** Services that give trouble codes, by what codes these are (SAE J1979). */
export const CODE_SERVICES = { confirmed: 0x03, pending: 0x07, permanent: 0x0a } as const;
export type CodeKind = keyof typeof CODE_SERVICES;
export const CODE_KINDS = ["confirmed", "pending", "permanent"] as const satisfies readonly CodeKind[];

const POSITIVE = 0x40;
/** What a code takes. */
const CODE_BYTES = 2;
/** "No code", with which some ECUs fill an answer up. */
const NO_CODE = 0;

/** Trouble codes that an ECU has, each as its two bytes (0x0301 is P0301), without the padding, each once. */
export type CodeAnswer = { readonly kind: "codes"; readonly of: CodeKind; readonly codes: readonly number[] };

/** Asks for codes of one kind. */
export function codesRequest(kind: CodeKind): Uint8Array {
  return Uint8Array.of(CODE_SERVICES[kind]);
}

/** Of which kind the codes in an answer are; undefined where it is none of these answers. */
export function codeKindOf(pdu: Uint8Array): CodeKind | undefined {
  return CODE_KINDS.find((kind) => pdu[0] === CODE_SERVICES[kind] + POSITIVE);
}

/**
 * Reads `43 N code code ..`, of CAN alone: on older buses N is not there. Zero bytes behind the N codes are padding; anything else there,
 * or fewer codes than N, makes the answer malformed, so that a code is never taken for healed because an answer was cut.
 */
export function parseCodes(pdu: Uint8Array): CodeAnswer | Malformed {
  const of = codeKindOf(pdu);
  if (of === undefined) return malformed("it is no answer to service 0x03, 0x07 or 0x0a");
  if (pdu.length < 2) return malformed(`an answer ${hexByte(pdu[0])} has no count of codes`);
  const count = pdu[1];
  const end = 2 + count * CODE_BYTES;
  if (pdu.length < end)
    return malformed(`an answer ${hexByte(pdu[0])} says ${count} codes and has ${pdu.length - 2} bytes`);
  if (pdu.subarray(end).some((byte) => byte !== 0)) {
    return malformed(`an answer ${hexByte(pdu[0])} says ${count} codes and has ${pdu.length - end} bytes behind them`);
  }
  const codes = Array.from({ length: count }, (_, at) => pdu[2 + at * CODE_BYTES] * 256 + pdu[3 + at * CODE_BYTES]);
  return { kind: "codes", of, codes: [...new Set(codes)].filter((code) => code !== NO_CODE) };
}
