import { existsSync, mkdirSync, renameSync, rmSync, truncateSync } from "node:fs";
import { dirname, join } from "node:path";
import type Database from "better-sqlite3";
import { syncFolder } from "../../core/sync-folder.ts";
import type { RollFile } from "./roll-file.ts";

type FileRow = { readonly path: string; readonly partial: string | null; readonly bytes_before: number };

/**
 * What a roll does, so that another process can end it or undo it after a kill at any moment.
 *
 * 1. `begin` notes which files it makes or appends to. 2. They are written and synced: new ones under another name, appended ones behind
 * the length that is known to be whole. 3. `decide` marks the staged records: from here on their rows are in files. 4. New files get
 * their names. 5. `end` forgets the records and the roll. Undone before 3: new files go, appended ones are cut back. After 3: 4 and 5 are done again.
 */
export class RollJournal {
  readonly #folder: string;
  readonly #database: Database.Database;
  readonly #begin: Database.Statement<[]>;
  readonly #file: Database.Statement<
    [roll: number | bigint, path: string, partial: string | null, bytesBefore: number]
  >;
  readonly #mark: Database.Statement<[roll: number, row: number]>;
  readonly #decide: Database.Statement<[roll: number]>;
  readonly #open: Database.Statement<[], { readonly id: number; readonly decided: number }>;
  readonly #files: Database.Statement<[roll: number], FileRow>;
  readonly #forget: readonly Database.Statement<[roll: number]>[];

  constructor(database: Database.Database, folder: string) {
    this.#folder = folder;
    this.#database = database;
    this.#begin = database.prepare("INSERT INTO rolls (decided) VALUES (0)");
    this.#file = database.prepare("INSERT INTO roll_files (roll, path, partial, bytes_before) VALUES (?, ?, ?, ?)");
    this.#mark = database.prepare("UPDATE staged SET roll = ? WHERE row = ?");
    this.#decide = database.prepare("UPDATE rolls SET decided = 1 WHERE id = ?");
    this.#open = database.prepare("SELECT id, decided FROM rolls ORDER BY id");
    this.#files = database.prepare("SELECT path, partial, bytes_before FROM roll_files WHERE roll = ? ORDER BY path");
    this.#forget = ["DELETE FROM staged WHERE roll = ?", "DELETE FROM roll_files WHERE roll = ?"]
      .concat("DELETE FROM rolls WHERE id = ?")
      .map((sql) => database.prepare(sql));
  }

  /** Number of a new roll that nothing is noted of yet. For use in a transaction. */
  begin(): number {
    return Number(this.#begin.run().lastInsertRowid);
  }

  /** Notes a file of a roll. For use in a transaction. */
  note(roll: number, { path, partial, before }: RollFile): void {
    this.#file.run(roll, path, partial ?? null, before?.bytes ?? 0);
  }

  /** For use in a transaction. */
  decide(roll: number, rows: readonly number[]): void {
    for (const row of rows) this.#mark.run(roll, row);
    this.#decide.run(roll);
  }

  /** Gives new files their names, and forgets the roll with its records. `step` is told of each. */
  end(roll: number, step: (name: string) => void): void {
    for (const { path, partial } of this.#files.all(roll)) {
      if (partial === null) continue;
      const [from, to] = [join(this.#folder, partial), join(this.#folder, path)];
      // One that has its name already was renamed before the kill.
      if (!existsSync(from) && existsSync(to)) continue;
      mkdirSync(dirname(to), { recursive: true });
      renameSync(from, to);
      this.#syncUp(dirname(path));
      step("named");
    }
    this.#database.transaction(() => this.#forgetAll(roll)).immediate();
  }

  /** Ends or undoes what a process has left that is no more; how many rolls of each kind. */
  recover(): { readonly ended: number; readonly undone: number } {
    let [ended, undone] = [0, 0];
    for (const { id, decided } of this.#open.all()) {
      if (decided === 1) {
        this.end(id, () => undefined);
        ended += 1;
      } else {
        this.undo(id);
        undone += 1;
      }
    }
    return { ended, undone };
  }

  /** Undoes a roll that is not decided. */
  undo(roll: number): void {
    for (const { path, partial, bytes_before: bytes } of this.#files.all(roll)) {
      if (partial !== null) rmSync(join(this.#folder, partial), { force: true });
      else if (existsSync(join(this.#folder, path))) truncateSync(join(this.#folder, path), bytes);
    }
    this.#database.transaction(() => this.#forgetAll(roll)).immediate();
  }

  #forgetAll(roll: number): void {
    for (const statement of this.#forget) statement.run(roll);
  }

  /** Makes the name of a file durable, and those of the folders that may have been made for it. */
  #syncUp(folder: string): void {
    for (let at = folder; ; at = dirname(at)) {
      syncFolder(join(this.#folder, at));
      if (at === ".") return;
    }
  }
}
