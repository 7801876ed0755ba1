import { type Spread, spreadOf } from "./timing.ts";

/** Moments of one start, ms since the process was asked for. */
export type Moments = Readonly<Record<string, number>>;

/** A part of the start: what goes on between two moments. Several may go on at once. */
export type Slice = { readonly name: string; readonly fromMs: Spread; readonly toMs: Spread; readonly tookMs: Spread };

/** Each from the moment that it waits for to the one that ends it. */
const SLICES: readonly (readonly [name: string, from: string, to: string])[] = [
  ["exec and Node", "asked", "main"],
  ["bundles loaded", "main", "loaded"],
  ["configuration read", "loaded", "configuration"],
  ["DBC, signal table", "configuration", "table"],
  ["files checked", "table", "checked"],
  ["outbox open", "checked", "outbox"],
  ["composed", "outbox", "composed"],
  ["services started", "composed", "ready"],
  ["first record durable", "composed", "record"],
  ["key open", "link", "key"],
  ["TCP", "key", "tcp"],
  ["TLS", "tcp", "tls"],
  ["CONNACK, taken into use", "tls", "online"],
  ["PUBLISH to PUBACK", "online", "puback"],
];

const BAR = 60;

/** What of `runs` took how long. A slice that some run has no moments of is left out. */
export function slicesOf(runs: readonly Moments[]): readonly Slice[] {
  return SLICES.flatMap(([name, from, to]) => {
    const pairs = runs.flatMap((run) => {
      const [fromMs, toMs] = [run[from], run[to]];
      return fromMs === undefined || toMs === undefined ? [] : [{ fromMs, toMs }];
    });
    if (pairs.length < runs.length || pairs.length === 0) return [];
    return {
      name,
      fromMs: spreadOf(pairs.map(({ fromMs }) => fromMs)),
      toMs: spreadOf(pairs.map(({ toMs }) => toMs)),
      tookMs: spreadOf(pairs.map(({ fromMs, toMs }) => toMs - fromMs)),
    };
  });
}

/** The slices as bars, each from the median of its begin to that of its end. */
export function drawn(title: string, slices: readonly Slice[]): string {
  const endMs = Math.max(...slices.map(({ toMs }) => toMs.median));
  const at = (ms: number): number => Math.round((ms / endMs) * BAR);
  const lines = slices.map(({ name, fromMs, toMs, tookMs }) => {
    const [left, right] = [at(fromMs.median), at(toMs.median)];
    const bar = `${" ".repeat(Math.max(0, left))}${"█".repeat(Math.max(0, right - left)) || "▏"}`;
    const took = `${tookMs.median.toFixed(0)} (${tookMs.min.toFixed(0)} to ${tookMs.max.toFixed(0)})`;
    return `  ${name.padEnd(25)}${bar.padEnd(BAR + 1)} ${took}`;
  });
  return [`${title}: 0 to ${endMs.toFixed(0)} ms, median (min to max) ms of each`, ...lines, ""].join("\n");
}
