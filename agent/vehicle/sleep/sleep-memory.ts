import { z } from "zod";
import type { Json } from "../../core/canonical-json.ts";
import { AgentError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import { GUARD_LEVELS } from "./battery-guard.ts";

const SPACE: JournalSpace = "sleep";

const keptWakes = z.object({
  /** Days since the Unix epoch, UTC. */
  day: z.int(),
  /** Wakes of that day, by cause. */
  counts: z.record(z.string(), z.int().min(0)),
});
/** Wakes of a day. */
export type KeptWakes = z.infer<typeof keptWakes>;

const keptParking = z.object({
  /** Time since it was driven last, ms, with the time asleep. */
  parkedMs: z.number().min(0),
  awakeMs: z.number().min(0),
  asleepMs: z.number().min(0),
  checkIns: z.int().min(0),
  sentBytes: z.number().min(0),
  /** When it was kept, wall time in µs since the Unix epoch; absent while the clock was not to be believed. */
  atUs: z.number().optional(),
  /** What the voltage asked for. */
  byVolts: z.enum(GUARD_LEVELS),
});
/** What was known of a parked vehicle. */
export type KeptParking = z.infer<typeof keptParking>;

/** What sleep remembers across restarts, in the journal. What it does not take is in memory alone, and said. */
export class SleepMemory {
  readonly #journal: Journal;
  readonly #log: Log;

  constructor(journal: Journal, log: Log) {
    this.#journal = journal;
    this.#log = log;
  }

  wakes(): KeptWakes | undefined {
    return keptWakes.safeParse(this.#journal.get(SPACE, "wakes")).data;
  }

  parking(): KeptParking | undefined {
    return keptParking.safeParse(this.#journal.get(SPACE, "parking")).data;
  }

  keepWakes(wakes: KeptWakes): void {
    this.#keep("wakes", wakes);
  }

  keepParking(parking: KeptParking): void {
    const { atUs, ...rest } = parking;
    this.#keep("parking", atUs === undefined ? rest : { ...rest, atUs });
  }

  #keep(key: string, value: Json): void {
    try {
      this.#journal.put([{ space: SPACE, key, value }]);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#log.warn("sleep.not-kept", { key, code: thrown.code, what: thrown.message });
    }
  }
}
