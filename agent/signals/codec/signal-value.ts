import type { MessageEntry, SignalEntry, SignalKind } from "../signal-entry.ts";
import type { SignalTable } from "../signal-table.ts";

/** The scale of a signal: physical value = raw * factor + offset. */
export type Scale = { readonly kind: SignalKind; readonly factor: number; readonly offset: number };

/** Whether the signal was in the frame of its message that was decoded last; `length` is the number of data bytes of that frame. */
export function isPresent(table: SignalTable, message: MessageEntry, signal: SignalEntry, length: number): boolean {
  return (!message.multiplexed && length >= message.neededBytes) || table.present[signal.index] === 1;
}

/** The exact raw value that decoding left in the table: a bigint only beyond 2^53. */
export function rawOf(table: SignalTable, signal: SignalEntry): number | bigint {
  if (signal.wide < 0) return table.values[signal.index];
  const stored = table.wides[signal.wide];
  return narrow(signal.signed ? stored : BigInt.asUintN(64, stored));
}

/**
 * The physical value of a raw one. An integer with integer factor and offset gives the exact integer, a bigint beyond 2^53;
 * everything else is rounded to a float64.
 */
export function physicalOf(raw: number | bigint, scale: Scale): number | bigint {
  const { factor, offset } = scale;
  const value = Number(raw) * factor + offset;
  const exact = scale.kind === "integer" && Number.isSafeInteger(factor) && Number.isSafeInteger(offset);
  if (!exact || (typeof raw === "number" && Math.abs(value) <= Number.MAX_SAFE_INTEGER)) return value;
  return narrow(BigInt(raw) * BigInt(factor) + BigInt(offset));
}

function narrow(value: bigint): number | bigint {
  return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value;
}
