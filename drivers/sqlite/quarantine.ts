import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import { syncFolder } from "../../agent/core/sync-folder.ts";
import type { StoreName } from "./faults.ts";

/** Damaged files kept for a person to look at, those of an outbox only where something of them was lost; each may be as large as the outbox, so the oldest goes first. */
const KEPT = 3;
/** What SQLite keeps beside a database in write-ahead-log mode (sqlite.org/tempfiles.html), and the header that a salvage replaced. */
const COMPANIONS = ["-wal", "-shm", ".header"] as const;

/**
 * Renames a damaged database with its log to `<file>.damaged-<n>`, n one above the highest so far, and returns that name. Throws
 * `outbox.unavailable` or `journal.unavailable` where the disk does not allow it.
 */
export function quarantine(file: string, store: StoreName): string {
  try {
    return setAside(file);
  } catch (thrown) {
    throw new AgentError(`${store}.unavailable`, {
      what: `${file} is damaged and cannot be set aside: ${messageOf(thrown)}`,
      remedy: `make ${dirname(file)} writable for the agent's user`,
      cause: thrown,
    });
  }
}

/** The damaged file that was set aside last; undefined when there is none. */
export function lastQuarantined(file: string): string | undefined {
  const numbers = damagedNumbers(file);
  return numbers.length === 0 ? undefined : `${file}.damaged-${Math.max(...numbers)}`;
}

/** Removes a damaged file with what belongs to it, as nobody needs it any more. What the disk does not let go stays. */
export function removeQuarantined(damagedFile: string): void {
  try {
    for (const suffix of ["", ...COMPANIONS]) rmSync(`${damagedFile}${suffix}`, { force: true });
  } catch {
    // It goes with the oldest, when others come.
  }
}

function setAside(file: string): string {
  const folder = dirname(file);
  const numbers = damagedNumbers(file);
  const next = Math.max(0, ...numbers) + 1;
  const target = `${file}.damaged-${next}`;
  for (const suffix of COMPANIONS) {
    if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${target}${suffix}`);
  }
  renameSync(file, target);
  for (const old of numbers.sort((left, right) => right - left).slice(KEPT - 1)) {
    removeQuarantined(`${file}.damaged-${old}`);
  }
  syncFolder(folder);
  return target;
}

function damagedNumbers(file: string): number[] {
  const prefix = `${basename(file)}.damaged-`;
  return readdirSync(dirname(file))
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)));
}
