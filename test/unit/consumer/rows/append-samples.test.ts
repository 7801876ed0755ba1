import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type LastValues, takeLast } from "../../../../agent/consumer/dynamodb/last-values.ts";
import { samplesContent } from "../../../../agent/consumer/dynamodb/samples-content.ts";
import { ParquetBody } from "../../../../agent/consumer/parquet/parquet-body.ts";
import { allTimes, SampleAppender } from "../../../../agent/consumer/rows/append-samples.ts";
import { SAMPLE_COLUMNS } from "../../../../agent/consumer/rows/column-names.ts";
import { CSV, NDJSON, sampleLines } from "../../../../agent/consumer/rows/row-text.ts";
import { SampleBatch } from "../../../../agent/consumer/rows/sample-batch.ts";
import { withPart } from "../../../../agent/consumer/store/record-table.ts";
import type { DecodedRecord } from "../../../../agent/telemetry/record/read/decoded-record.ts";
import { SignalTables, samplesOf } from "../../../../agent/telemetry/record/read/samples.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { bodyOf, decodeAll } from "../../../fakes/telemetry/records.ts";
import { encoderOf, logOf } from "../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const SEED = 15_002;
const T0 = 1_767_225_600_000_000;
const DAY_US = 86_400_000_000;

const vss = [{ path: "Vehicle.Speed", unit: "km/h", value: { kind: "linear", factor: 1, offset: 0 } as const }];
const table = tableOf([
  {
    name: "obd.engine",
    signals: [
      { name: "Speed", factor: 0.5, offset: -10, unit: "rpm", vss },
      { name: "State", bits: 8, texts: { raws: [0, 3], texts: ["off", 'say "on", now'] } },
    ],
  },
  {
    name: "Odo",
    bus: "can1",
    signals: [
      { name: "Total", bits: 64 },
      { name: "Signed", bits: 64, signed: true, factor: 3, offset: 1 },
      { name: "Ratio", kind: "double", bits: 64 },
      {
        name: "Torque",
        bits: 8,
        texts: { raws: [254], texts: ["broken"] },
        states: [
          { state: "error", first: 254, last: 254 },
          { state: "not available", first: 255, last: 255 },
        ],
      },
    ],
  },
]);
/** Ten days after its boot: no sample is older. */
const clock = new ManualClock({ wallUs: T0 + 2 * DAY_US, monotonicMs: 864_000_000 });
const encoder = encoderOf(table);
const oldEncoder = encoderOf(table, {}, undefined, clock);
const [tableRecord] = decodeAll(encoder.table());
const { signals } = withPart(undefined, bodyOf(tableRecord, "table"));

const raws = [
  fc.nat(65_535),
  fc.constantFrom(0, 1, 3),
  fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat().map(BigInt)),
  fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.nat().map(BigInt)),
  fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)),
] as const;
const sample = fc.nat(4).chain((signal) =>
  fc.record({
    signal: fc.constant(signal),
    raw: fc.oneof(raws[signal]),
    timeUs: fc.integer({ min: T0 - DAY_US, max: T0 + DAY_US }),
  }),
);
const samples = fc.array(sample, { minLength: 1, maxLength: 40 });

/** What a sample is worth, slowly: exact where it is an integer, as text that no format rounds. */
function physical(signal: number, raw: number | bigint): string {
  if (signal === 0) return String(Number(raw) * 0.5 - 10);
  if (signal === 3) return String(BigInt(raw) * 3n + 1n);
  return signal === 4 ? String(raw) : String(BigInt(raw));
}

function recordsOf(given: readonly { signal: number; raw: number | bigint; timeUs: number }[]): DecodedRecord[] {
  return decodeAll(oldEncoder.samples(logOf(table, given), []));
}

type Line = Readonly<Record<string, string>>;

/** The value of a line, whichever column has it exactly. */
function exactValue(line: Line): string {
  const value = line.value_digits ?? line.value_int ?? line.value;
  return Number(value) === 0 ? "0" : value;
}

