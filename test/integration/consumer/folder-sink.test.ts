import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { FolderSink } from "../../../agent/consumer/folder/folder-sink.ts";
import { folderSettings } from "../../../agent/consumer/folder/settings.ts";
import type { Delivery } from "../../../agent/consumer/store/delivery.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { foreignDelivery } from "../../fakes/consumer/deliveries.ts";
import { duckdb } from "../../fakes/consumer/duckdb.ts";
import { folderStore, rowFiles, standingClock, storeReader } from "../../fakes/consumer/folder-store.ts";
import { BenchDrive, type DriveSettings } from "../../fakes/consumer/vehicle-records.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const SEED = 15;
const SECOND_US = 1_000_000;
/** 2026-11-29T00:00:00Z */
const DAY_US = 1_795_910_400_000_000;
const LAYOUTS = ["hive", "daily"] as const;
const FORMATS = ["parquet", "csv", "ndjson"] as const;

function drive(over: Partial<DriveSettings> = {}): BenchDrive {
  return new BenchDrive({ thing: "truck-1", seed: SEED, startUs: DAY_US - 2 * SECOND_US, batchMs: 500, ...over });
}

function deliveriesOf(payloads: readonly Uint8Array[], receivedUs: number): Delivery[] {
  return payloads.map((payload) => {
    return { record: storeReader.decode(payload), payload, wireBytes: payload.length, receivedUs, table: undefined };
  });
}

/** Everything is due. */
async function rollAll(sink: FolderSink, clock: ReturnType<typeof standingClock>): Promise<void> {
  clock.advance(86_400_000 * 2);
  expect(await sink.rollNow()).toBe(true);
  expect(sink.status().oldestStagedUs).toBeUndefined();
}

/** Where DuckDB finds samples, or events. */
function source(path: string, layout: string, format: string, kind: "samples" | "events"): string {
  const glob =
    layout === "hive"
      ? `${path}/${kind}/*/*/*.${format}`
      : `${path}/*/????-??-??${kind === "events" ? ".events" : ""}.${format}`;
  if (format === "parquet") return `read_parquet('${glob}', hive_partitioning = false)`;
  return `${format === "csv" ? "read_csv" : "read_json"}('${glob}', hive_partitioning = false, union_by_name = true)`;
}

const samplesOf = ({ body }: DecodedRecord): number =>
  body.kind === "samples" ? body.columns.reduce((sum, { raws }) => sum + raws.length, 0) : 0;

describe.each(LAYOUTS)("a folder store, %s", (layout) => {
  it.each(FORMATS)(
    "holds each record once in %s, on its day, however often it comes and files are made",
    async (format) => {
      const path = temporaryFolder();
      const clock = standingClock({ wallUs: DAY_US });
      const settings = { layout, format };
      const { sink } = await folderStore({ path, clock, settings });
      const vehicle = drive();
      const tables = deliveriesOf(vehicle.table(), DAY_US);
      const [one, other] = [deliveriesOf(vehicle.drive(4), DAY_US), deliveriesOf(vehicle.drive(4), DAY_US + SECOND_US)];
      expect(await sink.commit([...tables, ...one])).toMatchObject({ written: tables.length + 4, repeats: 0 });
      expect(await sink.commit([...one, ...other.slice(0, 2)])).toMatchObject({ written: 2, repeats: 4 });
      await rollAll(sink, clock);
      // Another worker goes on; what it gets again is known.
      await sink.close();
      const { sink: next } = await folderStore({ path, clock, settings });
      expect(await next.commit([...tables, ...one, ...other])).toMatchObject({
        written: 2,
        repeats: tables.length + 6,
      });
      await rollAll(next, clock);
      await next.close();

      const query = await duckdb();
      const time = format === "parquet" ? "epoch_us(time_us)" : "time_us";
      const rows = await query(
        `SELECT seq, count(*), count(DISTINCT (signal, message, ${time})), min(${time}) FROM ${source(path, layout, format, "samples")} GROUP BY seq ORDER BY seq`,
      );
      const records = [...one, ...other].map(({ record }) => record);
      expect(rows.map(([seq, count]) => [seq, count])).toEqual(
        records.map((one) => [one.seq, samplesOf(one)].map(String)),
      );
      expect(rows.map(([, count, distinct]) => count === distinct)).toEqual(rows.map(() => true));
      const days = await query(
        `SELECT DISTINCT ${time} // 86400000000 = ${DAY_US} // 86400000000, filename LIKE '%2026-11-29%' FROM ${source(path, layout, format, "samples").replace(")", ", filename = true)")} ORDER BY 1`,
      );
      expect(days).toEqual([
        ["false", "false"],
        ["true", "true"],
      ]);
      // In the daily layout a file a day, and one of events: appended to, not made anew.
      if (layout === "daily") expect(rowFiles(path)).toHaveLength(4);
    },
  );
});

