import type { IsoTpSink } from "../../ports/isotp.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";

/** PDUs as isotprecv prints them, or one JSON object a line; faults as remarks. */
export function pduPrinter(context: CliContext, bus: string): IsoTpSink {
  return {
    onPdu: (pdu, receivedAtUs) => {
      const hex = Buffer.from(pdu).toString("hex");
      const t = Math.floor(receivedAtUs) / 1e6;
      if (context.options().json) printJson(context, { schemaVersion: 1, t, bus, pdu: hex });
      else printLine(context, spaced(hex));
    },
    onFault: (fault) => note(context, fault.message),
  };
}

/** Digits of bytes as can-utils print them: upper case, with a blank between two bytes. */
export function spaced(hex: string): string {
  return hex.toUpperCase().replaceAll(/(..)(?=.)/g, "$1 ");
}
