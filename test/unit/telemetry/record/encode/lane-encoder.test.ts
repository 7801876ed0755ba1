import { createHash } from "node:crypto";
import fc from "fast-check";
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";
import { describe, expect, it } from "vitest";
import type { SignalEntry } from "../../../../../agent/signals/signal-entry.ts";
import { tableId } from "../../../../../agent/signals/table-id.ts";
import { valueTexts } from "../../../../../agent/signals/value-texts.ts";
import type { OutputSchema } from "../../../../../agent/telemetry/collect/lane.ts";
import type { LaneSettings } from "../../../../../agent/telemetry/record/encode/lane-encoder.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { bodyOf, decodeAll } from "../../../../fakes/telemetry/records.ts";
import { encoderOf, idOf, type LoggedSample, logOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;
const SEED = 20_263;
const campaign = { id: "hard-braking", version: 3, digest: "0123456789abcdef" };
const buses = [{ bus: "can0", received: 3, dropped: 0, errorFrames: 1 }];

const table = tableOf([
  { name: "Engine", signals: [{ name: "Speed" }, { name: "Load" }, { name: "Temp", signed: true }] },
  {
    name: "Gps",
    signals: [
      { name: "Odo", bits: 64 },
      { name: "Height", kind: "float", bits: 32 },
    ],
  },
  {
    name: "Imu",
    signals: [
      { name: "Yaw", kind: "double", bits: 64 },
      { name: "Big", bits: 53, signed: true },
    ],
  },
]);

/** A column of a campaign's own table that is worked out: a float64 in physical units. */
function workedOut(facts: Partial<SignalEntry>): SignalEntry {
  const [speed] = table.signals;
  return { ...speed, kind: "double", bits: 64, signed: true, factor: 1, offset: 0, wide: -1, ...facts };
}

/** A campaign's own table: each column by itself, the second from two senders. */
function ownSchema(): OutputSchema {
  const [speed] = table.signals;
  const columns = [
    workedOut({ aggregate: "mean", windowUs: 10_000_000, unit: "rpm", texts: valueTexts([[0, "no text of a mean"]]) }),
    { ...speed, unit: "rpm", texts: valueTexts([[3, "three"]]), vss: vssOf("Vehicle.Speed", "Vehicle.Other") },
    workedOut({ bus: "", message: "", arbitrationId: 0, name: "power", unit: "kW", expression: "u * i" }),
    workedOut({ aggregate: "max", windowUs: 0 }),
  ];
  const signals = columns.map((entry, index) => ({ ...entry, index }));
  const origins = [undefined, undefined, undefined, undefined, { source: 0, destination: 255 }];
  return {
    id: tableId(signals),
    signals,
    slots: {
      capacity: 5,
      count: 5,
      signalOf: (slot) => signals[slot === 4 ? 1 : slot],
      originOf: (slot) => origins[slot],
      groupOf: (slot) => slot,
    },
  };
}

function vssOf(...paths: readonly string[]): SignalEntry["vss"] {
  return paths.map((path) => ({ path, unit: "", value: { kind: "linear", factor: 1, offset: 0 } }) as const);
}

function settingsOf(form: LaneSettings["form"], schema: OutputSchema = table): LaneSettings {
  return { schema, campaign, stream: "event", form };
}

describe("the lane of what the rules of the configuration ask for", () => {
  it("writes the bytes that every agent since form 2 of samples wrote", () => {
    const samples = Array.from({ length: 700 }, (_, at): LoggedSample => {
      const signal = at % 7;
      const raw = at * 3 - 50;
      const isSigned = [2, 4, 5, 6].includes(signal);
      const value = signal === 3 ? BigInt(at) << 50n : isSigned ? raw : Math.abs(raw);
      return { signal, timeUs: T0 + at * 777, raw: value, opens: at % 3 === 0 };
    });
    const encoder = encoderOf(table, { maxPayloadBytes: 1500, timeResolutionUs: 10 });
    const hash = createHash("sha256");
    const drafts = encoder.samples(logOf(table, samples), buses);
    drafts.forEach((draft, at) => hash.update(draft.seal(idOf(at + 1))));
    // Of the commit that brought form 2.
    expect(drafts).toHaveLength(3);
    expect(hash.digest("hex")).toBe("6cd215346640533cbe5b2657d2ede72577ad2403f3f49e89894eb6ab03789a2d");
    const [record] = decodeAll(drafts);
    expect(bodyOf(record, "samples")).toMatchObject({ campaign: undefined, trigger: undefined });
  });
});

describe("lanes of campaigns", () => {
  it("have tables of their own side by side, and name campaign and trigger", () => {
    const encoder = encoderOf(table);
    const schema = ownSchema();
    const own = encoder.lane({ ...settingsOf("columns", schema), stream: "capture" });
    const plain = encoder.lane(settingsOf("columns"));
    const sample = { signal: 0, timeUs: T0, raw: 1.5 };
    const [first, second, third] = decodeAll([
      ...own.encode(logOf(schema, [sample, { signal: 4, timeUs: T0, raw: 7 }]), buses, 12),
      ...plain.encode(logOf(table, [{ ...sample, raw: 9 }]), []),
      ...own.encode(logOf(schema, [{ signal: 2, timeUs: T0, raw: -0 }]), []),
    ]);
    expect(bodyOf(first, "samples")).toMatchObject({ table: schema.id, campaign, trigger: 12, buses });
    expect(bodyOf(first, "samples").columns).toEqual([
      { signal: 0, timesUs: [T0], raws: [1.5] },
      { signal: 1, source: 0, destination: 255, timesUs: [T0], raws: [7] },
    ]);
    expect(bodyOf(second, "samples")).toMatchObject({ table: table.id, campaign, trigger: undefined });
    expect(bodyOf(second, "samples").columns).toEqual([{ signal: 0, timesUs: [T0], raws: [9] }]);
    expect(bodyOf(third, "samples").columns).toEqual([{ signal: 2, timesUs: [T0], raws: [-0] }]);
    expect([first, second, third].map(({ stream }) => stream)).toEqual(["capture", "event", "capture"]);
  });

  it("do not come short beside a lane with fewer columns", () => {
    const encoder = encoderOf(table);
    const few = { ...table, slots: { ...ownSchema().slots, count: 3 } };
    encoder.lane(settingsOf("columns", few)).encode(logOf(table, [{ signal: 0, timeUs: T0, raw: 1 }]), []);
    const all = table.signals.map((_, signal) => ({ signal, timeUs: T0, raw: 1 }));
    const [record] = decodeAll(encoder.lane(settingsOf("columns")).encode(logOf(table, all), []));
    expect(bodyOf(record, "samples").columns.map(({ signal }) => signal)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("announce what their columns are", () => {
    const schema = ownSchema();
    const [draft] = encoderOf(table).table(schema);
    expect(draft.retainKey).toBe(`${schema.id}.0`);
    const { signals } = bodyOf(decodeAll([draft])[0], "table");
    expect(signals.map(({ name, aggregate, windowUs, expression }) => [name, aggregate, windowUs, expression])).toEqual(
      [
        ["Speed", "mean", 10_000_000, undefined],
        ["Speed", undefined, undefined, undefined],
        ["power", undefined, undefined, "u * i"],
        ["Speed", "max", 0, undefined],
      ],
    );
    const [mean] = schema.signals;
    const others = [{}, { aggregate: "max" }, { windowUs: 0 }, { aggregate: undefined }, { expression: "x" }] as const;
    expect(new Set(others.map((facts) => tableId([{ ...mean, ...facts }]))).size).toBe(others.length);
  });

  it("are compressed, live and are thinned as their campaign says, and rows never are but live", () => {
    const encoder = encoderOf(table, { compression: "gzip", lifeMs: { event: 5 } });
    const draftOf = (settings: LaneSettings) =>
      encoder.lane(settings).encode(logOf(table, [{ signal: 0, timeUs: T0, raw: 1 }]), [])[0];
    const set = { compression: "zstd", lifeMs: 9, thin: 10 } as const;
    const found = (["columns", "rows", "json"] as const).map((form) => [
      draftOf(settingsOf(form)),
      draftOf({ ...settingsOf(form), ...set }),
    ]);
    expect(found.map((drafts) => drafts.map(({ encoding, lifeMs, thin }) => [encoding, lifeMs, thin]))).toEqual([
      [
        ["gzip", 5, undefined],
        ["zstd", 9, 10],
      ],
      [
        ["identity", 5, undefined],
        ["identity", 9, undefined],
      ],
      [
        ["identity", 5, undefined],
        ["identity", 9, undefined],
      ],
    ]);
    expect(encoder.lane(settingsOf("rows")).encode(logOf(table, []), [])).toEqual([]);
  });
});

describe.each(["rows", "json"] as const)("samples one by one, as %s", (form) => {
  it("have names, physical values, texts, units and times in clear", () => {
    const schema = ownSchema();
    const lane = encoderOf(table, { timeResolutionUs: 1000 }).lane(settingsOf(form, schema));
    const samples = [
      { signal: 0, timeUs: T0 + 499, raw: 0 },
      { signal: 1, timeUs: T0 + 500, raw: 3 },
      { signal: 4, timeUs: T0, raw: 4 },
      { signal: 2, timeUs: T0, raw: Number.NaN },
      { signal: 2, timeUs: T0, raw: Number.NEGATIVE_INFINITY },
      { signal: 3, timeUs: T0, raw: -2.5 },
    ];
    const [record] = decodeAll(lane.encode(logOf(schema, samples), buses, 7));
    const speed = { name: "Engine.Speed", bus: "can0", unit: "rpm", timeUs: T0 };
    const vss = { vssPaths: ["Vehicle.Speed", "Vehicle.Other"] };
    const power = { name: "power", bus: "", unit: "kW", timeUs: T0, vssPaths: [] };
    expect(bodyOf(record, "rows")).toEqual({
      kind: "rows",
      campaign,
      trigger: 7,
      buses,
      rows: [
        { ...speed, value: 0, aggregate: "mean", windowUs: 10_000_000, vssPaths: [] },
        { ...speed, ...vss, value: 3, text: "three", timeUs: T0 + 1000 },
        { ...speed, ...vss, value: 4, source: 0, destination: 255 },
        { ...power, value: Number.NaN },
        { ...power, value: Number.NEGATIVE_INFINITY },
        { ...speed, value: -2.5, unit: "", aggregate: "max", vssPaths: [] },
      ],
    });
  });

  it("give an integer beyond 2^53 exactly, beside the rounded number", () => {
    const wide = tableOf([
      {
        name: "M",
        signals: [
          { name: "U", bits: 64, factor: 2 },
          { name: "S", bits: 64, signed: true, offset: -1 },
        ],
      },
    ]);
    const samples = [2n ** 64n - 1n, 2n ** 52n].map((raw) => ({ signal: 0, timeUs: T0, raw }));
    const signed = [-(2n ** 63n), 5n].map((raw) => ({ signal: 1, timeUs: T0, raw }));
    const [record] = decodeAll(
      encoderOf(wide)
        .lane(settingsOf(form, wide))
        .encode(logOf(wide, [...samples, ...signed]), []),
    );
    const { rows } = bodyOf(record, "rows");
    expect(rows.map(({ value }) => value)).toEqual([2n ** 65n - 2n, 2 ** 53, -(2n ** 63n) - 1n, 4]);
  });

  it("name the id of the message where the bus has two of its name with such a signal", () => {
    const twice = tableOf([
      { name: "M", signals: [{ name: "S" }] },
      { name: "M", signals: [{ name: "S" }] },
      { name: "M", signals: [{ name: "T" }] },
    ]);
    const samples = [0, 1, 2].map((signal) => ({ signal, timeUs: T0, raw: 1 }));
    const [record] = decodeAll(encoderOf(twice).lane(settingsOf(form, twice)).encode(logOf(twice, samples), []));
    expect(bodyOf(record, "rows").rows.map(({ name }) => name)).toEqual(["M@0x100.S", "M@0x101.S", "M.T"]);
  });

  it("are cut between frames below the limit, whatever they are, and none is lost", () => {
    const sample = fc.record({
      signal: fc.integer({ min: 0, max: 2 }),
      timeUs: fc.integer({ min: T0, max: T0 + 5_000_000 }),
      raw: fc.integer({ min: 0, max: 30_000 }),
      opens: fc.boolean(),
    });
    const lane = encoderOf(table, { maxPayloadBytes: 4096 }).lane(settingsOf(form));
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 400, size: "max" }), (samples) => {
        const drafts = lane.encode(logOf(table, samples), buses);
        const last = { epoch: 2 ** 53 - 1, stream: "telemetry", seq: 2 ** 53 - 1 } as const;
        const lengths = drafts.map((draft) => draft.seal(last).length);
        expect(Math.max(...lengths)).toBeLessThanOrEqual(4096);
        const found = decodeAll(drafts).flatMap((record) => bodyOf(record, "rows").rows);
        expect(found.map(({ name, timeUs, value }) => [name, timeUs, value])).toEqual(
          samples.map(({ signal, timeUs, raw }) => [`Engine.${table.signals[signal].name}`, timeUs, raw]),
        );
        let from = 0;
        for (const draft of drafts.slice(0, -1)) {
          const frame = samples.slice(from + 1, from + draft.samples + 1).some(({ opens }) => opens);
          from += draft.samples;
          expect(frame ? samples[from].opens : true).toBe(true);
        }
      }),
      { seed: SEED, numRuns: 100 },
    );
  });
});