describe("a folder store", () => {
  it("waits for a better clock of a boot, puts times right with it, and says what came too late", async () => {
    const path = temporaryFolder();
    const clock = standingClock({ wallUs: DAY_US });
    const { sink } = await folderStore({ path, clock, settings: { clockWaitSeconds: 600, rollSeconds: 60 } });
    const unset = drive({ startUs: 10 * SECOND_US, quality: "unsynchronised", startMonotonicMs: 4000 });
    // The same boot, whose clock is set after 10 s.
    const set = drive({ startUs: DAY_US, quality: "ntp", startMonotonicMs: 14_000, epoch: 7 });
    const late = drive({
      startUs: 10 * SECOND_US,
      quality: "unsynchronised",
      startMonotonicMs: 4000,
      bootId: "f".repeat(32),
      epoch: 8,
    });
    const lateSet = drive({
      startUs: DAY_US,
      quality: "gps",
      startMonotonicMs: 14_000,
      bootId: "f".repeat(32),
      epoch: 9,
    });
    await sink.commit(deliveriesOf([...unset.table(), ...unset.drive(2), ...late.drive(2)], DAY_US));
    clock.advance(300_000);
    await sink.rollNow();
    expect(rowFiles(path)).toEqual([]);
    await sink.commit(deliveriesOf(set.drive(1), DAY_US + 300 * SECOND_US));
    clock.advance(400_000);
    await sink.rollNow();
    expect(readFileSync(join(path, "clocks.csv"), "utf8")).toBe("thing,boot_id,monotonic_us,offset_us,quality\n");
    await sink.commit(deliveriesOf(lateSet.drive(1), DAY_US + 800 * SECOND_US));
    await rollAll(sink, clock);
    await sink.close();

    const query = await duckdb();
    const rows = await query(
      `SELECT epoch, time_quality, shift_us, min(epoch_us(time_us)) FROM ${source(path, "hive", "parquet", "samples")} GROUP BY ALL ORDER BY epoch`,
    );
    const shift = DAY_US - 20 * SECOND_US;
    expect(rows).toEqual([
      ["7", "ntp", "0", String(DAY_US)],
      ["8", "unsynchronised", "0", String(10 * SECOND_US)],
      ["9", "gps", "0", String(DAY_US)],
      [String(0xa1b2_c3d4_e5f6), "ntp", String(shift), String(DAY_US - 10 * SECOND_US)],
    ]);
    const offset = DAY_US + 500_000 - 14_500_000;
    expect(readFileSync(join(path, "clocks.csv"), "utf8")).toBe(
      `thing,boot_id,monotonic_us,offset_us,quality\ntruck-1,${"f".repeat(32)},14500000,${offset},gps\n`,
    );
  });

  it("keeps a record in the form of another cloud as it is, at its arrival, beside whatever clock", async () => {
    const path = temporaryFolder();
    const clock = standingClock({ wallUs: DAY_US });
    const { sink } = await folderStore({ path, clock, settings: { clockWaitSeconds: 600, rollSeconds: 60 } });
    const vehicle = drive({ bootId: "", quality: "gps", startMonotonicMs: 4000 });
    const own = deliveriesOf(vehicle.table(), DAY_US);
    // Bytes that are a record of somebody else are not read as one.
    const payload = own[0]?.payload ?? new Uint8Array();
    const foreign = [payload, new Uint8Array()].map((bytes, at) => foreignDelivery(at + 1, bytes, DAY_US));
    expect(await sink.commit([...own, ...foreign])).toMatchObject({ written: own.length + 2, refused: [] });
    expect(await sink.commit(foreign)).toMatchObject({ written: 0, repeats: 2 });
    // No clock is waited for.
    clock.advance(120_000);
    await sink.rollNow();
    const query = await duckdb();
    const events = await query(
      `SELECT seq, epoch_us(time_us), shift_us, time_quality, boot_id, body FROM ${source(path, "hive", "parquet", "events")} WHERE kind = 'foreign' ORDER BY seq`,
    );
    const topic = "cms/fleetwise/vehicles/truck-1/signals";
    expect(events).toEqual(
      foreign.map(({ payload: bytes }, at) => [
        String(at + 1),
        String(DAY_US),
        "0",
        "unsynchronised",
        "",
        JSON.stringify({ topic, payload: Buffer.from(bytes).toString("base64") }),
      ]),
    );
    expect(readFileSync(join(path, "clocks.csv"), { encoding: "utf8", flag: "a+" })).not.toContain("truck-1");
    await sink.close();
  });

  it("takes a state.db of the version before, with what is staged in it", async () => {
    const path = temporaryFolder();
    const clock = standingClock({ wallUs: DAY_US });
    const { sink } = await folderStore({ path, clock });
    await sink.commit(deliveriesOf(drive().table(), DAY_US));
    await sink.close();
    const database = new Database(join(path, "state.db"));
    database.exec("ALTER TABLE staged DROP COLUMN topic; PRAGMA user_version = 1");
    database.close();
    const { sink: next } = await folderStore({ path, clock });
    expect(await next.commit([foreignDelivery(1, Uint8Array.of(1), DAY_US)])).toMatchObject({ written: 1 });
    await rollAll(next, clock);
    await next.close();
    const query = await duckdb();
    expect(await query(`SELECT DISTINCT kind FROM ${source(path, "hive", "parquet", "events")} ORDER BY kind`)).toEqual(
      [["foreign"], ["table"]],
    );
  });

  it("keeps samples until their table comes, and writes them with raw values when it never does", async () => {
    const path = temporaryFolder();
    const clock = standingClock({ wallUs: DAY_US });
    const { sink } = await folderStore({ path, clock, settings: { tableWaitSeconds: 3600, rollSeconds: 60 } });
    const [known, unknown] = [drive(), drive({ thing: "truck-2" })];
    await sink.commit(deliveriesOf([...known.drive(1), ...unknown.drive(1)], DAY_US));
    clock.advance(120_000);
    await sink.rollNow();
    expect(rowFiles(path).filter((name) => name.startsWith("samples"))).toEqual([]);
    await sink.commit(deliveriesOf(known.table(), DAY_US + 120 * SECOND_US));
    clock.advance(120_000);
    await sink.rollNow();
    const parts = rowFiles(path).filter((name) => name.startsWith("samples"));
    expect(parts.map((name) => name.replace(/part-\w+-\d+/, "part"))).toEqual([
      "samples/thing=truck-1/date=2026-11-28/part.parquet",
    ]);
    await rollAll(sink, clock);
    await sink.close();
    const query = await duckdb();
    expect(
      await query(
        `SELECT kind, thing, count(*) FROM ${source(path, "hive", "parquet", "events")} GROUP BY ALL ORDER BY kind`,
      ),
    ).toEqual([
      ["raw-samples", "truck-2", "1"],
      ["samples", "truck-1", "1"],
      ["table", "truck-1", "1"],
    ]);
  });

  it("makes files of many small rolls when a vehicle has much, and lets no name out of the folder", async () => {
    const path = join(temporaryFolder(), "store");
    const clock = standingClock({ wallUs: DAY_US });
    const { sink } = await folderStore({
      path,
      clock,
      settings: { rollSamples: 1000, layout: "daily", format: "csv" },
    });
    const names = ["../../etc/passwd", "..", "state.db", "a/b\\c\0d", "é".repeat(100), "-rf *", "thing=x"];
    for (const thing of names) {
      const vehicle = drive({ thing });
      await sink.commit(deliveriesOf([...vehicle.table(), ...vehicle.drive(3)], DAY_US));
    }
    await rollAll(sink, clock);
    await sink.close();
    const files = rowFiles(join(path, ".."));
    expect(files.every((name) => name.startsWith("store/"))).toBe(true);
    expect(new Set(files.map((name) => name.split("/")[1])).size).toBe(names.length);
    const query = await duckdb();
    const things = await query(`SELECT DISTINCT thing FROM ${source(path, "daily", "csv", "samples")}`);
    expect(
      things
        .flat()
        .map((name) => name.replace("\0", ""))
        .toSorted(),
    ).toEqual(names.map((name) => name.replace("\0", "")).toSorted());
  });

  it("says precisely what cannot be written, leaves nothing half done, and goes on when it can", async () => {
    const path = temporaryFolder();
    const clock = standingClock({ wallUs: DAY_US });
    const { sink } = await folderStore({ path, clock, settings: { format: "csv" } });
    const vehicle = drive();
    await sink.commit(deliveriesOf([...vehicle.table(), ...vehicle.drive(2)], DAY_US));
    clock.advance(700_000);
    writeFileSync(join(path, ".partial"), "in the way");
    await expect(sink.rollNow()).rejects.toThrow(`${path} cannot be written: EEXIST`);
    expect(rowFiles(path)).toEqual([]);
    rmSync(join(path, ".partial"));
    await rollAll(sink, clock);
    expect(rowFiles(path)).not.toEqual([]);
    await sink.close();
    const blocked = join(path, "blocked");
    writeFileSync(blocked, "");
    await expect(folderStore({ path: join(blocked, "store"), clock })).rejects.toMatchObject({
      code: "store.unavailable",
    });
  });

  it("writes the records of others when those of one vehicle bring it down", async () => {
    const path = temporaryFolder();
    const clock = standingClock({ wallUs: DAY_US });
    const poison = deliveriesOf(drive({ thing: "truck-0" }).drive(1), DAY_US);
    const decode = (payload: Uint8Array): DecodedRecord => {
      if (Buffer.from(payload).equals(poison[0].payload)) throw new TypeError("a bug");
      return storeReader.decode(payload);
    };
    const { sink, log } = await folderStore({ path, clock, reader: { decode } });
    const vehicle = drive();
    await sink.commit([...poison, ...deliveriesOf([...vehicle.table(), ...vehicle.drive(1)], DAY_US)]);
    clock.advance(700_000);
    await sink.rollNow();
    expect(rowFiles(path).every((name) => name.includes("thing=truck-1"))).toBe(true);
    expect(rowFiles(path)).not.toEqual([]);
    expect(log.of("roll.failed")).toMatchObject([{ facts: { thing: "truck-0", what: "a bug" } }]);
    expect(sink.status().oldestStagedUs).toBe(DAY_US);
    await sink.close();
  });

  it("leaves alone what somebody has changed, and goes on beside it", async () => {
    const path = temporaryFolder();
    const clock = standingClock({ wallUs: DAY_US });
    const { sink } = await folderStore({ path, clock, settings: { format: "csv", layout: "daily" } });
    const vehicle = drive({ startUs: DAY_US });
    await sink.commit(deliveriesOf([...vehicle.table(), ...vehicle.drive(1)], DAY_US));
    await rollAll(sink, clock);
    writeFileSync(join(path, "truck-1", "2026-11-29.csv"), "mine");
    await sink.commit(deliveriesOf(vehicle.drive(1), DAY_US));
    await rollAll(sink, clock);
    expect(readFileSync(join(path, "truck-1", "2026-11-29.csv"), "utf8")).toBe("mine");
    expect(rowFiles(path)).toContain("truck-1/2026-11-29.2.csv");
    await sink.close();
  });

  it("begins a file beside one that has the columns of the version before", async () => {
    const path = temporaryFolder();
    const clock = standingClock({ wallUs: DAY_US });
    const store = { path, clock, settings: { format: "csv", layout: "daily" } } as const;
    const { sink } = await folderStore(store);
    const vehicle = drive({ startUs: DAY_US });
    await sink.commit(deliveriesOf([...vehicle.table(), ...vehicle.drive(1)], DAY_US));
    await rollAll(sink, clock);
    await sink.close();
    const database = new Database(join(path, "state.db"));
    database.pragma("user_version = 2");
    database.close();
    const { sink: next } = await folderStore(store);
    await next.commit(deliveriesOf(vehicle.drive(1), DAY_US));
    await rollAll(next, clock);
    await next.close();
    expect(rowFiles(path)).toContain("truck-1/2026-11-29.2.csv");
  });

  it("takes nothing above its bound, and one worker alone makes files", async () => {
    const path = temporaryFolder();
    const clock = standingClock({ wallUs: DAY_US });
    const settings = { maxStagedBytes: 1_000_000 };
    const [{ sink: one }, { sink: other }] = [
      await folderStore({ path, clock, settings }),
      await folderStore({ path, clock, settings }),
    ];
    const big = { ...deliveriesOf(drive().drive(1), DAY_US)[0], payload: new Uint8Array(1_000_001) };
    await one.commit([big]);
    await expect(other.commit(deliveriesOf(drive({ epoch: 5 }).drive(1), DAY_US))).rejects.toMatchObject({
      code: "store.unavailable",
    });
    await rollAll(one, clock);
    expect(await other.rollNow()).toBe(false);
    await one.close();
    expect(await other.rollNow()).toBe(true);
    await other.close();
  });

  it("refuses settings that it does not know", () => {
    expect(folderSettings.safeParse({ kind: "folder", path: "x", layout: "weekly" }).success).toBe(false);
    expect(folderSettings.parse({ kind: "folder", path: "x" })).toMatchObject({ format: "parquet", layout: "hive" });
  });
});
