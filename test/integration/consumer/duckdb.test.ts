import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alignColumns } from "../../../agent/cli/text.ts";
import { KnownTables } from "../../../agent/consumer/input/known-tables.ts";
import type { Delivery } from "../../../agent/consumer/store/delivery.ts";
import type { CodeChange } from "../../../agent/telemetry/record/encode/trouble-code.ts";
import type { TunnelEvent } from "../../../agent/telemetry/record/encode/tunnel-event.ts";
import type { UploadedFile } from "../../../agent/telemetry/record/encode/uploaded-file.ts";
import { samplesOf } from "../../../agent/telemetry/record/read/samples.ts";
import { cellText } from "../../fakes/consumer/duckdb.ts";
import { folderStore, standingClock, storeReader } from "../../fakes/consumer/folder-store.ts";
import { BenchDrive } from "../../fakes/consumer/vehicle-records.ts";
import { BARE, MISFIRE } from "../../fakes/telemetry/trouble-codes.ts";

const SEED = 15;
const QUERIES = "docs/queries";
/** 2026-11-28T23:58:40Z: a drive of three minutes goes on past midnight. */
const START_US = Date.UTC(2026, 10, 28, 23, 58, 40) * 1000;
const SIGNALS = ["VehicleSpeed.Speed", "EngineSpeed.EngineRpm"];
const BOOT = "0123456789abcdef0123456789abcdef";

const folder = mkdtempSync(join(tmpdir(), "causeway-duckdb-"));
let instance: DuckDBInstance | undefined;

function deliveriesOf(payloads: readonly Uint8Array[], receivedUs: number): Delivery[] {
  return payloads.map((payload) => {
    return { record: storeReader.decode(payload), payload, wireBytes: payload.length, receivedUs, table: undefined };
  });
}

/** truck-0001 loses three records and tells, and loses one more in silence. */
function withLosses(): readonly Uint8Array[] {
  const truck = new BenchDrive({ thing: "truck-0001", seed: SEED, startUs: START_US, batchMs: 1000, signals: SIGNALS });
  const payloads = [...truck.table(), ...truck.drive(60)];
  const lost = [1, 2, 3].map(() => truck.skip("telemetry"));
  const epoch = 0xa1b2_c3d4_e5f6;
  const loss = { epoch, stream: "telemetry", first: lost[0], last: lost[2], reason: "evicted", detail: "" } as const;
  payloads.push(truck.seal(truck.encoder.loss(loss)), ...truck.drive(40));
  truck.skip("telemetry");
  return [
    ...payloads,
    ...truck.drive(80),
    ...codesOf(truck),
    ...eventsOf(truck),
    ...filesOf(truck),
    ...tunnelsOf(truck),
    ...tunnelsOf(truck),
    ...healthOf(truck),
  ];
}

/** Signatures that somebody tried for ten minutes, and one takeover of the session. */
function eventsOf(truck: BenchDrive): readonly Uint8Array[] {
  const at = (seconds: number): number => START_US + seconds * 1_000_000;
  const tried = {
    event: "signature-failed",
    reason: "SIGNATURE_INVALID",
    source: "aws",
    detail: "",
    untold: 0,
  } as const;
  const takeover = { event: "session-takeover", reason: "disconnect", source: "", detail: "taken over" } as const;
  return [
    { ...tried, count: 1, firstUs: at(60), timeUs: at(60) },
    { ...tried, count: 41, firstUs: at(61), timeUs: at(359) },
    { ...takeover, count: 1, firstUs: at(400), timeUs: at(400), untold: 0 },
    { ...tried, count: 13, firstUs: at(361), timeUs: at(500.5), untold: 2 },
  ].map((event) => truck.seal(truck.encoder.securityEvent(event)));
}

