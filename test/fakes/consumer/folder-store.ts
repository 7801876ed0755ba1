import { readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { type FolderSink, openFolderSink } from "../../../agent/consumer/folder/folder-sink.ts";
import { folderSettings } from "../../../agent/consumer/folder/settings.ts";
import type { Clock } from "../../../agent/core/clock.ts";
import { createRecordReader, type RecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { ManualClock, type ManualClockStart } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";

export const storeReader = createRecordReader(readDescriptor());

/** A clock that stands until it is moved, on which giving way to others takes no time. */
export function standingClock(start: ManualClockStart = {}): Clock & Pick<ManualClock, "advance"> {
  const manual = new ManualClock(start);
  return {
    wallUs: () => manual.wallUs(),
    monotonicMs: () => manual.monotonicMs(),
    boottimeMs: () => manual.boottimeMs(),
    quality: () => manual.quality(),
    every: (ms, tick) => manual.every(ms, tick),
    advance: (ms) => manual.advance(ms),
    sleep: (ms, signal) => (ms === 0 ? new Promise((resolve) => setImmediate(resolve)) : manual.sleep(ms, signal)),
  };
}

export type StoreOptions = {
  readonly path: string;
  readonly clock: Clock;
  readonly settings?: object;
  readonly step?: (name: string) => void;
  readonly reader?: RecordReader;
};

/** A folder store that rolls when `rollNow` is called. */
export async function folderStore({
  path,
  clock,
  settings = {},
  step,
  reader = storeReader,
}: StoreOptions): Promise<{ sink: FolderSink; log: MemoryLog }> {
  const log = new MemoryLog();
  const parsed = folderSettings.parse({ kind: "folder", path, ...settings });
  const sink = await openFolderSink(parsed, { clock, log, reader, ...(step && { step }) });
  return { sink, log };
}

/** Files of rows in a store, by their paths in it. */
export function rowFiles(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter(
      (name) => /\.(parquet|csv|ndjson)$/.test(name) && !name.endsWith("clocks.csv") && !name.includes(".partial/"),
    )
    .filter((name) => statSync(join(path, name)).isFile())
    .map((name) => relative(path, join(path, name)))
    .toSorted();
}
