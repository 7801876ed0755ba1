import { rmSync } from "node:fs";
import type Database from "better-sqlite3";
import { type Promises, readPromises } from "./promises.ts";
import { tellMissing } from "./reconcile.ts";
import { Watermark, type WatermarkParts } from "./watermark.ts";

/** What reason a loss of records in memory gives for people. */
const DETAIL = "kept in memory while the disk could not be written, and the agent ended";

/**
 * Notes in `database` what an outbox in memory of an earlier process still owed when that ended, as far as one of `files` says it.
 * Returns the number of records.
 */
export function tellStandby(database: Database.Database, files: readonly string[]): number {
  let lost = 0;
  for (const file of files) {
    const found = readPromises(file);
    if (found.kind === "found") lost += tellMissing(database, found.promises.owed, DETAIL);
  }
  return lost;
}

/** Forgets what was told, or came over. */
export function forgetStandby(files: readonly string[]): void {
  for (const file of files) rmSync(file, { force: true });
}

/** Watermarks of an outbox in memory, each in a place that may outlive its process. */
export class StandbyMark {
  readonly #marks: readonly Watermark[];

  constructor(files: readonly string[], parts: Omit<WatermarkParts, "file">, promises: Promises) {
    this.#marks = files.map((file) => new Watermark({ ...parts, file }, promises));
  }

  note(promises: Promises): void {
    for (const mark of this.#marks) mark.note(promises);
  }

  close(promises: Promises): void {
    for (const mark of this.#marks) mark.close(promises);
  }
}
