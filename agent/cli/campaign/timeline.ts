import { printable } from "../../core/plain-text.ts";
import { formatCount, formatCounted } from "../../core/quantity.ts";
import { alignColumns } from "../text.ts";
import type { ToldTrigger } from "./tally.ts";

/** Wall time of the first and of the last frame, µs since the Unix epoch. */
export type LogSpan = { readonly fromUs: number; readonly toUs: number };

/** When what belongs to a trigger begins and ends, and the first and last time that it fired, µs since the Unix epoch. */
export type TriggerSpan = {
  readonly fromUs: number;
  readonly firstUs: number;
  readonly lastUs: number;
  readonly toUs: number;
};

const BAR_COLUMNS = 74;
const WIDTH = 80;
/** Frames come at some distance from each other, µs. */
const TOUCH_US = 500_000;
const INDENT = "     ";

/** A log is over before some captures are: what there is of them is told. */
export function spanOf({ begin, end }: ToldTrigger, log: LogSpan): TriggerSpan {
  const { capture, cause, timeUs } = end ?? begin;
  if (cause.mode === "while") {
    const toUs = end === undefined ? log.toUs : timeUs;
    return { fromUs: begin.timeUs, firstUs: begin.timeUs, lastUs: toUs, toUs };
  }
  const lastUs = Math.max(begin.timeUs, ...capture.marksUs);
  return {
    fromUs: begin.timeUs - capture.historyMs * 1000,
    firstUs: begin.timeUs,
    lastUs,
    toUs: Math.max(lastUs, Math.min(lastUs + capture.afterMs * 1000, log.toUs)),
  };
}

/** The triggers of one campaign for a person: where in the log they are, then each with its values. No line is wider than 80 columns. */
export function timelineText(triggers: readonly ToldTrigger[], log: LogSpan): readonly string[] {
  if (triggers.length === 0) return [];
  const spans = triggers.map((trigger) => spanOf(trigger, log));
  const [head, ...lines] = alignColumns([HEAD, ...triggers.map((trigger, at) => rowOf(trigger, spans[at]))]);
  const follows = (at: number): boolean => at > 0 && spans[at].fromUs - spans[at - 1].toUs < TOUCH_US;
  const about = lines.flatMap((line, at) => [line, ...detailsOf(triggers[at], follows(at))]);
  return [bar(spans, log), head, ...about];
}

const HEAD = ["   #", "start (UTC)", "  before", "  during", "   after", "  samples", "  frames"];

function rowOf({ number, begin, end, samples }: ToldTrigger, span: TriggerSpan): readonly string[] {
  const { capture, counts } = end ?? begin;
  const isShort = begin.cause.mode === "rising" && capture.historyMs < capture.beforeMs;
  return [
    `${number}`.padStart(4),
    utcTime(span.firstUs, 1),
    `${duration(span.firstUs - span.fromUs)}${isShort ? "*" : ""}`.padStart(8),
    duration(span.lastUs - span.firstUs).padStart(8),
    duration(span.toUs - span.lastUs).padStart(8),
    formatCount(samples).padStart(9),
    formatCount(counts.frames).padStart(8),
  ];
}

/** `follows`: it begins where what belongs to the trigger before ends. */
function detailsOf({ begin, end }: ToldTrigger, follows: boolean): readonly string[] {
  const { cause } = begin;
  const { capture, counts } = end ?? begin;
  const values = cause.values.map(({ name, value, unit }) => `${name} = ${shownValue(value)}${unit ? ` ${unit}` : ""}`);
  const merged = capture.marksUs.length + capture.marksDropped - 1;
  const remarks = [
    ...(cause.byHand ? ["fired by hand"] : []),
    ...(merged > 0 ? [`${formatCounted(merged + 1, "trigger")} in one`] : []),
    ...(capture.historyMs < capture.beforeMs ? [shortage(capture.beforeMs, follows)] : []),
    ...(capture.clockStepped ? ["cut by a step of the clock"] : []),
    ...(counts.framesLost > 0 ? [`${formatCounted(counts.framesLost, "frame")} lost`] : []),
    ...(counts.samplesDiscarded > 0 ? [`${formatCounted(counts.samplesDiscarded, "sample")} discarded`] : []),
    ...(end === undefined ? ["the log ends first"] : []),
  ];
  return [...wrapped(values), ...wrapped(remarks)];
}

function shortage(beforeMs: number, follows: boolean): string {
  const asked = `* of ${duration(beforeMs * 1000)} asked for`;
  return follows ? `${asked}: the rest is with the trigger before` : asked;
}

/** The time of the log from left to right: what belongs to triggers, and where they fired. */
function bar(spans: readonly TriggerSpan[], log: LogSpan): string {
  const cells = Array.from({ length: BAR_COLUMNS }, () => ".");
  const lengthUs = Math.max(1, log.toUs - log.fromUs);
  const columnOf = (timeUs: number): number => {
    const at = Math.floor(((timeUs - log.fromUs) / lengthUs) * BAR_COLUMNS);
    return Math.min(BAR_COLUMNS - 1, Math.max(0, at));
  };
  for (const { fromUs, toUs } of spans) cells.fill("=", columnOf(fromUs), columnOf(toUs) + 1);
  for (const { firstUs } of spans) cells[columnOf(firstUs)] = "^";
  return `  |${cells.join("")}|`;
}

/** "2014-04-22 00:57:23", or with a tenth of a second. */
export function utcTime(timeUs: number, digits: 0 | 1): string {
  const text = new Date(timeUs / 1000).toISOString().replace("T", " ");
  return text.slice(0, digits === 0 ? -5 : -3);
}

/** A length of time in seconds, below 1000 to a tenth. */
function duration(us: number): string {
  if (us === 0) return "-";
  return `${(us / 1e6).toFixed(us < 1e9 ? 1 : 0)} s`;
}

/** A value of an operand for people: six digits of a number. */
export function shownValue(value: number | boolean | string): string {
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value);
}

/** Parts beside each other, in as many lines as they need. */
function wrapped(parts: readonly string[]): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const part of parts.map((text) => cut(printable(text)))) {
    if (line !== "" && INDENT.length + line.length + 2 + part.length > WIDTH) {
      lines.push(`${INDENT}${line},`);
      line = "";
    }
    line = line === "" ? part : `${line}, ${part}`;
  }
  return line === "" ? lines : [...lines, `${INDENT}${line}`];
}

function cut(text: string): string {
  const most = WIDTH - INDENT.length - 1;
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