describe("the JSON form", () => {
  const type = protobuf.Root.fromDescriptor(readDescriptor()).lookupType("causeway.v1.Record");
  const samples = [
    { signal: 0, timeUs: T0, raw: 1 },
    { signal: 3, timeUs: T0, raw: 2n ** 63n },
    { signal: 5, timeUs: T0, raw: 0.1 },
  ];

  it("is the same message, read by protobufjs, which shares no code with us", () => {
    const [asRows, asJson] = (["rows", "json"] as const).map((form) => {
      const [draft] = encoderOf(table).lane(settingsOf(form)).encode(logOf(table, samples), buses, 4);
      return draft.seal(idOf(9, "event"));
    });
    const parsed: unknown = JSON.parse(new TextDecoder().decode(asJson));
    const plain = { longs: Number, enums: String } as const;
    expect(parsed).toEqual(type.toObject(type.decode(asRows), plain));
    expect(parsed).toMatchObject({
      thing: "truck-1",
      stream: "event",
      seq: 9,
      rows: {
        rows: [{ name: "Engine.Speed", number: 1, timeUs: T0 }, { exact: "9223372036854775808" }, { number: 0.1 }],
      },
    });
  });
});

describe("what a rule of a cloud may read", () => {
  it("is no longer than 128 KiB when it is decoded, with every field that is not there as its default", () => {
    const type = protobuf.Root.fromDescriptor(readDescriptor()).lookupType("causeway.v1.Record");
    const samples = Array.from({ length: 8000 }, (_, at) => ({ signal: at % 3, timeUs: T0 + at, raw: at % 7 }));
    const drafts = encoderOf(table).lane(settingsOf("rows")).encode(logOf(table, samples), buses);
    expect(drafts.length).toBeGreaterThan(5);
    for (const draft of drafts) {
      const all = { longs: String, enums: String, defaults: true, json: true } as const;
      const decoded = JSON.stringify(type.toObject(type.decode(draft.seal(idOf(1, "event"))), all));
      expect(decoded.length).toBeLessThanOrEqual(131_072);
    }
  });

  it("is described in no more than 32 KiB", () => {
    expect(readDescriptor().length).toBeLessThanOrEqual(32_768);
  });
});
