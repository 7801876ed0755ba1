import fc from "fast-check";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { describe, expect, it } from "vitest";
import { ParquetBody, type ParquetEnd } from "../../../../agent/consumer/parquet/parquet-body.ts";
import { isInt64 } from "../../../../agent/consumer/rows/column-names.ts";
import type { EventRow } from "../../../../agent/consumer/rows/event-row.ts";
import type { RecordFacts, SignalFacts } from "../../../../agent/consumer/rows/facts.ts";
import { SampleBatch } from "../../../../agent/consumer/rows/sample-batch.ts";

const SEED = 15_003;
const MAX_US = 4_102_444_800_000_000;

const word = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constantFrom("", "can0", "é😀", "NULL"));
/** UTF-8 has no lone surrogates; what a JSON form or a hostile name brings of them becomes U+FFFD. */
const text = word.map((one) => one.toWellFormed());
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const record: fc.Arbitrary<RecordFacts> = fc.record({
  thing: text,
  epoch: count,
  stream: fc.constantFrom("control", "event", "telemetry", "capture"),
  seq: count,
  bootId: text,
  monotonicUs: count,
  offsetUs: fc.integer({ min: -MAX_US, max: MAX_US }),
  timeQuality: fc.constantFrom("unsynchronised", "rtc", "ntp", "gps"),
  timeBasis: fc.constantFrom("clock", "corrected", "unknown"),
  shiftUs: fc.integer({ min: -MAX_US, max: MAX_US }),
  campaign: fc.option(text, { nil: undefined }),
  trigger: fc.option(count, { nil: undefined }),
});
const signal: fc.Arbitrary<SignalFacts> = fc.record({
  bus: text,
  message: text,
  signal: text,
  aggregate: fc.option(text, { nil: undefined }),
  windowUs: fc.option(count, { nil: undefined }),
  unit: text,
  vssPath: fc.option(text, { nil: undefined }),
});
const value = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 70n }),
  fc.bigInt({ min: -(2n ** 70n), max: -(2n ** 53n) - 1n }),
);
const sample = fc.record({
  timeUs: fc.integer({ min: -MAX_US, max: MAX_US }),
  value,
  text: fc.option(text, { nil: undefined }),
});
const address = fc.option(fc.nat(255), { nil: undefined });
const run = fc.record({
  facts: fc.record({ record, signal, source: address, destination: address }),
  samples: fc.array(sample, { minLength: 1, maxLength: 12 }),
});
type GivenRun = typeof run extends fc.Arbitrary<infer T> ? T : never;

function batchOf(runs: readonly GivenRun[]): SampleBatch {
  const batch = new SampleBatch();
  for (const { facts, samples } of runs) {
    const open = batch.open(facts);
    for (const one of samples) batch.add(open, one.timeUs, one.value, one.text);
  }
  return batch;
}

function expectedOf({ facts, samples }: GivenRun): object[] {
  const { record: of, signal: is, source, destination } = facts;
  return samples.map(({ timeUs, value: worth, text: called }) => ({
    thing: of.thing,
    epoch: BigInt(of.epoch),
    stream: of.stream,
    seq: BigInt(of.seq),
    time_us: timeUs,
    time_quality: of.timeQuality,
    time_basis: of.timeBasis,
    shift_us: BigInt(of.shiftUs),
    boot_id: of.bootId,
    monotonic_us: BigInt(of.monotonicUs),
    offset_us: BigInt(of.offsetUs),
    bus: is.bus,
    message: is.message,
    signal: is.signal,
    aggregate: is.aggregate,
    window_us: is.windowUs === undefined ? undefined : BigInt(is.windowUs),
    source,
    destination,
    campaign: of.campaign,
    trigger: of.trigger === undefined ? undefined : BigInt(of.trigger),
    value: Number(worth),
    value_int: typeof worth === "bigint" && isInt64(worth) ? worth : undefined,
    value_digits: typeof worth === "bigint" && !isInt64(worth) ? String(worth) : undefined,
    text: called,
    unit: is.unit,
    vss_path: is.vssPath,
  }));
}

/** Its own ones drop what a text and a time have that a Date and a line of a file do not. */
const PARSERS = {
  timestampFromMicroseconds: Number,
  stringFromBytes: (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString()),
};

/** Rows as an independent reader has them, none left out and nothing rounded; times as µs. */
async function read(file: Uint8Array): Promise<object[]> {
  const rows = await parquetReadObjects({ file: Uint8Array.from(file).buffer, compressors, parsers: PARSERS });
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, one]) => [name, one ?? undefined])));
}

const sorted = (rows: readonly object[]): string[] =>
  rows
    .map((row) =>
      JSON.stringify(Object.entries(row), (_, one: unknown) => {
        if (typeof one === "bigint") return `${one}n`;
        return typeof one === "number" && (!Number.isFinite(one) || Object.is(one, -0)) ? `${1 / one} ${one}` : one;
      }),
    )
    .toSorted();

describe("ParquetBody", () => {
  it("holds every sample of every batch exactly, however often the file is ended and gone on with", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(run, { maxLength: 6 }), { minLength: 1, maxLength: 4 }), async (groups) => {
        const pieces: Uint8Array[] = [];
        let end: ParquetEnd | undefined;
        for (const group of groups) {
          const body = new ParquetBody("samples", end);
          body.addSamples(batchOf(group));
          end = body.finish();
          pieces.push(body.take());
          const file = Buffer.concat(pieces);
          expect(end.bytes).toBe(file.length);
        }
        const rows = groups.flat().flatMap(expectedOf);
        expect(end?.rows).toBe(rows.length);
        expect(sorted(await read(Buffer.concat(pieces)))).toEqual(sorted(rows));
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  it("leaves the file before when what was put behind it is cut off", async () => {
    const facts = {
      record: fc.sample(record, { seed: SEED, numRuns: 1 })[0],
      signal: fc.sample(signal, { seed: SEED, numRuns: 1 })[0],
    };
    const of = {
      facts: { ...facts, source: 1, destination: undefined },
      samples: [{ timeUs: 5, value: 1, text: undefined }],
    };
    const first = new ParquetBody("samples");
    first.addSamples(batchOf([of]));
    const end = first.finish();
    const bytes = first.take();
    const second = new ParquetBody("samples", end);
    second.addSamples(batchOf([of, of]));
    second.finish();
    const whole = Buffer.concat([bytes, second.take()]);
    expect(await read(whole)).toHaveLength(3);
    expect(await read(whole.subarray(0, end.bytes))).toHaveLength(1);
  });

  it("holds events with their JSON as it is", async () => {
    const event = fc.record({ record, timeUs: fc.integer({ min: -MAX_US, max: MAX_US }), kind: text, body: text });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 20 }), async (events: readonly EventRow[]) => {
        const body = new ParquetBody("events");
        body.addEvents(events);
        body.finish();
        const found = await read(body.take());
        const expected = events.map((one) => ({
          thing: one.record.thing,
          time_us: one.timeUs,
          kind: one.kind,
          body: one.body,
        }));
        const some = found.map((row) =>
          Object.fromEntries(
            Object.entries(row).filter(([name]) => ["thing", "time_us", "kind", "body"].includes(name)),
          ),
        );
        expect(sorted(some)).toEqual(sorted(expected));
      }),
      { seed: SEED, numRuns: 100 },
    );
  });
});
