import { z } from "zod";
import { type Clock, isBelievable } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";

const SPACE: JournalSpace = "defender";
const REPORT = "report";

const keptReport = z.strictObject({ id: z.int().min(0), atMs: z.int().nullable() });

export type ReportMemoryParts = {
  /** Undefined where there is none: then ids grow from the clock alone. */
  readonly journal: Pick<Journal, "get" | "put"> | undefined;
  readonly clock: Clock;
  readonly log: Log;
};

/** The newest report id, over restarts. */
export class ReportMemory {
  readonly #parts: ReportMemoryParts;
  #last: z.infer<typeof keptReport>;

  constructor(parts: ReportMemoryParts) {
    this.#parts = parts;
    this.#last = this.#kept() ?? { id: 0, atMs: null };
  }

  /** The id of the newest report; 0 before the first. */
  get lastId(): number {
    return this.#last.id;
  }

  /** How long ago the newest report was made, ms; undefined where that is not known. */
  sinceLastMs(): number | undefined {
    const { atMs } = this.#last;
    const nowMs = this.#wallMs();
    return atMs === null || nowMs === undefined || nowMs < atMs ? undefined : nowMs - atMs;
  }

  /** An id above all before: seconds since the Unix epoch, as the service recommends, where the clock can be believed and has not gone back. */
  next(): number {
    const { journal, log } = this.#parts;
    const nowMs = this.#wallMs();
    const id = Math.max(this.#last.id + 1, nowMs === undefined ? 0 : Math.floor(nowMs / 1000));
    this.#last = { id, atMs: nowMs ?? null };
    try {
      journal?.put([{ space: SPACE, key: REPORT, value: { ...this.#last } }]);
    } catch (thrown) {
      if (!(thrown instanceof AgentError && thrown.code.startsWith("journal."))) throw thrown;
      log.warn("defender.not-remembered", { code: thrown.code, what: thrown.message });
    }
    return id;
  }

  #kept(): z.infer<typeof keptReport> | undefined {
    try {
      return keptReport.safeParse(this.#parts.journal?.get(SPACE, REPORT)).data;
    } catch (thrown) {
      if (!(thrown instanceof AgentError && thrown.code.startsWith("journal."))) throw thrown;
      return undefined;
    }
  }

  /** Undefined for a clock that is not believed. */
  #wallMs(): number | undefined {
    const { clock } = this.#parts;
    return isBelievable(clock.quality()) ? Math.floor(clock.wallUs() / 1000) : undefined;
  }
}
