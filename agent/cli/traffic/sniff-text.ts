import { hexOfId } from "../../ports/arbitration-id.ts";
import type { SniffRow } from "./sniff-table.ts";

/** How a row is shown: bytes in hexadecimal, or each bit; with colour, or marks alone. */
export type SniffStyle = { readonly bits: boolean; readonly color: boolean; readonly withBus: boolean };

/** Bold and reversed, which shows on any background (ECMA-48, SGR). */
const MARK = "\u001b[1;7m";
const PLAIN = "\u001b[0m";

/** The table with its heading. A byte with a changed bit has a * behind it; with --bits a line of ^ below the changed bits, where there is no colour. */
export function sniffLines(rows: readonly SniffRow[], style: SniffStyle): readonly string[] {
  const idWidth = Math.max(2, ...rows.map((row) => hexOfId(row).length));
  const busWidth = style.withBus ? Math.max(3, ...rows.map(({ bus }) => bus.length)) + 2 : 0;
  const heading = `${"BUS".padEnd(busWidth).slice(0, busWidth)}${"ID".padStart(idWidth)}  ${"COUNT".padStart(7)} ${"PER S".padStart(7)} ${"AGE".padStart(6)}  DATA`;
  return [heading, ...rows.flatMap((row) => rowLines(row, style, idWidth, busWidth))];
}

function rowLines(row: SniffRow, style: SniffStyle, idWidth: number, busWidth: number): readonly string[] {
  const bus = style.withBus ? row.bus.padEnd(busWidth) : "";
  const rate = row.perSecond === undefined ? "-" : row.perSecond.toFixed(row.perSecond < 100 ? 1 : 0);
  const head = `${bus}${hexOfId(row).padStart(idWidth)}  ${String(row.count).padStart(7)} ${rate.padStart(7)} ${ageText(row.ageMs).padStart(6)}  `;
  if (row.remote) return [`${head}remote request of ${row.data.length} bytes`];
  if (!style.bits) return [head + hexText(row, style.color)];
  const line = head + bitText(row, style.color);
  return style.color || row.changed.every((byte) => byte === 0)
    ? [line]
    : [line, " ".repeat(head.length) + carets(row.changed)];
}

function hexText({ data, changed }: SniffRow, color: boolean): string {
  const words = Array.from(data, (byte, at) => {
    const text = byte.toString(16).toUpperCase().padStart(2, "0");
    if (changed[at] === 0) return `${text} `;
    return color ? `${MARK}${text}${PLAIN}*` : `${text}*`;
  });
  return words.join("").trimEnd();
}

function bitText({ data, changed }: SniffRow, color: boolean): string {
  const words = Array.from(data, (byte, at) => {
    const digits = byte.toString(2).padStart(8, "0").split("");
    if (!color) return digits.join("");
    return digits
      .map((digit, bit) => ((changed[at] & (0x80 >>> bit)) === 0 ? digit : `${MARK}${digit}${PLAIN}`))
      .join("");
  });
  return words.join(" ");
}

function carets(changed: Uint8Array): string {
  const words = Array.from(changed, (byte) =>
    byte.toString(2).padStart(8, "0").replaceAll("0", " ").replaceAll("1", "^"),
  );
  return words.join(" ").trimEnd();
}

function ageText(ageMs: number): string {
  if (ageMs < 10_000) return `${(ageMs / 1000).toFixed(1)} s`;
  return ageMs < 120_000 ? `${Math.round(ageMs / 1000)} s` : `${Math.round(ageMs / 60_000)} m`;
}
