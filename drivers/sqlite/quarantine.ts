import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { syncFolder } from "./database.ts";

/** Damaged files kept for a person to look at; each may be as large as the outbox, so the oldest goes first. */
const KEPT = 3;
/** What SQLite keeps beside a database in write-ahead-log mode (sqlite.org/tempfiles.html). */
const COMPANIONS = ["-wal", "-shm"] as const;

/** Renames a damaged database with its log to `<file>.damaged-<n>`, n one above the highest so far, and returns that name. */
export function quarantine(file: string): string {
  const folder = dirname(file);
  const numbers = damagedNumbers(file);
  const next = Math.max(0, ...numbers) + 1;
  const target = `${file}.damaged-${next}`;
  for (const suffix of COMPANIONS) {
    if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${target}${suffix}`);
  }
  renameSync(file, target);
  for (const old of numbers.sort((left, right) => right - left).slice(KEPT - 1)) {
    for (const suffix of ["", ...COMPANIONS]) rmSync(`${file}.damaged-${old}${suffix}`, { force: true });
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
