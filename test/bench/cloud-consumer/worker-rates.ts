/** What was spent on the records that the workers were given together, from their release until the last was durable. */
export type Spent = {
  /** By the clock. */
  readonly seconds: number;
  /** Of all workers, on any core. */
  readonly cpuSeconds: number;
};

/** What all of them did in a second, and what a core of theirs did in a second of its time. */
export type WorkerRates = {
  readonly recordsPerSecond: number;
  readonly samplesPerSecond: number;
  readonly recordsPerCoreSecond: number;
  readonly samplesPerCoreSecond: number;
};

/** CPU time is known to a tick of each process. */
const TOLERANCE = 1.05;

/**
 * Rates of `done` over the same time, so that each of them times its seconds is `done`. Throws where no machine of so many cores can have been
 * so fast: then records are counted that were not worked on in this time, or the time began too late.
 */
export function ratesOf(
  done: { readonly records: number; readonly samples: number },
  { seconds, cpuSeconds }: Spent,
  cores: number,
): WorkerRates {
  const rates = {
    recordsPerSecond: done.records / seconds,
    samplesPerSecond: done.samples / seconds,
    recordsPerCoreSecond: done.records / cpuSeconds,
    samplesPerCoreSecond: done.samples / cpuSeconds,
  };
  const most = cores * rates.recordsPerCoreSecond;
  if (rates.recordsPerSecond <= most * TOLERANCE) return rates;
  const [rate, bound] = [rates.recordsPerSecond, most].map((value) => value.toFixed(0));
  throw new Error(
    `${rate} records/s are more than ${cores} cores can do, which is ${bound}: the workers spent ${cpuSeconds.toFixed(2)} s of CPU time in ${seconds.toFixed(2)} s`,
  );
}
