/** How long something took, ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Processor time of this process, all its threads, ms: other programs of a busy machine are not in it. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The middle value, the upper one of two; 0 of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

/** Median and 99th percentile of times of one kind, ms; NaN of none. */
export type Times = { readonly p50: number; readonly p99: number };

export function timesOf(values: readonly number[]): Times {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

/** The middle one of several rounds, and how far they lie apart. */
export type Spread = { readonly median: number; readonly min: number; readonly max: number };

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** The same in another unit. */
export function scaled({ median: middle, min, max }: Spread, by: number): Spread {
  return { median: middle * by, min: min * by, max: max * by };
}

/** Round by round the one over the other, which met the same machine. */
export function ratiosOf(ones: readonly number[], others: readonly number[]): Spread {
  return spreadOf(ones.map((one, round) => one / others[round]));
}

/** What each of `runs` gives in each of so many rounds, in turns, so that what else the machine does falls on all alike; a first round, which warms up, does not count. */
export function inTurns(rounds: number, runs: readonly (() => number)[]): readonly (readonly number[])[] {
  const all = Array.from({ length: rounds + 1 }, () => runs.map((run) => run()));
  return runs.map((_, at) => all.slice(1).map((round) => round[at]));
}
