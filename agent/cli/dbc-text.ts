import { printable } from "../core/plain-text.ts";
import type { DbcMessage, DbcSignal } from "../signals/dbc/model.ts";

/** "0x1F0", with eight digits for 29 bits. */
export function idText({ id, extended }: Pick<DbcMessage, "id" | "extended">): string {
  return `0x${id
    .toString(16)
    .toUpperCase()
    .padStart(extended ? 8 : 3, "0")}`;
}

/** Bits, type, scale, range and presence of a signal, for a table. */
export function signalCells(signal: DbcSignal): readonly string[] {
  const { startBit, bits, byteOrder, kind, signed, factor, offset, minimum, maximum, unit, multiplexing } = signal;
  const type = kind === "integer" ? `${signed ? "signed" : "unsigned"} ${byteOrder}` : `${kind} ${byteOrder}`;
  const ranges = multiplexing?.ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  const present = multiplexing === undefined ? "always" : `${multiplexing.by} = ${ranges?.join(", ")}`;
  const sign = offset < 0 ? "-" : "+";
  return [
    `${startBit}|${bits}`,
    type,
    `* ${factor} ${sign} ${Math.abs(offset)}`,
    minimum === 0 && maximum === 0 ? "-" : printable(`${boundJson(minimum)}..${boundJson(maximum)} ${unit}`.trimEnd()),
    printable(signal.multiplexer ? `${present} (multiplexer)` : present),
  ];
}

/** A bound beyond float64 as `signals decode` writes such numbers: JSON has none. */
export function boundJson(bound: number): number | string {
  if (Number.isFinite(bound)) return bound;
  return bound > 0 ? "inf" : "-inf";
}
