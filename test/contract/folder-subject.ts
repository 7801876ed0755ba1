import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { z } from "zod";
import { folderStore, rowFiles, standingClock } from "../fakes/consumer/folder-store.ts";
import { NEW_YEAR_US, type SinkSubject, type StoredRecord } from "./record-sink-subject.ts";

const facts = {
  thing: z.string(),
  epoch: z.coerce.number(),
  stream: z.string(),
  seq: z.coerce.number(),
  shift_us: z.coerce.number(),
  time_quality: z.string(),
};
const sample = z.object({
  ...facts,
  time: z.coerce.number(),
  message: z.string(),
  signal: z.string(),
  value: z.number(),
});
const event = z.object({ ...facts, kind: z.string() });

/** Longer than a record is staged by default, or waits for a better clock. */
const PATIENCE_MS = 1_000_000;

/** An empty store under `folder`, whose files are of the format; DuckDB reads them. */
export function openFolderSubject(folder: string, settings: object): SinkSubject {
  mkdirSync(folder, { recursive: true });
  const path = mkdtempSync(join(folder, "store-"));
  const clock = standingClock({ wallUs: NEW_YEAR_US + 2_000_000 });
  const open = async () => (await folderStore({ path, clock, settings })).sink;
  return {
    open,
    stored: async () => {
      const sink = await open();
      // What is younger may still wait for others.
      clock.advance(PATIENCE_MS);
      await sink.rollNow();
      await sink.close();
      return await storedIn(path);
    },
    end: () => Promise.resolve(),
  };
}

async function storedIn(path: string): Promise<StoredRecord[]> {
  const isEvents = (name: string): boolean => name.startsWith("events/") || name.includes(".events.");
  const files = rowFiles(path).map((name) => ({ isEvents: isEvents(name), file: join(path, name) }));
  const samples = await query(
    files.filter((one) => !one.isEvents),
    "*, epoch_us(time_us::TIMESTAMP) AS time",
    sample,
  );
  const events = await query(
    files.filter((one) => one.isEvents),
    "*",
    event,
  );
  const records = Map.groupBy(samples, ({ thing, epoch, stream, seq }) => `${thing} ${epoch} ${stream} ${seq}`);
  return [
    ...[...records.values()].map(([first, ...others]) => {
      const rows = [first, ...others].map(
        ({ message, signal, time, value }) => `${message}.${signal} ${time} ${value}`,
      );
      return { ...storedOf(first), kind: "samples", rows: rows.toSorted() };
    }),
    ...events.filter(({ kind }) => kind !== "table").map((row) => ({ ...storedOf(row), kind: row.kind, rows: [] })),
  ];
}

function storedOf(row: Omit<z.infer<typeof event>, "kind">): Omit<StoredRecord, "kind" | "rows"> {
  const { thing, epoch, stream, seq, shift_us: shiftUs, time_quality: quality } = row;
  return { thing, epoch, stream, seq, shiftUs, quality };
}

/** Rows of Parquet or CSV files; integers of 64 bits come as bigint. */
async function query<T>(files: readonly { readonly file: string }[], columns: string, row: z.ZodType<T>): Promise<T[]> {
  if (files.length === 0) return [];
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const list = files.map(({ file }) => `'${file}'`).join(", ");
  const reads = files[0]?.file.endsWith(".parquet") === true ? "read_parquet" : "read_csv";
  const reader = await connection.runAndReadAll(`SELECT ${columns} FROM ${reads}([${list}], union_by_name = true)`);
  const rows = reader.getRowObjects().map((one) => row.parse(one));
  connection.closeSync();
  instance.closeSync();
  return rows;
}
