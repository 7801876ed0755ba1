import Database from "better-sqlite3";
import { AgentError, errnoOf, messageOf } from "../../core/errors.ts";

/** Whether the file system or SQLite threw it. */
export function isStoreFault(thrown: unknown): boolean {
  return thrown instanceof Database.SqliteError || errnoOf(thrown) !== undefined;
}

/** The fault of a store in `folder` that `thrown` stands for. What neither SQLite nor the file system threw comes back as it is. */
export function storeFault(thrown: unknown, folder: string): unknown {
  const code = thrown instanceof Database.SqliteError ? thrown.code : errnoOf(thrown);
  if (code === undefined || thrown instanceof AgentError) return thrown;
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    return new AgentError("store.unavailable", {
      what: `${folder}/state.db is held by another worker`,
      remedy: "Try again; if it stays so, end the process that holds it (fuser state.db).",
      facts: { folder, code },
      cause: thrown,
    });
  }
  return new AgentError("store.unavailable", {
    what: `${folder} cannot be written: ${messageOf(thrown)} (${code})`,
    remedy: remedyOf(code),
    facts: { folder, code },
    cause: thrown,
  });
}

function remedyOf(code: string): string {
  if (/FULL|ENOSPC|EDQUOT/.test(code)) return "Free space on its file system; nothing that was acknowledged is lost.";
  if (/CORRUPT|NOTADB/.test(code)) {
    return "Move state.db and its -wal away: files stay as they are, but repeats of what they hold are not known any more.";
  }
  return "Let the worker's user write to it, on a local file system that is mounted writable.";
}