/** Reads a line without rounding: numbers as their digits. */
function parseLine(line: string): Line {
  return z.record(z.string(), z.string()).parse(JSON.parse(line.replaceAll(/:(-?[0-9.e+-]+)(?=[,}])/g, ':"$1"')));
}

describe("SampleAppender", () => {
  it("gives each sample once, exactly, with its time shifted, in the batch of its day", () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: -DAY_US, max: DAY_US }), (given, shiftUs) => {
        const days = new Map<number, SampleBatch>();
        const appender = new SampleAppender((timeUs) => {
          const day = Math.floor(timeUs / DAY_US);
          const batch = days.get(day) ?? new SampleBatch();
          days.set(day, batch);
          return { batch, fromUs: day * DAY_US, toUs: (day + 1) * DAY_US };
        });
        for (const record of recordsOf(given))
          expect(appender.append(record, signals, { shiftUs, quality: "gps", basis: "corrected" })).toBe(true);
        const found: string[] = [];
        for (const [day, batch] of days) {
          for (const run of batch.bySignal()) {
            for (const text of sampleLines(NDJSON, batch, run)) {
              const line = parseLine(text);
              expect(Math.floor(Number(line.time_us) / DAY_US)).toBe(day);
              expect(line).toMatchObject({ thing: "truck-1", time_quality: "gps", shift_us: String(shiftUs) });
              found.push(`${line.signal} ${line.time_us} ${exactValue(line)} ${line.text}`);
            }
          }
        }
        const expected = given.map(({ signal, raw, timeUs }) => {
          const value = { Infinity: "inf", "-Infinity": "-inf" }[physical(signal, raw)] ?? physical(signal, raw);
          const text = signal === 1 ? { 0: "off", 3: 'say "on", now' }[Number(raw)] : undefined;
          return `${table.signals[signal].name} ${timeUs + shiftUs} ${value} ${text}`;
        });
        expect(found.toSorted()).toEqual(expected.toSorted());
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("adds nothing of a record with a signal that the table does not have", () => {
    const [record] = recordsOf([
      { signal: 0, raw: 1, timeUs: T0 },
      { signal: 4, raw: 1, timeUs: T0 },
    ]);
    const batch = new SampleBatch();
    const span = allTimes(batch);
    const appender = new SampleAppender(() => span);
    const part = new Map([...signals].filter(([index]) => index < 4));
    expect(appender.append(record, part, { shiftUs: 0, quality: "ntp", basis: "clock" })).toBe(false);
    expect(appender.append(record, undefined, { shiftUs: 0, quality: "ntp", basis: "clock" })).toBe(false);
    expect(batch.rows).toBe(0);
  });

  it("leaves times alone that are by another clock than that of the anchor, and says so", () => {
    const [record] = recordsOf([{ signal: 0, raw: 1, timeUs: T0 - 365 * DAY_US }]);
    const batch = new SampleBatch();
    const shift = { shiftUs: DAY_US, quality: "gps", basis: "corrected" } as const;
    new SampleAppender(() => allTimes(batch)).append(record, signals, shift);
    expect(batch.runs[0].record).toMatchObject({ shiftUs: 0, timeQuality: "ntp", timeBasis: "unknown" });
    expect([...batch.timesUs]).toEqual([T0 - 365 * DAY_US]);
  });

  it("leaves out a shift of centuries", () => {
    const [record] = recordsOf([{ signal: 0, raw: 1, timeUs: T0 }]);
    const batch = new SampleBatch();
    new SampleAppender(() => allTimes(batch)).append(record, signals, {
      shiftUs: 2 ** 53,
      quality: "gps",
      basis: "clock",
    });
    expect(batch.runs[0].record).toMatchObject({ shiftUs: 0, timeQuality: "ntp" });
    expect([...batch.timesUs]).toEqual([T0]);
  });

  it.each(["rows", "json", "columns"] as const)("gives no value where the signal says a state: %s", async (form) => {
    const lane = encoder.lane({ schema: table, campaign: undefined, stream: "event", form });
    const raws = [7, 255, 254, 0];
    const log = logOf(
      table,
      raws.map((raw, at) => ({ signal: 5, timeUs: T0 + at, raw })),
    );
    const [record] = decodeAll(lane.encode(log, []));
    const tables = new SignalTables();
    tables.add(bodyOf(tableRecord, "table"));
    const samples = [...samplesOf(record, tables)];
    expect(samples.map(({ physical, text }) => [physical, text])).toEqual([
      [7, undefined],
      [undefined, "not available"],
      [undefined, "broken"],
      [0, undefined],
    ]);
    const batch = new SampleBatch();
    new SampleAppender(() => allTimes(batch)).append(record, signals, { shiftUs: 0, quality: "ntp", basis: "clock" });
    const [run] = batch.runs;
    const parsed = [...sampleLines(NDJSON, batch, run)].map(parseLine);
    expect(parsed.map(({ value, text }) => [value, text])).toEqual([
      ["7", undefined],
      [undefined, "not available"],
      [undefined, "broken"],
      ["0", undefined],
    ]);
    const csv = [...sampleLines(CSV, batch, run)].map((line) => line.split(",").slice(-6, -2));
    expect(csv).toEqual([
      ["7", "", "", ""],
      ["", "", "", "not available"],
      ["", "", "", "broken"],
      ["0", "", "", ""],
    ]);
    const body = new ParquetBody("samples");
    body.addSamples(batch);
    body.finish();
    const file = Uint8Array.from(body.take()).buffer;
    const rows = await parquetReadObjects({ file, compressors, columns: ["value"] });
    expect(rows.map(({ value }: Record<string, unknown>) => value ?? undefined)).toEqual([7, undefined, undefined, 0]);
    const content = gunzipSync(samplesContent(batch, 0, undefined)).toString();
    expect(content).toContain('"values":[7,"not available","broken",0]');
    const last = new Map<string, LastValues>();
    takeLast(last, batch, T0);
    expect(last.get("can1")?.get("Odo.Torque")).toMatchObject({ value: 0, text: undefined });
  });

  it.each(["rows", "json", "columns"] as const)("gives the same rows for samples that came as %s", (form) => {
    const campaign = { id: "slow", version: 2, digest: "0123456789abcdef" };
    const lane = encoder.lane({ schema: table, campaign, stream: "event", form });
    const log = logOf(table, [
      { signal: 0, timeUs: T0 + 5, raw: 21 },
      { signal: 1, timeUs: T0 + 5, raw: 3 },
      { signal: 2, timeUs: T0 + 6, raw: 2n ** 64n - 1n },
      { signal: 3, timeUs: T0 + 7, raw: 2n ** 53n },
    ]);
    const [record] = decodeAll(lane.encode(log, [], 3));
    const batch = new SampleBatch();
    new SampleAppender(() => allTimes(batch)).append(record, signals, { shiftUs: 0, quality: "ntp", basis: "clock" });
    const lines = batch.bySignal().flatMap((run) => [...sampleLines(CSV, batch, run)]);
    const of = `truck-1,${record.epoch},event,1`;
    const anchor = `ntp,clock,0,${record.bootId},5000250,1767225595123206`;
    expect(CSV.header(SAMPLE_COLUMNS)).toMatch(/^thing,epoch,stream,seq,time_us,/);
    expect(lines).toEqual([
      `${of},${T0 + 5},${anchor},can0,obd.engine,Speed,,,,,slow,3,0.5,,,,rpm,Vehicle.Speed\n`,
      `${of},${T0 + 5},${anchor},can0,obd.engine,State,,,,,slow,3,3,,,"say ""on"", now",,\n`,
      `${of},${T0 + 7},${anchor},can1,Odo,Signed,,,,,slow,3,27021597764222976,27021597764222977,,,,\n`,
      `${of},${T0 + 6},${anchor},can1,Odo,Total,,,,,slow,3,18446744073709552000,,18446744073709551615,,,\n`,
    ]);
  });
});
