import { readFileSync } from "node:fs";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { parseDbcBytes } from "../../../agent/signals/dbc/bytes.ts";
import type { DbcMessage, DbcSignal } from "../../../agent/signals/dbc/model.ts";
import { parseCandump } from "../../../agent/signals/log-formats/candump.ts";
import type { WireSignal } from "./record-reader.ts";
import { referenceDecode } from "./reference-decoder.ts";
import {
  byMessage,
  physicalOf,
  type RecordVerdict,
  type SampleColumn,
  type SampleJudge,
  TABLE_KIND,
  type TakenColumn,
  Tally,
} from "./sample-judge.ts";

/** All that a log says about one message: the values that came together in a frame, and those of each signal. */
type Seen = { readonly tuples: Set<string>; readonly values: Map<string, Set<string>> };
type Values = ReadonlyMap<string, number | bigint>;

const NOT_JUDGED = FRAME_FLAG.error | FRAME_FLAG.remote;

/**
 * Judges samples of a replayed log: the values of each received frame, decoded bit by bit from the log, must occur in it together.
 *
 * Frames of one message that share their (rounded) receive time cannot be told apart when they are multiplexed: then each value
 * must occur by itself. Every signal must be collected from every frame.
 */
export function createReplayJudge(dbcFile: string, logFile: string): SampleJudge {
  const { messages } = parseDbcBytes(readFileSync(dbcFile)).database;
  const byId = new Map(messages.map((message) => [keyOf(message.id, message.extended), message]));
  const seen = readLog(logFile, byId);
  return {
    judge: (columns) => judge(seen, columns),
    judgeTaken: (columns) => judgeTaken(seen, messages, columns),
    judgeTable: (rows) => rows.flatMap((row) => wrongRow(byId.get(keyOf(row.arbitrationId, row.extended)), row)),
  };
}

function readLog(logFile: string, messages: ReadonlyMap<string, DbcMessage>): ReadonlyMap<string, Seen> {
  const seen = new Map<string, Seen>();
  for (const text of readFileSync(logFile, "utf8").split("\n")) {
    const line = parseCandump(text.trimEnd());
    if (line.kind !== "frame" || (line.frame.flags & NOT_JUDGED) !== 0) continue;
    const key = keyOf(line.frame.id, (line.frame.flags & FRAME_FLAG.extended) !== 0);
    const message = messages.get(key);
    if (message === undefined) continue;
    const entry = seen.get(key) ?? { tuples: new Set(), values: new Map() };
    seen.set(key, entry);
    enter(entry, referenceDecode(message, line.frame.data));
  }
  return seen;
}

function enter(entry: Seen, values: Values): void {
  entry.tuples.add(tupleOf(values));
  for (const [name, value] of values) {
    const known = entry.values.get(name) ?? new Set();
    entry.values.set(name, known);
    known.add(textOf(value));
  }
}

function judge(seen: ReadonlyMap<string, Seen>, columns: readonly SampleColumn[]): RecordVerdict {
  const tally = new Tally();
  for (const [name, group] of byMessage(columns)) {
    const { arbitrationId, extended } = group[0].signal;
    for (const { values } of group) tally.samples += values.length;
    const entry = seen.get(keyOf(arbitrationId, extended));
    if (entry === undefined) tally.mismatch(`${name}: not in the log`);
    else judgeMessage(name, entry, group, tally);
  }
  return tally.verdict();
}

function judgeMessage(name: string, entry: Seen, group: readonly SampleColumn[], tally: Tally): void {
  const judgeTuple = (values: Values): void => {
    tally.frames += 1;
    const tuple = tupleOf(values);
    if (!entry.tuples.has(tuple)) tally.mismatch(`${name}: ${tuple} is not in the log`);
  };
  if (group.every(({ axis }) => axis === group[0].axis)) {
    group[0].values.forEach((_, index) => judgeTuple(new Map(group.map((c) => [c.signal.name, c.values[index]]))));
    return;
  }
  for (const samples of groupByTime(group)) {
    const values = new Map(samples.map(({ signal, value }) => [signal, value]));
    if (values.size === samples.length) {
      judgeTuple(values);
      continue;
    }
    // As many frames as the signal that is in all of them has values.
    const bySignal = Map.groupBy(samples, ({ signal }) => signal);
    tally.frames += Math.max(...[...bySignal.values()].map(({ length }) => length));
    for (const { signal, value } of samples) {
      if (entry.values.get(signal)?.has(textOf(value)) !== true)
        tally.mismatch(`${name}.${signal}: ${value} is not in the log`);
    }
  }
}

/** A value of a campaign must be in the log by itself: which other signals of its frame were taken is not said. */
function judgeTaken(
  seen: ReadonlyMap<string, Seen>,
  messages: readonly DbcMessage[],
  columns: readonly TakenColumn[],
): RecordVerdict {
  const tally = new Tally();
  for (const { message: messageName, name, form, values } of columns) {
    const message = messages.find((one) => one.name === messageName);
    const signal = message?.signals.find((one) => one.name === name);
    const raws = message === undefined ? undefined : seen.get(keyOf(message.id, message.extended))?.values.get(name);
    tally.samples += values.length;
    for (const value of values) {
      const isIn = form === "raw" ? raws?.has(textOf(value)) : signal !== undefined && hasPhysical(raws, signal, value);
      if (isIn !== true) tally.mismatch(`${messageName}.${name}: ${value} is not in the log`);
    }
  }
  return tally.verdict();
}

function hasPhysical(raws: ReadonlySet<string> | undefined, signal: DbcSignal, value: number | bigint): boolean {
  const isWide = signal.kind === "integer" && signal.bits > 53;
  return [...(raws ?? [])].some((text) => {
    const physical = physicalOf(isWide ? BigInt(text) : Number(text), signal);
    return physical === value || (Number.isNaN(physical) && Number.isNaN(value));
  });
}

function groupByTime(
  group: readonly SampleColumn[],
): Iterable<readonly { readonly signal: string; readonly value: number | bigint }[]> {
  const samples = group.flatMap(({ signal, timesUs, values }) =>
    values.map((value, index) => ({ signal: signal.name, value, timeUs: timesUs[index] })),
  );
  return Map.groupBy(samples, ({ timeUs }) => timeUs).values();
}

function wrongRow(message: DbcMessage | undefined, row: WireSignal): readonly string[] {
  const signal = message?.signals.find(({ name }) => name === row.name);
  const same =
    signal !== undefined &&
    row.message === message?.name &&
    row.factor === signal.factor &&
    row.offset === signal.offset &&
    row.unit === signal.unit &&
    row.bits === signal.bits &&
    row.kind === TABLE_KIND[signal.kind] &&
    (signal.kind !== "integer" || row.isSigned === signal.signed);
  return same ? [] : [`${row.message}.${row.name}: the signal table says ${JSON.stringify(row)}`];
}

function keyOf(id: number, extended: boolean): string {
  return `${id}${extended ? "x" : ""}`;
}

function tupleOf(values: Values): string {
  return [...values]
    .map(([name, value]) => `${name}=${textOf(value)}`)
    .sort()
    .join(" ");
}

/** Equal text for equal bits, but that -0 and 0 differ and NaN equals NaN. */
function textOf(value: number | bigint): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
