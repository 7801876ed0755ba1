import { printable } from "../../core/plain-text.ts";
import { formatDuration } from "../../core/quantity.ts";
import { litLamps } from "../../diagnostics/codes/lit-lamps.ts";
import type { ShownEvent } from "../../local-api/codes-schema.ts";
import type { CodeState } from "../../telemetry/record/encode/trouble-code.ts";

/** A table of codes, its head first; times as ages at `nowUs`. */
export function codeRows(codes: readonly CodeState[], nowUs: number): readonly (readonly string[])[] {
  const rows = codes.map((code) => [
    printable(`${code.bus}/${code.ecu}`),
    printable(code.code),
    stateOf(code),
    `${code.ecuOccurrences ?? code.occurrences}`,
    age(code.sinceUs, nowUs),
    age(code.lastSeenUs, nowUs),
    code.odometerKm === undefined ? "-" : `${code.odometerKm.toFixed(1)} km`,
    printable(code.text ?? ""),
  ]);
  return [["ecu", "code", "state", "count", "since", "last seen", "odometer", "meaning"], ...rows];
}

/** A table of freeze data, its head first. */
export function freezeRows({ freeze }: CodeState): readonly (readonly string[])[] {
  return [
    ["  name", "value", "unit"],
    ...freeze.map(({ name, value, unit = "" }) => [`  ${printable(name)}`, printable(shown(value)), printable(unit)]),
  ];
}

/** Six digits say more than any control unit measures; --json has all. */
function shown(value: number | string): string {
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value);
}

/** An event on one line, with its time in UTC. */
export function eventLine({ timeUs, event, code, cleared }: ShownEvent): string {
  const at = new Date(timeUs / 1000).toISOString();
  const who = `${code.bus}/${code.ecu}`;
  if (event === "lamps") return printable(`${at} ${who} lamps: ${litLamps(code.lamps ?? {}) || "all off"}`);
  if (cleared === undefined) {
    const meaning = code.text === undefined ? "" : ` (${code.text})`;
    return printable(`${at} ${who} ${code.code} ${event}${event === "healed" ? "" : `, ${stateOf(code)}`}${meaning}`);
  }
  const more = cleared.dropped === 0 ? "" : ` and ${cleared.dropped} more`;
  const by = cleared.by === undefined ? "" : ` by ${cleared.by}`;
  return printable(`${at} ${who} cleared${by}: ${cleared.codes.join(", ")}${more}`);
}

function stateOf({ isActive, isConfirmed, isPending, isPermanent, status }: CodeState): string {
  const words = [
    isActive ? (isConfirmed ? "confirmed" : isPending ? "pending" : "failing") : "healed",
    ...(isPermanent ? ["permanent"] : []),
    ...(status === undefined ? [] : [`0x${status.toString(16).padStart(2, "0")}`]),
  ];
  return words.join(" ");
}

function age(timeUs: number, nowUs: number): string {
  return formatDuration(Math.max(0, nowUs - timeUs) / 1000);
}
