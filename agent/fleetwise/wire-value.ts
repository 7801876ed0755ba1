import type { ManifestSignal } from "./read/decoder-manifest.ts";

/** A physical value in the type that the manifest gives it; integers of 64 bits are exact. */
export type WireValue =
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: NarrowInteger | "float" | "double"; readonly value: number }
  | { readonly type: "int64" | "uint64"; readonly value: bigint }
  | { readonly type: "string"; readonly value: string };

type NarrowInteger = "uint8" | "uint16" | "uint32" | "int8" | "int16" | "int32";

/** Least and greatest value of the integers that a float64 holds. */
const NARROW: Readonly<Record<NarrowInteger, readonly [least: number, greatest: number]>> = {
  uint8: [0, 0xff],
  uint16: [0, 0xffff],
  uint32: [0, 0xffff_ffff],
  int8: [-0x80, 0x7f],
  int16: [-0x8000, 0x7fff],
  int32: [-0x8000_0000, 0x7fff_ffff],
};

/**
 * The physical value of `raw`, raw * factor + offset, in the type of the signal: integers are cut towards zero, a bool is whether it is
 * not 0. Undefined when the type does not hold it, as 300 of an uint8 or NaN of an integer.
 */
export function wireValueOf(
  { type, factor, offset }: Pick<ManifestSignal, "type" | "factor" | "offset">,
  raw: number | bigint,
): WireValue | undefined {
  switch (type) {
    case "int64":
    case "uint64":
      return wideValue(type, raw, factor, offset);
    case "bool":
    case "float":
    case "double":
      return floatValue(type, Number(raw) * factor + offset);
    case "string":
      return undefined;
    default:
      return narrowValue(type, Number(raw) * factor + offset);
  }
}

/** A value as VehicleData carries it: every number is a double there, and so is a bool. */
export function capturedValueOf({ value }: WireValue): number | string {
  return typeof value === "string" ? value : Number(value);
}

function narrowValue(type: NarrowInteger, physical: number): WireValue | undefined {
  const [least, greatest] = NARROW[type];
  const value = Math.trunc(physical) + 0;
  return value >= least && value <= greatest ? { type, value } : undefined;
}

function floatValue(type: "bool" | "float" | "double", physical: number): WireValue | undefined {
  if (type === "double") return { type, value: physical };
  if (type === "bool") return Number.isNaN(physical) ? undefined : { type, value: physical !== 0 };
  const value = Math.fround(physical);
  return Number.isFinite(physical) && !Number.isFinite(value) ? undefined : { type, value };
}

function wideValue(
  type: "int64" | "uint64",
  raw: number | bigint,
  factor: number,
  offset: number,
): WireValue | undefined {
  const value = wholeValue(raw, factor, offset);
  if (value === undefined) return undefined;
  const held = type === "int64" ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
  return held === value ? { type, value } : undefined;
}

/** Exact where raw, factor and offset are whole; otherwise as far as a float64 is. */
function wholeValue(raw: number | bigint, factor: number, offset: number): bigint | undefined {
  if (
    Number.isSafeInteger(factor) &&
    Number.isSafeInteger(offset) &&
    (typeof raw === "bigint" || Number.isSafeInteger(raw))
  ) {
    return BigInt(raw) * BigInt(factor) + BigInt(offset);
  }
  const physical = Number(raw) * factor + offset;
  return Number.isFinite(physical) ? BigInt(Math.trunc(physical)) : undefined;
}
