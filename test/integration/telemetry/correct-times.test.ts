import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { describe, expect, it } from "vitest";
import { ClockBook } from "../../../agent/telemetry/record/read/clock-book.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { ClockedVehicle } from "../../fakes/telemetry/clocked-vehicle.ts";

const PROTO = join(import.meta.dirname, "../../../config/proto");
const NEW_YEAR_US = 1_767_225_600_000_000;
const TEN_YEARS_US = 315_576_000_000_000;
const hasProtoc = spawnSync("protoc", ["--version"]).status === 0;

/** What the docs say to those who have the anchors of records in a table, and neither the consumer nor the CLI. */
const CORRECT_SQL = /```sql\n(WITH anchored[^`]*)```/.exec(readFileSync("docs/cloud.md", "utf8"))?.[1] ?? "";

function drive(vehicle: ClockedVehicle): void {
  for (let at = 0; at < 80; at += 1) {
    vehicle.pass(25);
    vehicle.frame(0);
  }
}

/** A boot at 1970 that is set right, ten years on and back after a sleep; and one that never is. */
function driven(): ClockedVehicle {
  const vehicle = new ClockedVehicle(NEW_YEAR_US);
  vehicle.boot({ wallUs: 0, quality: "unsynchronised" });
  drive(vehicle);
  vehicle.set(vehicle.trueUs, "ntp");
  drive(vehicle);
  vehicle.set(vehicle.trueUs + TEN_YEARS_US, "unsynchronised");
  drive(vehicle);
  vehicle.suspend(7_200_000);
  drive(vehicle);
  vehicle.boot({ wallUs: 50_000_000, quality: "unsynchronised" }, 60_000);
  drive(vehicle);
  return vehicle;
}

/** The anchor of a payload as a row of CSV, by protoc, which shares no code with us. */
function anchorRow(payload: Uint8Array): string {
  const source = ["-I", PROTO, join(PROTO, "telemetry.proto"), "--decode=causeway.v1.Record"];
  const { stdout, stderr } = spawnSync("protoc", source, { input: payload, encoding: "utf8" });
  expect(stderr).toBe("");
  const value = (field: string, absent: string): string =>
    new RegExp(`\\b${field}: "?([^"\\n]*)`).exec(stdout)?.[1] ?? absent;
  const anchor = [value("monotonic_us", "0"), value("suspended_us", "0"), value("wall_us", "0")];
  return [
    value("thing", ""),
    value("boot_id", ""),
    value("seq", ""),
    ...anchor,
    value("quality", "CLOCK_QUALITY_UNSYNCHRONISED"),
  ].join(",");
}

describe.skipIf(!hasProtoc)(`protoc and DuckDB${hasProtoc ? "" : " (protoc is not installed)"}`, () => {
  it("make the times of records right by their anchors alone, as we do", async () => {
    const vehicle = driven();
    const file = join(temporaryFolder(), "anchors.csv");
    const header = "thing,boot_id,seq,monotonic_us,suspended_us,wall_us,quality";
    writeFileSync(file, `${[header, ...vehicle.payloads().map(anchorRow)].join("\n")}\n`);
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    await connection.run(`CREATE TABLE anchors AS FROM read_csv('${file}', types = {'boot_id': 'VARCHAR'})`);
    const rows = (await connection.runAndReadAll(CORRECT_SQL)).getRowsJS();
    instance.closeSync();
    const records = vehicle.records();
    const book = new ClockBook();
    for (const record of records) book.learn(record);
    const ours = records.map((record) => {
      const { shiftUs, basis } = book.correctionOf(record);
      return [record.seq, shiftUs, basis];
    });
    expect(rows.map(([seq, shiftUs, basis]) => [Number(seq), Number(shiftUs), basis])).toEqual(ours);
    expect(new Set(ours.map(([, , basis]) => basis))).toEqual(new Set(["corrected", "clock", "unknown"]));
  });
});
