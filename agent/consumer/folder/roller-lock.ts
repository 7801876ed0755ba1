import { join } from "node:path";
import Database from "better-sqlite3";
import { storeFault } from "./faults.ts";
import { LOCK_FILE } from "./file-names.ts";

/**
 * Lets one process of a machine at a time make files: a lock of the operating system, which ends with the process and never while it
 * lives, so that one that was held up finds nothing changed behind it. A process that is stopped (SIGSTOP) keeps it.
 */
export class RollerLock {
  readonly #folder: string;
  #database: Database.Database | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether this process has the lock now. */
  take(): boolean {
    if (this.#database !== undefined) return true;
    let database: Database.Database | undefined;
    try {
      database = new Database(join(this.#folder, LOCK_FILE), { timeout: 0 });
      database.exec("BEGIN EXCLUSIVE");
      this.#database = database;
      return true;
    } catch (thrown) {
      database?.close();
      if (thrown instanceof Database.SqliteError && thrown.code.startsWith("SQLITE_BUSY")) return false;
      throw storeFault(thrown, this.#folder);
    }
  }

  release(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}