/** A tunnel with one connection, one that has no end yet, and a refusal. */
function tunnelsOf(truck: BenchDrive): readonly Uint8Array[] {
  const at = (seconds: number): number => START_US + seconds * 1_000_000;
  const moved = { connection: 0, bytesIn: 0, bytesOut: 0, lastedMs: 0, reason: "", detail: "", untold: 0 };
  const shared = { ...moved, counts: undefined, services: ["SSH"], region: "eu-central-1" };
  const first = { ...shared, tunnel: "0f0f0f0f0f0f0f0f", number: 1, origin: "command" };
  const bytes = { bytesIn: 2048, bytesOut: 9_000_000_000 };
  const counts = { connections: 1, connects: 2, refused: 0, ignored: 0, untold: 0 };
  const over = { ...bytes, lastedMs: 61_500, reason: "closed", detail: "at the vehicle", counts };
  const second = { ...shared, tunnel: "a1a1a1a1a1a1a1a1", number: 2, origin: "notification", services: ["SSH", "VNC"] };
  const events: readonly TunnelEvent[] = [
    { ...first, event: "opened", timeUs: at(60) },
    { ...first, event: "connection-opened", connection: 1, timeUs: at(61) },
    { ...first, event: "connection-ended", connection: 1, ...bytes, lastedMs: 60_000, timeUs: at(121) },
    { ...first, event: "ended", ...over, timeUs: at(121.5) },
    { ...second, event: "refused", number: 0, reason: "busy", detail: "1 are open", timeUs: at(90) },
    { ...second, event: "opened", timeUs: at(200) },
  ];
  return events.map((event) => truck.seal(truck.encoder.tunnelEvent(event)));
}

/** A capture and a bundle that the object store has, of which one is told twice. */
function filesOf(truck: BenchDrive): readonly Uint8Array[] {
  const location = "https://fleet.s3.eu-central-1.amazonaws.com/truck-0001/";
  const shared = { etag: "", isChecked: true, reason: "" };
  const capture = { ...shared, upload: "u-1", kind: "capture", name: "00012-0003.log", sizeBytes: 49_999_872 };
  const bundle = { ...shared, upload: "u-2", kind: "bundle", name: "support.json.gz", sizeBytes: 20_480 };
  const files: readonly UploadedFile[] = [
    { ...capture, sha256: "0f".repeat(32), location: `${location}c`, timeUs: START_US + 10_000_000 },
    { ...capture, sha256: "0f".repeat(32), location: `${location}c`, timeUs: START_US + 30_000_000 },
    { ...bundle, sha256: "a1".repeat(32), location: `${location}b`, timeUs: START_US + 20_000_000 },
  ];
  return files.map((file) => truck.seal(truck.encoder.uploadedFile(file)));
}

/** Reports of two processes: before and after midnight, and after a restart. */
function healthOf(truck: BenchDrive): readonly Uint8Array[] {
  const at = (seconds: number): number => START_US + seconds * 1_000_000;
  const sent = (stream: string, value: number, delta: number) => {
    return { name: "causeway_records_sent_bytes", labels: { stream }, value, delta };
  };
  const lost = { name: "causeway_records_lost", labels: { stream: "telemetry", cause: "evicted" }, value: 4, delta: 4 };
  const age = (value: number) => {
    const name = "causeway_outbox_oldest_record_age_seconds";
    return { name, labels: { stream: "telemetry" }, value, delta: undefined };
  };
  const first = { startUs: at(-3600), periodMs: 60_000 };
  return [
    { ...first, number: 1, samples: [sent("telemetry", 1000, 1000), sent("event", 70, 70), age(5)], timeUs: at(60) },
    { ...first, number: 2, samples: [sent("telemetry", 1500, 500), lost, age(3600.5)], timeUs: at(120) },
    { startUs: at(130), number: 1, periodMs: 60_000, samples: [sent("telemetry", 20, 20), age(0)], timeUs: at(190) },
  ].flatMap((report) => truck.encoder.health(report).map((draft) => truck.seal(draft)));
}

/** A misfire that has come back, a code that has healed, and two of a gearbox that were cleared, of which one is there again. */
function codesOf(truck: BenchDrive): readonly Uint8Array[] {
  const sinceUs = START_US + 60_000_000;
  const gearbox = { ...BARE, ecu: "gearbox", sinceUs, isActive: true, isPending: true };
  const slip = { ...gearbox, code: "P0730" };
  const codes = ["P0730", "P0741"];
  const changes: readonly CodeChange[] = [
    { event: "appeared", timeUs: sinceUs, code: { ...MISFIRE, sinceUs, odometerKm: 1200.5 } },
    { event: "appeared", timeUs: sinceUs, code: { ...BARE, isActive: true, isConfirmed: true } },
    { event: "appeared", timeUs: sinceUs, code: slip },
    { event: "appeared", timeUs: sinceUs, code: { ...gearbox, code: "P0741" } },
    { event: "healed", timeUs: sinceUs, code: BARE },
    { event: "cleared", timeUs: sinceUs, code: { ...gearbox, code: "" }, cleared: { codes, dropped: 0 } },
    { event: "returned", timeUs: sinceUs, code: { ...slip, sinceUs: sinceUs + 5_000_000, occurrences: 2 } },
  ];
  return changes.map((change, at) =>
    truck.seal(truck.encoder.troubleCode({ ...change, number: at + 1, isRepeated: false })),
  );
}

