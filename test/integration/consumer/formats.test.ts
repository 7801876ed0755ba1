import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { KnownTables } from "../../../agent/consumer/input/known-tables.ts";
import { ParquetBody } from "../../../agent/consumer/parquet/parquet-body.ts";
import { allTimes, SampleAppender } from "../../../agent/consumer/rows/append-samples.ts";
import { SAMPLE_COLUMNS } from "../../../agent/consumer/rows/column-names.ts";
import { CSV, NDJSON, type RowFormat, sampleLines } from "../../../agent/consumer/rows/row-text.ts";
import { SampleBatch } from "../../../agent/consumer/rows/sample-batch.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { samplesOf } from "../../../agent/telemetry/record/read/samples.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { duckdb } from "../../fakes/consumer/duckdb.ts";
import { BenchDrive } from "../../fakes/consumer/vehicle-records.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const SEED = 15;
const START_US = 1_767_225_600_000_000;
/** Decimals that sums are worked out in, so that their order does not count. */
const SCALE = 1_000_000;

type Sums = { count: number; scaled: bigint; exact: bigint; latest: number };

/** What DuckDB must find by signal, from the samples one by one as the record reader has them. */
function slowSums(records: readonly DecodedRecord[], tables: KnownTables): string[][] {
  const sums = new Map<string, Sums>();
  for (const record of records) {
    const find = (_: string, index: number) => tables.tableOf(record)?.signals.get(index);
    for (const { signal, physical = 0, timeUs } of samplesOf(record, { find })) {
      const name = "name" in signal ? signal.name : "";
      const sum = sums.get(name) ?? { count: 0, scaled: 0n, exact: 0n, latest: 0 };
      sums.set(name, sum);
      sum.count += 1;
      sum.latest = Math.max(sum.latest, timeUs);
      if (typeof physical === "bigint") sum.exact += physical;
      else sum.scaled += BigInt(Math.round(physical * SCALE));
    }
  }
  const rows = [...sums].map(([name, { count, scaled, exact, latest }]) =>
    [name, count, scaled, exact, latest].map(String),
  );
  return rows.toSorted(([one], [other]) => (one < other ? -1 : 1));
}

const SUMS = `signal, count(*),
  coalesce(sum(round(value * ${SCALE})::HUGEINT) FILTER (WHERE value_int IS NULL), 0),
  coalesce(sum(value_int), 0)`;

function text(format: RowFormat, batch: SampleBatch): string {
  return batch.runs.flatMap((run) => [...sampleLines(format, batch, run)]).join("");
}

describe("rows as DuckDB reads them", () => {
  it("are the same in CSV, NDJSON and Parquet, and what the records say", async () => {
    const reader = createRecordReader(readDescriptor());
    const drive = new BenchDrive({ thing: "truck-0001", seed: SEED, startUs: START_US, batchMs: 500 });
    const tables = new KnownTables();
    for (const payload of drive.table()) tables.learn(reader.decode(payload));
    const records = drive.drive(16).map((payload) => reader.decode(payload));
    const batch = new SampleBatch();
    const span = allTimes(batch);
    const appender = new SampleAppender(() => span);
    for (const record of records) appender.append(record, tables.tableOf(record)?.signals, tables.correctionOf(record));
    const body = new ParquetBody("samples");
    body.addSamples(batch);
    body.finish();
    const empty = new ParquetBody("samples");
    empty.finish();

    const folder = temporaryFolder();
    const path = (name: string): string => join(folder, name);
    writeFileSync(path("rows.parquet"), body.take());
    writeFileSync(path("empty.parquet"), empty.take());
    writeFileSync(path("rows.csv"), CSV.header(SAMPLE_COLUMNS) + text(CSV, batch));
    writeFileSync(path("rows.ndjson"), text(NDJSON, batch));
    const expected = slowSums(records, tables);
    expect(expected.length).toBeGreaterThan(100);

    const query = await duckdb();
    const times = { parquet: "epoch_us(max(time_us))", csv: "max(time_us)", ndjson: "max(time_us)" };
    for (const [format, time] of Object.entries(times)) {
      const found = await query(
        `SELECT ${SUMS}, ${time} FROM '${path(`rows.${format}`)}' GROUP BY signal ORDER BY signal`,
      );
      expect({ format, found }).toEqual({ format, found: expected });
    }
    // Row groups are left out by their statistics: a filter finds the same rows as reading all.
    const [[all]] = await query(`SELECT count(*) FROM '${path("rows.csv")}' WHERE time_us >= ${START_US + 4_000_000}`);
    const since = `make_timestamptz(${START_US + 4_000_000})`;
    expect(await query(`SELECT count(*) FROM '${path("rows.parquet")}' WHERE time_us >= ${since}`)).toEqual([[all]]);
    expect(await query(`SELECT count(*) FROM '${path("empty.parquet")}'`)).toEqual([["0"]]);
  });
});
