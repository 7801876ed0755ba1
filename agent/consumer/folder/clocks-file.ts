import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { boottimeUsOf, distanceUsOf } from "../../telemetry/record/read/correct-times.ts";
import { CSV } from "../rows/row-text.ts";
import type { ClockTable } from "./clock-table.ts";
import { CLOCKS_FILE } from "./file-names.ts";

const COLUMNS = ["thing", "boot_id", "monotonic_us", "offset_us", "quality"] as const;

/**
 * Writes `clocks.csv`: the best clock of each boot whose rows were written before it was known, so that a query puts their times right.
 * Left alone where it says the same.
 */
export function writeClocks(folder: string, clocks: ClockTable): void {
  let text = CSV.header(COLUMNS);
  for (const { thing, bootId, best } of clocks.behind()) {
    const cells = [thing, bootId, boottimeUsOf(best), distanceUsOf(best), best.quality];
    text += CSV.line([CSV.cells(COLUMNS, cells)]);
  }
  const path = join(folder, CLOCKS_FILE);
  if (textIn(path) === text) return;
  const handle = openSync(`${path}.partial`, "w");
  try {
    writeFileSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(`${path}.partial`, path);
}

function textIn(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It is made anew.
    return undefined;
  }
}
