import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { Gap, Sink } from "../store/sink.ts";

/** Gaps that are logged in one look, and that are remembered as told. */
const MAX_TOLD = 10;
const MAX_REMEMBERED = 1000;
/** Gaps that are counted in one look: the figures are "at least" from there on. */
const MAX_COUNTED = 100_000;

export type GapSettings = {
  /** Time between two looks, ms. */
  readonly everyMs: number;
  /** A gap counts when it has been known for so long, ms: behind live records a backlog is still on its way. */
  readonly graceMs: number;
};

/** What the last look saw; undefined before the first. */
export type GapStatus = {
  /** Between records that came: each is a fault somewhere. */
  readonly ranges: number;
  readonly records: number;
  /** Before the first of an epoch and stream that came: of a store that is younger than the epoch, or a backlog. */
  readonly beginnings: number;
};

export type GapWatchParts = {
  readonly sink: Pick<Sink, "gaps">;
  readonly settings: GapSettings;
  readonly clock: Clock;
  readonly log: Log;
};

/** Looks for gaps now and then, and tells those that are new. */
export class GapWatch {
  readonly #parts: GapWatchParts;
  readonly #told = new Set<string>();
  status: GapStatus | undefined;

  constructor(parts: GapWatchParts) {
    this.#parts = parts;
  }

  /** Looks until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, settings, log } = this.#parts;
    while (!signal.aborted) {
      await clock.sleep(settings.everyMs, signal);
      if (signal.aborted) return;
      await this.#look().catch((thrown: unknown) => log.warn("consumer.gaps-unknown", { what: messageOf(thrown) }));
    }
  }

  async #look(): Promise<void> {
    const { sink, settings, clock } = this.#parts;
    let ranges = 0;
    let records = 0;
    let beginnings = 0;
    let told = 0;
    for await (const gap of sink.gaps(clock.wallUs(), settings.graceMs)) {
      if (gap.first === 1) beginnings += 1;
      else {
        ranges += 1;
        records += gap.last - gap.first + 1;
        if (told < MAX_TOLD && this.#tell(gap)) told += 1;
      }
      if (ranges + beginnings >= MAX_COUNTED) break;
    }
    this.status = { ranges, records, beginnings };
  }

  /** True when it was told now. */
  #tell({ thing, epoch, stream, first, last, sinceUs }: Gap): boolean {
    const name = `${thing} ${epoch} ${stream} ${first} ${last}`;
    if (this.#told.has(name) || this.#told.size >= MAX_REMEMBERED) return false;
    this.#told.add(name);
    const ageSeconds = Math.round((this.#parts.clock.wallUs() - sinceUs) / 1e6);
    this.#parts.log.warn("consumer.gap-found", { thing, epoch, stream, first, last, ageSeconds });
    return true;
  }
}
