import { rmSync } from "node:fs";
import type Database from "better-sqlite3";
import type { Log } from "../../../agent/core/log.ts";
import type { LossRange } from "../../../agent/ports/outbox.ts";
import { noteMissingAsLost, recordsIn } from "../recovery/reconcile.ts";
import { readWatermark, type Watermark } from "../recovery/watermark.ts";
import { WatermarkFile, type WatermarkFileParts } from "../recovery/watermark-file.ts";

/** What reason a loss of records in memory gives for people. */
const DETAIL = "kept in memory while the disk could not be written, and the agent ended";

/**
 * Notes in `database` what an outbox in memory of an earlier process still owed when that ended, as far as one of `files` says it,
 * and returns it.
 */
export function noteStandbyLosses(
  database: Database.Database,
  files: readonly string[],
  log: Log,
): readonly LossRange[] {
  const losses = files.map(readWatermark).flatMap((found) => {
    return found.kind === "found" ? noteMissingAsLost(database, found.promises.owed, DETAIL) : [];
  });
  if (losses.length > 0) log.error("outbox.standby-told", { records: recordsIn(losses) });
  return losses;
}

/** Forgets what was told, or came over. */
export function forgetStandbyFiles(files: readonly string[]): void {
  for (const file of files) {
    try {
      rmSync(file, { force: true });
    } catch {
      // It is told once more at the next start, as damage is told that cost nothing.
    }
  }
}

/** Watermarks of an outbox in memory, each in a place that may outlive its process. */
export class StandbyWatermarks {
  readonly #marks: readonly WatermarkFile[];

  constructor(files: readonly string[], parts: Omit<WatermarkFileParts, "file">, promises: Watermark) {
    this.#marks = files.map((file) => new WatermarkFile({ ...parts, file }, promises));
  }

  note(promises: Watermark): void {
    for (const mark of this.#marks) mark.note(promises);
  }

  close(promises: Watermark): void {
    for (const mark of this.#marks) mark.close(promises);
  }
}
