import { textOf } from "../../signals/value-texts.ts";
import type { PidSignal } from "./pid.ts";
import { pidOf } from "./pid-table.ts";

/** A physical value of a PID, for people, freeze frames and JSON. */
export type PidValue = {
  readonly name: string;
  readonly value: number;
  /** Empty where the value has none. */
  readonly unit: string;
  /** What the value means, where the table has that. */
  readonly text: string | undefined;
};

/** The values in the data of a PID, in the order of the table; none for one that is not known. A value whose bits are not there is left out. */
export function valuesOf(pid: number, data: Uint8Array): readonly PidValue[] {
  return (pidOf(pid)?.signals ?? []).flatMap((signal) => {
    const { name, factor, offset, unit, texts, when } = signal;
    if (when !== undefined && bitsAt(data, when.bit, 1) !== when.value) return [];
    const raw = rawOf(data, signal);
    if (raw === undefined) return [];
    return [{ name, value: raw * factor + offset, unit, text: textOf(texts, raw) }];
  });
}

function rawOf(data: Uint8Array, { bit, bits, signed }: PidSignal): number | undefined {
  const raw = bitsAt(data, bit, bits);
  return raw !== undefined && signed === true && raw >= 2 ** (bits - 1) ? raw - 2 ** bits : raw;
}

/** `bits` bits from `bit` on as an unsigned integer; undefined where the data end before. */
function bitsAt(data: Uint8Array, bit: number, bits: number): number | undefined {
  if (bit + bits > data.length * 8) return undefined;
  let raw = 0;
  for (let at = bit; at < bit + bits; at++) raw = raw * 2 + ((data[at >>> 3] >>> (7 - (at & 7))) & 1);
  return raw;
}
