import type { Ecu } from "../../../config/ecu.ts";
import { ecuCatalogue } from "../../../config/ecus.ts";

/** One control unit, "body" at 0x740, 0x748, with what `parts` says of it as the file would. */
export function ecuOf(parts: Readonly<Record<string, unknown>> = {}): Ecu {
  const body = { name: "body", request: 0x740, response: 0x748, ...parts };
  return ecuCatalogue.parse({ schemaVersion: 1, ecus: [body] }).ecus[0];
}

/** Bytes of hexadecimal digits, with blanks where you like. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}
