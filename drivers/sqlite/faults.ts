import Database from "better-sqlite3";
import { AgentError, messageOf } from "../../agent/core/errors.ts";

/** SQLite's own result code name of a thrown value, "SQLITE_IOERR_FSYNC" for example (sqlite.org/rescode.html); undefined for other errors. */
export function sqliteCodeOf(thrown: unknown): string | undefined {
  return thrown instanceof Database.SqliteError ? thrown.code : undefined;
}

/** Whether the disk, or the bound on the file's size, has no room for the transaction. */
export function isFull(thrown: unknown): boolean {
  return sqliteCodeOf(thrown) === "SQLITE_FULL";
}

/** Whether the file is not a database or its content contradicts itself. */
export function isDamaged(thrown: unknown): boolean {
  return isDamageCode(sqliteCodeOf(thrown) ?? "");
}

function isDamageCode(code: string): boolean {
  return code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT");
}

/** `thrown`, as damage where a table's own checks forbade what was to be stored: then the rows that it follows from changed on the disk. */
export function damageOf(thrown: unknown): unknown {
  const isForbidden = (sqliteCodeOf(thrown) ?? "").startsWith("SQLITE_CONSTRAINT");
  return isForbidden ? new Database.SqliteError(messageOf(thrown), "SQLITE_CORRUPT") : thrown;
}

/** Whether a fault of `faultOf` says that the file is damaged. */
export function saysDamaged(fault: AgentError): boolean {
  return isDamageCode(String(fault.facts.sqlite));
}

/** Whether another connection holds the file. */
export function isHeld(thrown: unknown): boolean {
  const code = sqliteCodeOf(thrown) ?? "";
  return code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED");
}

/** Which database a fault is told of. */
export type StoreName = "outbox" | "journal";

const REMEDIES: Readonly<Record<StoreName, { readonly full: string; readonly damaged: string }>> = {
  outbox: {
    full: "free space on the file system, or lower outbox.maxBytes",
    damaged: "restart the agent: it sets the file aside and saves what can be read",
  },
  journal: {
    full: "free space on the file system that holds stateDir",
    damaged: "restart the agent: it sets the file aside and refuses what needs it until someone has looked",
  },
};

/** The fault that a value thrown while using `file` stands for. What SQLite did not throw comes back as it is. */
export function faultOf(thrown: unknown, file: string, store: StoreName): unknown {
  const sqlite = sqliteCodeOf(thrown);
  if (sqlite === undefined) return thrown;
  const facts = { file, sqlite };
  if (isHeld(thrown)) {
    return new AgentError("agent.already-running", {
      what: `${file} is held by another process`,
      remedy: "stop the other agent first: systemctl stop causeway, or end the other `causeway run`",
      facts,
      cause: thrown,
    });
  }
  if (isFull(thrown)) {
    return new AgentError(`${store}.full`, {
      what: `no room on the disk for ${file}`,
      remedy: REMEDIES[store].full,
      facts,
      cause: thrown,
    });
  }
  if (isDamaged(thrown)) {
    return new AgentError(`${store}.unavailable`, {
      what: `${file} is damaged: ${messageOf(thrown)}`,
      remedy: REMEDIES[store].damaged,
      facts,
      cause: thrown,
    });
  }
  if (/^SQLITE_(IOERR|READONLY|CANTOPEN|PERM|NOMEM|NOLFS|AUTH)/.test(sqlite)) {
    return new AgentError(`${store}.unavailable`, {
      what: `${file} cannot be used: ${messageOf(thrown)} (${sqlite})`,
      remedy:
        "check that its folder exists, belongs to the agent's user, and that the disk is mounted writable and healthy; after a disk that was mounted read-only at the start is mounted writable, restart the agent",
      facts,
      cause: thrown,
    });
  }
  return thrown;
}
