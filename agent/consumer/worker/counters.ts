import { Histogram } from "../../core/metrics/histogram.ts";

/** Upper bounds of the buckets of a commit's time, s. */
const COMMIT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** What a worker has done since it started. */
export class Counters {
  /** Messages that came, whatever they were. */
  arrivals = 0;
  /** Beside records: presence, identity. */
  ignored = 0;
  /** Records read, repeats among them. */
  deliveries = 0;
  repeats = 0;
  written = 0;
  /** Of payloads as they came. */
  wireBytes = 0;
  /** Records that were written without the names of their signals: the table had not come. */
  withoutTable = 0;
  /** Arrivals over the bound of what may wait: not acknowledged, so that they come again on another connection. */
  overrun = 0;
  /** Connections that were made anew for them. */
  recalls = 0;
  commits = 0;
  commitFailures = 0;
  /** Refused arrivals that are in the folder for them, and those that it had no room for. */
  putAside = 0;
  notPutAside = 0;
  /** By reason. */
  readonly refused = new Map<string, number>();
  readonly commitSeconds = new Histogram(COMMIT_BUCKETS);
  /** µs between when the newest written record was made, by its vehicle's clock put right, and its commit; undefined before the first. */
  lagUs: number | undefined;
  /** Monotonic ms of the newest commit; undefined before the first. */
  committedMs: number | undefined;

  /** Of all reasons. */
  get refusals(): number {
    return [...this.refused.values()].reduce((sum, count) => sum + count, 0);
  }

  refuse(reason: string): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }
}
