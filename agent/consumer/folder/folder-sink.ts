import type Database from "better-sqlite3";
import type { Clock } from "../../core/clock.ts";
import { AgentError, messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { RecordReader } from "../../telemetry/record/read/record-reader.ts";
import type { Delivery } from "../store/delivery.ts";
import type { RecordTable } from "../store/record-table.ts";
import type { CommitOutcome, Gap, Sink, SinkStatus } from "../store/sink.ts";
import { AccountTable } from "./account-table.ts";
import { ClockTable } from "./clock-table.ts";
import { writeClocks } from "./clocks-file.ts";
import { storeFault } from "./faults.ts";
import { FileTable } from "./file-table.ts";
import { PartTable } from "./part-table.ts";
import { RollJournal } from "./roll-journal.ts";
import { Roller } from "./roller.ts";
import { RollerLock } from "./roller-lock.ts";
import type { FolderSettings } from "./settings.ts";
import { StagedRecords } from "./staged-records.ts";
import { Staging } from "./staging.ts";
import { openState } from "./state-database.ts";

/** How often a worker looks whether files are to be made, ms. */
const LOOK_MS = 1000;
/** How long it leaves them alone after a fault, ms. */
const FAULT_MS = 10_000;

export type FolderSinkParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly reader: RecordReader;
  /** Told of each step of a roll: tests end the process there. Nobody when absent. */
  readonly step?: (name: string) => void;
};

/**
 * Opens a store of files in a folder, for one of several workers on one machine. What is committed is in `state.db`; one worker at a time
 * makes files of it, and another one goes on where it ends.
 *
 * Throws `store.unavailable`.
 */
export async function openFolderSink(settings: FolderSettings, parts: FolderSinkParts): Promise<FolderSink> {
  const database = openState(settings.path, parts.clock.wallUs());
  return new FolderSink(database, settings, parts);
}

type Counts = { records: number; repeats: number; samples: number; bytes: number };

/** `Sink` in a folder. */
export class FolderSink implements Sink {
  readonly #database: Database.Database;
  readonly #settings: FolderSettings;
  readonly #parts: FolderSinkParts;
  readonly #accounts: AccountTable;
  readonly #tables: PartTable;
  readonly #clocks: ClockTable;
  readonly #staging: Staging;
  readonly #roller: Roller;
  readonly #lock: RollerLock;
  readonly #counts: Counts = { records: 0, repeats: 0, samples: 0, bytes: 0 };
  readonly #oldest: Database.Statement<[], { readonly us: number | null }>;
  readonly #staged: Database.Statement<[], { readonly bytes: number | null }>;
  /** Whether nothing that was begun, here or by another worker, is left to be ended or undone. */
  #isSound = false;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  #rolling: Promise<boolean> = Promise.resolve(false);

  constructor(database: Database.Database, settings: FolderSettings, parts: FolderSinkParts) {
    const { clock, log, reader, step = () => undefined } = parts;
    this.#database = database;
    this.#settings = settings;
    this.#parts = parts;
    this.#accounts = new AccountTable(database);
    this.#tables = new PartTable(database);
    this.#clocks = new ClockTable(database);
    const waits = { rollUs: settings.rollSeconds * 1_000_000, clockUs: settings.clockWaitSeconds * 1_000_000 };
    this.#staging = new Staging({
      database,
      accounts: this.#accounts,
      clocks: this.#clocks,
      parts: this.#tables,
      waits,
    });
    const staged = new StagedRecords(database);
    const content = { staged, clocks: this.#clocks, parts: this.#tables, reader, clock, settings };
    const files = new FileTable(database, settings);
    const journal = new RollJournal(database, settings.path);
    this.#roller = new Roller({ content, database, files, journal, log, name: nameOf(database), step });
    this.#lock = new RollerLock(settings.path);
    this.#oldest = database.prepare("SELECT min(oldest_us) AS us FROM backlog");
    this.#staged = database.prepare("SELECT sum(bytes) AS bytes FROM backlog");
    this.#loop = this.#run();
  }

  async commit(batch: readonly Delivery[]): Promise<CommitOutcome> {
    const { path, maxStagedBytes } = this.#settings;
    try {
      const staged = this.#staged.get()?.bytes ?? 0;
      if (staged >= maxStagedBytes) {
        throw new AgentError("store.unavailable", {
          what: `${path}/state.db holds ${staged} bytes of records that no file could be made of, at most ${maxStagedBytes}`,
          remedy: "See why no file is made (roll.failed in the log), or raise sink.maxStagedBytes.",
        });
      }
      const { written, repeats, refused, samples, bytes } = this.#database
        .transaction(() => this.#staging.take(batch))
        .immediate();
      this.#counts.records += written;
      this.#counts.repeats += repeats;
      this.#counts.samples += samples;
      this.#counts.bytes += bytes;
      return { written, repeats, refused };
    } catch (thrown) {
      throw storeFault(thrown, path);
    }
  }

  async table(thing: string, id: string): Promise<RecordTable | undefined> {
    return this.#tables.find(thing, id);
  }

  async *gaps(nowUs: number, graceMs: number): AsyncIterable<Gap> {
    yield* this.#accounts.gaps(nowUs - graceMs * 1000);
  }

  status(): SinkStatus {
    return { ...this.#counts, oldestStagedUs: this.#oldest.get()?.us ?? undefined };
  }

  /** Makes files of all that is due, where no other worker does; false where one does. One call after the other. Throws `store.unavailable`. */
  rollNow(): Promise<boolean> {
    const before = this.#rolling;
    // What became of the call before is told to whoever made it.
    this.#rolling = before.then(
      () => this.#roll(),
      () => this.#roll(),
    );
    return this.#rolling;
  }

  async #roll(): Promise<boolean> {
    try {
      if (!this.#lock.take()) return false;
      if (!this.#isSound) {
        this.#roller.recover();
        writeClocks(this.#settings.path, this.#clocks);
        this.#isSound = true;
      }
      await this.#roller.rollDue(this.#stop.signal);
      return true;
    } catch (thrown) {
      this.#isSound = false;
      throw storeFault(thrown, this.#settings.path);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await this.#rolling.catch(() => false);
    this.#lock.release();
    this.#database.close();
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await clock.sleep(LOOK_MS, signal);
        if (!signal.aborted) await this.rollNow();
      } catch (thrown) {
        const remedy = thrown instanceof AgentError ? thrown.remedy : "Report it.";
        log.error("roll.failed", { what: messageOf(thrown), remedy });
        await clock.sleep(FAULT_MS, signal);
      }
    }
  }
}

/** Names the files of this store: the time at which it was made. */
function nameOf(database: Database.Database): string {
  const row = database.prepare<[], { readonly made_us: number }>("SELECT made_us FROM store").get();
  return (row?.made_us ?? 0).toString(36);
}
