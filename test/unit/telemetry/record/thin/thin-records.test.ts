import { zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ThinnableRecord } from "../../../../../agent/ports/outbox.ts";
import { ProtobufWriter } from "../../../../../agent/telemetry/record/encode/protobuf-writer.ts";
import type { DecodedRecord } from "../../../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { recordThinner } from "../../../../../agent/telemetry/record/thin/thin-records.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { encoderOf, idOf, type LoggedSample, logOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;
const MAX_BYTES = 120_000;
const reader = createRecordReader(readDescriptor());
const thin = recordThinner(MAX_BYTES);

const table = tableOf([
  {
    name: "A",
    signals: [
      { name: "U8", bits: 8 },
      { name: "S53", bits: 53, signed: true },
      { name: "S64", bits: 64, signed: true },
      { name: "U64", bits: 64 },
      { name: "F", kind: "float", bits: 32 },
      { name: "D", kind: "double", bits: 64 },
    ],
  },
]);

/** Of the records in form 1. */
const oldTable = tableOf([{ name: "A", signals: [{ name: "U8", bits: 8 }] }]);

/** Records of the given samples, a record for each list. */
function recordsOf(
  lists: readonly (readonly LoggedSample[])[],
  settings: Parameters<typeof encoderOf>[1] = {},
): ThinnableRecord[] {
  const encoder = encoderOf(table, settings);
  return lists.map((samples, at) => {
    const [draft] = encoder.samples(logOf(table, samples), [{ bus: "can0", received: at, dropped: 0, errorFrames: 0 }]);
    return { seq: at + 1, payload: draft.seal(idOf(at + 1)) };
  });
}

/** Samples of signal 0, `count` from `from` on, 10 ms apart. */
function run(from: number, count: number): LoggedSample[] {
  return Array.from({ length: count }, (_, at) => {
    return { signal: 0, timeUs: T0 + (from + at) * 10_000, raw: (from + at) % 256 };
  });
}

/** Two records of 25 samples of signal 0 each, as an agent wrote them in form 1 of samples: at T0 + n * 10 ms the value n * 5 % 256. */
const FORM_1 = [
  "KLUv/SDonQQAZAgKB3RydWNrLTEQ9svTnqy2KBoJdGVsZW1ldHJ5IAEqIDAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZmMhAI9LDiBBCAiZHiiNKjBhgCUpMBChAwMTIzNDU2Nzg5YWJjZGVmEICAggEiSwpJAKCcASobGhkACjIKCgRjYW4wEBkYAAMAuLqIDt06MGUG",
  "KLUv/SDppQQAdAgKB3RydWNrLTEQ9svTnqy2KBoJdGVsZW1ldHJ5IAIqIDAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZmMhAI9LDiBBCAiZHiiNKjBhgCUpQBChAwMTIzNDU2Nzg5YWJjZGVmEKDCoAEiSwpJAKCcASocGhr6AQoyCgoEY2FuMBAyGAADALjaiA7dOjBlBg==",
];

type Columns = Record<number, readonly (readonly [number, number | bigint])[]>;

/** The samples of records, signal by signal, in their order. */
function columnsOf(records: readonly DecodedRecord[]): Columns {
  const columns: Record<number, (readonly [number, number | bigint])[]> = {};
  for (const { body } of records) {
    if (body.kind !== "samples") throw new Error("not samples");
    for (const { signal, timesUs, raws } of body.columns) {
      columns[signal] ??= [];
      columns[signal].push(...timesUs.map((timeUs, at) => [timeUs, raws[at]] as const));
    }
  }
  return columns;
}

/** The obvious way to thin: every `ratio`-th of each list. */
function thinned(columns: Columns, ratio: number): Columns {
  return Object.fromEntries(
    Object.entries(columns).map(([signal, samples]) => [signal, samples.filter((_, at) => at % ratio === 0)]),
  );
}

describe("recordThinner", () => {
  it("keeps of every column each N-th sample over all records, with its exact time and bits", () => {
    const rawOf = [
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.float({ noDefaultInfinity: false }),
      fc.double(),
    ];
    const timeUs = fc.integer({ min: 0, max: 50_000_000 }).map((us) => T0 + us);
    const sample = fc
      .integer({ min: 0, max: 5 })
      .chain((signal) => fc.record({ signal: fc.constant(signal), timeUs, raw: rawOf[signal] }));
    const lists = fc.array(fc.array(sample, { minLength: 1, maxLength: 80, size: "max" }), {
      minLength: 1,
      maxLength: 9,
    });
    const compression = fc.constantFrom("none" as const, "gzip" as const, "zstd" as const);
    fc.assert(
      fc.property(lists, fc.integer({ min: 2, max: 12 }), compression, (samples, ratio, packed) => {
        const records = recordsOf(samples, { compression: packed });
        const { taken, unfit, payload } = thin(records, ratio, idOf(77));
        expect({ taken, unfit }).toEqual({ taken: records.map((_, at) => at), unfit: [] });
        const found = reader.decode(payload);
        const originals = records.map((record) => reader.decode(record.payload));
        expect(columnsOf([found])).toEqual(thinned(columnsOf(originals), ratio));
        expect(found.thinned).toEqual({ ratio, seqs: records.map(({ seq }) => seq) });
      }),
      { seed: 20_271, numRuns: 300 },
    );
  });

  it("keeps the header of the first record, with the new id, and the counters of the last", () => {
    const records = recordsOf([run(0, 20), run(20, 20), run(40, 5)], { compression: "zstd" });
    const { payload } = thin(records, 10, idOf(900));
    const found = reader.decode(payload);
    const { thing, bootId, anchor } = reader.decode(records[0].payload);
    expect(found).toMatchObject({ ...idOf(900), thing, bootId, anchor });
    expect(found.body).toMatchObject({ table: table.id, timeUnitUs: 1, buses: [{ bus: "can0", received: 2 }] });
    expect(zstdDecompressSync(payload).length).toBeGreaterThan(0);
  });

  it("lets signals that were received together share their times again", () => {
    const both = (from: number): LoggedSample[] =>
      run(from, 30).flatMap((sample) => [sample, { ...sample, signal: 1, opens: false }]);
    const one = thin(recordsOf([run(0, 30), run(30, 30)]), 2, idOf(9)).payload.length;
    const two = thin(recordsOf([both(0), both(30)]), 2, idOf(9)).payload.length;
    expect(two - one).toBeLessThan(one / 2);
  });

  it("puts together only records of one table, boot and resolution, and leaves the others for later", () => {
    const records = [
      ...recordsOf([run(0, 20)]),
      ...recordsOf([run(20, 20)], { timeResolutionUs: 1000 }),
      ...recordsOf([run(40, 20)]),
    ].map(({ payload }, at) => ({ seq: at + 5, payload }));
    const { taken, unfit, payload } = thin(records, 10, idOf(9));
    expect({ taken, unfit }).toEqual({ taken: [0, 2], unfit: [] });
    expect(reader.decode(payload).thinned?.seqs).toEqual([5, 7]);
  });

  it("never makes a payload longer than the bound: it takes fewer records then", () => {
    const records = recordsOf(Array.from({ length: 16 }, (_, at) => run(at * 100, 100)));
    const { taken, payload } = recordThinner(700)(records, 2, idOf(9));
    expect(payload.length).toBeLessThanOrEqual(700);
    expect(taken.length).toBeGreaterThan(0);
    expect(taken.length).toBeLessThan(16);
    expect(recordThinner(100)(records, 2, idOf(9))).toMatchObject({ taken: [], unfit: [0] });
  });

  it("leaves records of other kinds, thinned ones, and those with a field that it does not know", () => {
    const [good] = recordsOf([run(0, 20)]);
    const loss = encoderOf(table).loss({
      epoch: 1,
      stream: "telemetry",
      first: 1,
      last: 2,
      reason: "evicted",
      detail: "",
    });
    const writer = new ProtobufWriter();
    writer.append(good.payload);
    writer.uintField(99, 1);
    const before = thin([good], 2, idOf(8)).payload;
    const payloads = [loss.seal(idOf(1)), before, writer.finish(), new Uint8Array(0), good.payload];
    expect(
      thin(
        payloads.map((payload, seq) => ({ seq, payload })),
        2,
        idOf(9),
      ),
    ).toMatchObject({
      taken: [4],
      unfit: [0, 1, 2, 3],
    });
  });

  it.each([
    { name: "in form 1", count: 2 },
    { name: "in both forms", count: 1 },
  ])("puts together records $name", ({ count }) => {
    const old = FORM_1.slice(0, count).map((text) => Buffer.from(text, "base64"));
    const [draft] = encoderOf(oldTable, { compression: "zstd" }).samples(
      logOf(
        oldTable,
        Array.from({ length: 50 - 25 * count }, (_, at) => {
          const n = 25 * count + at;
          return { signal: 0, timeUs: T0 + n * 10_000, raw: (n * 5) % 256 };
        }),
      ),
      [],
    );
    const payloads = count === 2 ? old : [...old, draft.seal(idOf(2))];
    const records = payloads.map((payload, at) => ({ seq: at + 1, payload }));
    const { taken, unfit, payload } = thin(records, 10, idOf(3));
    expect({ taken, unfit }).toEqual({ taken: [0, 1], unfit: [] });
    const kept = [0, 10, 20, 30, 40].map((n) => [T0 + n * 10_000, (n * 5) % 256]);
    expect(columnsOf([reader.decode(payload)])).toEqual({ 0: kept });
  });

  it("finds damaged records unfit, or reads what a reader reads, and never throws", () => {
    const [one, two] = recordsOf([run(0, 60), run(60, 60)]);
    fc.assert(
      fc.property(fc.nat(one.payload.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(400), (at, flip, cut) => {
        const payload = one.payload.slice(0, one.payload.length - (cut < 40 ? cut : 0));
        if (at < payload.length) payload[at] ^= flip;
        const { taken, unfit } = thin([{ seq: 1, payload }, two], 3, idOf(9));
        expect(taken.length + unfit.length).toBeGreaterThan(0);
        if (unfit.includes(0)) expect(taken).toEqual([1]);
      }),
      { seed: 20_272, numRuns: 3000 },
    );
  });
});