/** Speeds of truck-0001 as the record reader has them. */
const speeds: { readonly timeUs: number; readonly value: number }[] = [];

function noteSpeeds(deliveries: readonly Delivery[]): void {
  const tables = new KnownTables();
  for (const { record } of deliveries) {
    tables.learn(record);
    const find = (_: string, index: number) => tables.tableOf(record)?.signals.get(index);
    for (const { signal, physical, timeUs } of samplesOf(record, { find })) {
      if ("name" in signal && signal.name === "Speed") speeds.push({ timeUs, value: Number(physical) });
    }
  }
}

beforeAll(async () => {
  const clock = standingClock({ wallUs: START_US });
  const settings = { rollSeconds: 60, clockWaitSeconds: 0 };
  const { sink } = await folderStore({ path: folder, clock, settings });
  const deliveries = deliveriesOf(withLosses(), START_US);
  noteSpeeds(deliveries);
  await sink.commit(deliveries);
  // The clock of truck-0002 is set a minute after its boot, when the first records are in a file already.
  const unset = { thing: "truck-0002", seed: SEED + 1, batchMs: 1000, bootId: BOOT, signals: SIGNALS };
  const early = new BenchDrive({ ...unset, startUs: 0, startMonotonicMs: 0, quality: "unsynchronised" });
  await sink.commit(deliveriesOf([...early.table(), ...early.drive(60)], START_US));
  clock.advance(120_000);
  await sink.rollNow();
  const set = new BenchDrive({ ...unset, startUs: START_US, startMonotonicMs: 60_000, quality: "gps", epoch: 2 });
  await sink.commit(deliveriesOf(set.drive(60), START_US + 120_000_000));
  clock.advance(120_000);
  await sink.rollNow();
  await sink.close();
  instance = await DuckDBInstance.create(":memory:");
});

afterAll(() => {
  instance?.closeSync();
  rmSync(folder, { recursive: true });
});

/** What a query finds, as DuckDB's own shell would show it but for the frame. */
async function outputOf(sql: string): Promise<string> {
  const connection = await instance?.connect();
  if (connection === undefined) throw new Error("DuckDB was not opened");
  await connection.run(`SET file_search_path = '${folder}'; SET TimeZone = 'UTC'`);
  await connection.run(readFileSync(join(QUERIES, "views.sql"), "utf8"));
  const found = await connection.runAndReadAll(sql);
  const rows = found.getRowsJson().map((row) => row.map((cell) => cellText(cell).replace(/\.0$/, "")));
  connection.closeSync();
  return alignColumns([found.columnNames(), ...rows]).join("\n");
}

/** The query of a file, and the output that its last lines say it has. */
function queryIn(name: string): { readonly sql: string; readonly output: string } {
  const [sql, output = ""] = readFileSync(join(QUERIES, name), "utf8").split("\n-- Output:\n");
  return { sql, output: output.replaceAll(/^-- ?/gm, "").trimEnd() };
}

describe("the queries of the documentation", () => {
  it.each([
    "time-above-90.sql",
    "losses-and-gaps.sql",
    "minute-means.sql",
    "active-codes.sql",
    "security-events.sql",
    "uploaded-files.sql",
    "tunnels.sql",
    "health.sql",
  ])("%s finds what it says", async (name) => {
    const { sql, output } = queryIn(name);
    expect(await outputOf(sql)).toBe(output);
  });

  it("agree with sums that are made sample by sample", async () => {
    const { sql } = queryIn("time-above-90.sql");
    const rows = (await outputOf(sql)).split("\n").map((line) => line.split(/\s+/));
    const above = rows.filter(([thing]) => thing === "truck-0001").map(([, day, seconds]) => [day, seconds]);
    const sums = new Map<string, number>();
    speeds.forEach(({ timeUs, value }, at) => {
      const day = new Date(timeUs / 1000).toISOString().slice(0, 10);
      const heldUs = Math.min(10_000_000, (speeds[at + 1]?.timeUs ?? timeUs) - timeUs);
      sums.set(day, (sums.get(day) ?? 0) + (value > 90 ? heldUs : 0));
    });
    expect(above).toEqual([...sums].map(([day, us]) => [day, (us / 1_000_000).toFixed(1)]));
  });
});
