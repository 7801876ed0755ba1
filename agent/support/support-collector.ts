import type { Clock } from "../core/clock.ts";
import type { LogLine } from "../core/recent-log.ts";
import { collectBundle, type SupportBundle } from "./bundle.ts";
import { type LogFile, logFile } from "./logs/log-file.ts";
import { type LogFilter, type LogSlice, sliceLog } from "./logs/log-slice.ts";

export type SupportCollectorParts = {
  readonly about: Readonly<Record<string, string | number>>;
  /** Those that came after so many, all when absent; see `RecentLog.recent`. */
  readonly log: (after?: number) => readonly LogLine[];
  readonly clock: Clock;
  /** Of a bundle, compressed. */
  readonly maxBytes: number;
};

/**
 * Where the parts of the agent leave what a support bundle says of them, and whoever wants one gets it: a command, a job, a technician.
 * Those who ask while it is made get the same: a look may keep the TPM busy, and whoever asks may go and ask again.
 */
export class SupportCollector {
  readonly #parts: SupportCollectorParts;
  readonly #sections: Record<string, () => Promise<unknown>> = {};
  readonly #collect: () => Promise<SupportBundle>;

  constructor(parts: SupportCollectorParts) {
    this.#parts = parts;
    this.#collect = shared(() => this.#make());
  }

  /** Adds a section; what comes first stays longest when a bundle is too long. `look` may throw or reject. */
  include(name: string, look: () => unknown): void {
    this.#sections[name] = shared(look);
  }

  /** One section alone. */
  async section(name: string): Promise<unknown> {
    return await this.#sections[name]?.();
  }

  /** Lines of the log that are kept and came after the first `after`, without their secrets, the newest that have at most `maxBytes`. */
  logSlice(wanted: LogFilter, maxBytes: number, after = 0): LogSlice {
    return sliceLog(this.#parts.log(after), wanted, maxBytes);
  }

  /** The same as a file, compressed; undefined where no line is wanted. */
  logFile(wanted: LogFilter, maxBytes: number): LogFile | undefined {
    const { about, log, clock } = this.#parts;
    return logFile({ about, kept: log(), wanted, nowMs: clock.wallUs() / 1000, maxBytes });
  }

  /** A bundle of this moment. Never rejects. */
  collect(): Promise<SupportBundle> {
    return this.#collect();
  }

  #make(): Promise<SupportBundle> {
    const { about, log, clock, maxBytes } = this.#parts;
    return collectBundle({ about, sections: this.#sections, log, nowMs: clock.wallUs() / 1000, maxBytes });
  }
}

/** One call of `work` at a time: whoever asks meanwhile gets what that one gives. */
function shared<T>(work: () => T | Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () =>
    (running ??= Promise.resolve()
      .then(work)
      .finally(() => {
        running = undefined;
      }));
}
