import { printable } from "../core/plain-text.ts";
import { presenceText, scaleText } from "../signals/dbc/field-texts.ts";
import type { DbcSignal } from "../signals/dbc/model.ts";

/** Bits, type, scale, range and presence of a signal, for a table. */
export function signalCells(signal: DbcSignal): readonly string[] {
  const { startBit, bits, byteOrder, kind, signed, minimum, maximum, unit } = signal;
  const type = kind === "integer" ? `${signed ? "signed" : "unsigned"} ${byteOrder}` : `${kind} ${byteOrder}`;
  const present = presenceText(signal);
  return [
    `${startBit}|${bits}`,
    type,
    scaleText(signal),
    minimum === 0 && maximum === 0 ? "-" : printable(`${boundJson(minimum)}..${boundJson(maximum)} ${unit}`.trimEnd()),
    printable(signal.multiplexer ? `${present} (multiplexer)` : present),
  ];
}

/** A bound beyond float64 as `signals decode` writes such numbers: JSON has none. */
export function boundJson(bound: number): number | string {
  if (Number.isFinite(bound)) return bound;
  return bound > 0 ? "inf" : "-inf";
}
