import { parseDocument } from "yaml";
import { AgentError } from "../../agent/core/errors.ts";
import { plainText } from "../../agent/core/plain-text.ts";
import type { JsonSchema } from "../json-schema.ts";
import { pathText, type Setting } from "./setting-path.ts";

const MAX_SHOWN = 200;
/** A number and a unit: "16 MB", "1.5h". */
const QUANTITY = /^(-?\d+(?:\.\d+)?)\s*([A-Za-z]+)$/;

const TIMES = { us: 1, ms: 1000, s: 1_000_000, min: 60_000_000, h: 3_600_000_000, d: 86_400_000_000 } as const;
const SIZES = {
  B: 1,
  kB: 1000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
} as const;

/** What a number is counted in, by the end of the setting's name. */
const COUNTED_IN: readonly (readonly [end: RegExp, units: Readonly<Record<string, number>>, unit: string])[] = [
  [/Us$/, TIMES, "us"],
  [/(?:Ms|^ms)$/, TIMES, "ms"],
  [/(?:Seconds|^seconds)$/, TIMES, "s"],
  [/(?:Minutes|^minutes)$/, TIMES, "min"],
  [/(?:Hours|^hours)$/, TIMES, "h"],
  [/(?:Days|^days)$/, TIMES, "d"],
  [/(?:Bytes|^bytes)$/, SIZES, "B"],
];

/**
 * The value that a person gives for a setting: text as it is where nothing else may be there, otherwise as YAML (`[a, b]`, `true`, `8883`); a
 * time or a size may have its unit (`5 min`, `16 MB`), and is counted in that of the setting. Throws `input.malformed`.
 */
export function readSettingValue(text: string, { path, schemas }: Setting): unknown {
  const types = new Set(schemas.flatMap(typesOf));
  if (types.size === 1 && types.has("string")) return text;
  const quantity = types.has("number") || types.has("integer") ? QUANTITY.exec(text.trim()) : null;
  if (quantity !== null && !types.has("string")) return counted(quantity[1], quantity[2], path);
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw unfit(path, `${shown(text)} is no YAML: ${plainText(error.message, MAX_SHOWN)}`);
  const value: unknown = document.toJS({ maxAliasCount: 0 });
  if (value === null || value === undefined)
    throw unfit(path, "there is no value", "give one, or take the setting away: causeway config unset");
  return value;
}

function typesOf({ type, enum: words, const: one }: JsonSchema): readonly string[] {
  if (typeof type === "string") return [type];
  const values: readonly unknown[] = Array.isArray(words) ? words : one === undefined ? [] : [one];
  return values.map((value) => typeof value);
}

function counted(amount: string, unit: string, path: Setting["path"]): number {
  const name = String(path.findLast((key) => typeof key === "string") ?? "");
  const found = COUNTED_IN.find(([end]) => end.test(name));
  if (found === undefined) throw unfit(path, `it has no unit, and "${shown(unit)}" is one`, "give the number alone");
  const [, units, own] = found;
  const factor = Object.entries(units).find(([one]) => one === unit)?.[1];
  if (factor === undefined) {
    throw unfit(path, `"${shown(unit)}" is no unit of it`, `give one of ${Object.keys(units).join(", ")}`);
  }
  // In whole numbers: as a double 1.001 s is not 1001 ms.
  const [whole, fraction = ""] = amount.split(".");
  const given = BigInt(whole + fraction) * BigInt(factor);
  const divisor = 10n ** BigInt(fraction.length) * BigInt(units[own]);
  if (given % divisor === 0n) return Number(given / divisor);
  throw unfit(path, `${amount} ${unit} is no whole number of ${own}`, "give a whole one");
}

function shown(text: string): string {
  return plainText(text, MAX_SHOWN);
}

function unfit(path: Setting["path"], what: string, remedy = "write a list as [a, b] and a map as {a: 1}"): AgentError {
  return new AgentError("input.malformed", { what: `${pathText(path)}: ${what}`, remedy });
}
