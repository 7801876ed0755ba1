import type Database from "better-sqlite3";
import { messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { ParquetEnd } from "../parquet/parquet-body.ts";
import { writeClocks } from "./clocks-file.ts";
import type { DayRows } from "./day-rows.ts";
import { isStoreFault } from "./faults.ts";
import type { FileTable } from "./file-table.ts";
import { type ContentParts, type RollContent, readContent } from "./roll-content.ts";
import { type FileRows, type RollFile, writeRows } from "./roll-file.ts";
import type { RollJournal } from "./roll-journal.ts";

/** How long records wait at least that have to wait for their signal table, µs; the table itself ends it. */
const TABLE_RETRY_US = 60_000_000;

export type RollerParts = {
  readonly content: ContentParts;
  readonly database: Database.Database;
  readonly files: FileTable;
  readonly journal: RollJournal;
  readonly log: Log;
  /** Names the files of this store: another one in the same folder has other names. */
  readonly name: string;
  /** Told of each step: tests end the process there. */
  readonly step: (name: string) => void;
};

/** Makes files of staged records. For one process at a time (`RollerLock`). */
export class Roller {
  readonly #parts: RollerParts;

  constructor(parts: RollerParts) {
    this.#parts = parts;
  }

  /** Ends or undoes what another process has left, or this one after a fault. */
  recover(): void {
    const { journal, log } = this.#parts;
    const { ended, undone } = journal.recover();
    if (ended + undone > 0) log.warn("roll.recovered", { ended, undone });
  }

  /**
   * Writes what is due, thing by thing, until nothing is or `signal` aborts. Throws what the file system or SQLite says; then `recover`
   * comes first. Of a thing whose records cannot be written for another reason this is told, and the others go on.
   */
  async rollDue(signal: AbortSignal): Promise<void> {
    const { staged, clock, settings } = this.#parts.content;
    while (!signal.aborted) {
      const nowUs = clock.wallUs();
      const thing = staged.due(nowUs, settings.rollSamples);
      if (thing === undefined) return;
      try {
        await this.roll(thing, nowUs);
      } catch (thrown) {
        if (isStoreFault(thrown)) throw thrown;
        this.#parts.log.error("roll.failed", { thing, what: messageOf(thrown), remedy: "Report it." });
        this.recover();
        staged.defer(thing, nowUs + settings.rollSeconds * 1_000_000);
      }
    }
  }

  /** Writes records of a thing, as many as one roll takes. */
  async roll(thing: string, nowUs: number): Promise<void> {
    const { content: parts, files, journal, database, name, step } = this.#parts;
    step("chosen");
    const content = await readContent(parts, thing, nowUs);
    step("read");
    if (content.taken.length === 0) return this.#settle(thing, content, nowUs);
    const { roll, planned } = database
      .transaction(() => {
        const roll = journal.begin();
        const planned = filesOf(content.rows).map(({ day, rows }) => {
          const target = files.target({ kind: rows.kind, thing, day }, `${name}-${roll}`);
          return { target, rows };
        });
        for (const { target } of planned) journal.note(roll, target);
        return { roll, planned };
      })
      .immediate();
    step("begun");
    const written: { readonly target: RollFile; readonly end: ParquetEnd }[] = [];
    for (const { target, rows } of planned) {
      written.push({
        target,
        end: writeRows(parts.settings.path, target, rows, { format: parts.settings.format, step }),
      });
      step("written");
      await parts.clock.sleep(0);
    }
    database
      .transaction(() => {
        for (const { target, end } of written) files.save(target.path, end);
        journal.decide(roll, content.taken);
        for (const [bootId, quality] of content.boots) parts.clocks.wrote(thing, bootId, quality);
        this.#settleIn(thing, content, nowUs);
      })
      .immediate();
    step("decided");
    journal.end(roll, step);
    step("ended");
    writeClocks(parts.settings.path, parts.clocks);
  }

  #settle(thing: string, content: RollContent, nowUs: number): void {
    this.#parts.database.transaction(() => this.#settleIn(thing, content, nowUs)).immediate();
  }

  #settleIn(thing: string, { taken, samples, bytes, waiting, isCut }: RollContent, nowUs: number): void {
    const { staged, settings } = this.#parts.content;
    staged.postpone(waiting, nowUs + Math.max(TABLE_RETRY_US, settings.rollSeconds * 1_000_000));
    const dueUs = isCut ? nowUs : nowUs + settings.rollSeconds * 1_000_000;
    // What has to wait must not be tried at each look because it is much.
    staged.settle(thing, { records: taken.length, samples: isCut ? samples : Number.MAX_SAFE_INTEGER, bytes }, dueUs);
  }
}

function filesOf({ samples, events }: DayRows): readonly { readonly day: number; readonly rows: FileRows }[] {
  return [
    ...[...samples].map(([day, span]) => ({ day, rows: { kind: "samples", span } as const })),
    ...[...events].map(([day, of]) => ({ day, rows: { kind: "events", events: of } as const })),
  ];
}
