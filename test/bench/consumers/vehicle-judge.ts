import type { VehicleMessage, VehicleSignal } from "../vehicle/vehicle-dbc.ts";
import { COUNTER, COUNTER_MODULUS, type RawValue, rawValueOf } from "../vehicle/vehicle-model.ts";
import type { WireSignal } from "./record-reader.ts";
import {
  byMessage,
  type RecordVerdict,
  type SampleColumn,
  type SampleJudge,
  TABLE_KIND,
  Tally,
} from "./sample-judge.ts";
import { judgeTaken } from "./taken-judge.ts";

/** What the judge knows about the drive. */
export type VehicleJudgeParts = {
  readonly vehicle: readonly VehicleMessage[];
  readonly seed: number;
  /** How many times faster than its periods the vehicle sends. */
  readonly rate: number;
  /** Wall time of the first frame, µs since the Unix epoch. */
  readonly startUs: number;
  /** Messages whose signals are collected now and then instead of at every change. */
  readonly thinned: readonly string[];
  /** The same first part of the drive comes again and again, and no counter wraps in it: `startUs` says nothing then. */
  readonly repeats: boolean;
};

/** Frames of one message that a record holds, in order: when each was received and its number. */
type Frames = { readonly axis: number; readonly timesUs: readonly number[]; readonly numbers: readonly number[] };

/**
 * Judges samples of the simulated vehicle: the counter tells which frame a sample comes from, and the model what that frame held.
 *
 * A sample whose frame shares its (rounded) receive time with another frame of the message may match either. A signal that is
 * collected on change must have a sample wherever it changed between two neighbouring frames of the record.
 */
export function createVehicleJudge(parts: VehicleJudgeParts): SampleJudge {
  const messages = new Map(parts.vehicle.map((message) => [message.name, message]));
  return {
    judge: (columns) => judge(parts, messages, columns),
    judgeTaken: (columns) => judgeTaken(parts, columns),
    judgeTable: (signals, isWhole) => judgeTable(parts.vehicle, signals, isWhole),
  };
}

function judge(
  parts: VehicleJudgeParts,
  messages: ReadonlyMap<string, VehicleMessage>,
  columns: readonly SampleColumn[],
): RecordVerdict {
  const tally = new Tally();
  for (const [key, group] of byMessage(columns)) {
    const message = messages.get(key.slice(key.indexOf(" ") + 1));
    for (const { values } of group) tally.samples += values.length;
    if (message === undefined) {
      tally.mismatch(`${key}: no such message`);
      continue;
    }
    const frames = framesOf(parts, message, group);
    if (frames === undefined) {
      tally.unverified += group.reduce((sum, { values }) => sum + values.length, 0);
      continue;
    }
    tally.frames += frames.numbers.length;
    for (const column of group) judgeColumn(parts, message, frames, column, tally);
    if (!parts.thinned.includes(message.name)) judgeOmissions(parts, message, frames, group, tally);
  }
  return tally.verdict();
}

/** Frame numbers from the counter column; time tells how often the counter has wrapped, where it does. */
function framesOf(
  parts: VehicleJudgeParts,
  message: VehicleMessage,
  group: readonly SampleColumn[],
): Frames | undefined {
  const counter = group.find(({ signal }) => signal.name === COUNTER);
  if (counter === undefined) return undefined;
  const periodUs = (message.periodMs * 1000) / parts.rate;
  const numbers = counter.values.map((value, index) => {
    if (parts.repeats) return Number(value);
    const expected = (counter.timesUs[index] - parts.startUs) / periodUs;
    const wraps = Math.max(0, Math.round((expected - Number(value)) / COUNTER_MODULUS));
    return Number(value) + wraps * COUNTER_MODULUS;
  });
  return { axis: counter.axis, timesUs: counter.timesUs, numbers };
}

function judgeColumn(
  parts: VehicleJudgeParts,
  message: VehicleMessage,
  frames: Frames,
  column: SampleColumn,
  tally: Tally,
): void {
  const signal = message.signals.find(({ name }) => name === column.signal.name);
  if (signal === undefined) {
    tally.mismatch(`${message.name}.${column.signal.name}: no such signal`);
    return;
  }
  const byTime = Map.groupBy(frames.numbers, (_, index) => frames.timesUs[index]);
  column.values.forEach((value, index) => {
    const candidates =
      column.axis === frames.axis ? [frames.numbers[index]] : (byTime.get(column.timesUs[index]) ?? []);
    if (candidates.length === 0) tally.unverified += 1;
    else if (!candidates.some((n) => rawValueOf(message, signal, n, parts.seed) === value)) {
      const [n] = candidates;
      const sent = rawValueOf(message, signal, n, parts.seed);
      tally.mismatch(`${message.name}.${signal.name} frame ${n}: sent ${sent}, got ${value}`);
    }
  });
}

function judgeOmissions(
  parts: VehicleJudgeParts,
  message: VehicleMessage,
  frames: Frames,
  group: readonly SampleColumn[],
  tally: Tally,
): void {
  for (const signal of message.signals) {
    const column = group.find(({ signal: { name } }) => name === signal.name);
    const present = new Set(column?.timesUs ?? []);
    // A multiplexed signal is in every `branches`-th frame only.
    const step = typeof signal.multiplex === "number" ? message.branches : 1;
    frames.numbers.forEach((n, index) => {
      if (frames.numbers[index - step] !== n - step || present.has(frames.timesUs[index])) return;
      const before = rawValueOf(message, signal, n - step, parts.seed);
      const now = rawValueOf(message, signal, n, parts.seed);
      if (now !== before) tally.mismatch(omission(message, signal, n, now));
    });
  }
}

function omission(message: VehicleMessage, signal: VehicleSignal, n: number, sent: RawValue | undefined): string {
  return `${message.name}.${signal.name} frame ${n}: sent ${sent}, no sample though it changed`;
}

function judgeTable(
  vehicle: readonly VehicleMessage[],
  rows: readonly WireSignal[],
  isWhole: boolean,
): readonly string[] {
  const found = new Map(rows.map((row) => [`${row.message}.${row.name}`, row]));
  return vehicle.flatMap((message) =>
    message.signals.flatMap((signal) => {
      const name = `${message.name}.${signal.name}`;
      const row = found.get(name);
      if (row === undefined) return isWhole ? [`${name}: not in the signal table`] : [];
      const same =
        row.arbitrationId === message.id &&
        row.extended === message.extended &&
        row.factor === signal.factor &&
        row.offset === signal.offset &&
        row.unit === signal.unit &&
        row.bits === signal.bits &&
        row.kind === TABLE_KIND[signal.kind] &&
        (signal.kind !== "integer" || row.isSigned === signal.signed);
      return same ? [] : [`${name}: the signal table says ${JSON.stringify(row)}`];
    }),
  );
}
