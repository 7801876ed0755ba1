import { describe, expect, it } from "vitest";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { bodyOf, decodeAll } from "../../../../fakes/telemetry/records.ts";
import { encoderOf, idOf, type LoggedSample, logOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;
const reader = createRecordReader(readDescriptor());

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

describe("Encoder.samples", () => {
  it("gives back every kind of signal exactly", () => {
    const samples: LoggedSample[] = [
      { signal: 0, timeUs: T0, raw: 0 },
      { signal: 0, timeUs: T0 + 10, raw: 65_535 },
      { signal: 0, timeUs: T0 + 30, raw: 1 },
      { signal: 2, timeUs: T0 + 5, raw: -32_768 },
      { signal: 2, timeUs: T0 + 6, raw: 32_767 },
      { signal: 3, timeUs: T0 + 7, raw: 2n ** 64n - 1n },
      { signal: 3, timeUs: T0 + 8, raw: 1n },
      { signal: 3, timeUs: T0 + 9, raw: 2n ** 63n },
      { signal: 4, timeUs: T0 + 9, raw: Math.fround(0.1) },
      { signal: 4, timeUs: T0 + 10, raw: Number.NaN },
      { signal: 4, timeUs: T0 + 11, raw: Number.NEGATIVE_INFINITY },
      { signal: 5, timeUs: T0 + 9, raw: -0 },
      { signal: 5, timeUs: T0 + 10, raw: Number.MIN_VALUE },
      { signal: 6, timeUs: T0 + 12, raw: -(2 ** 52) },
      { signal: 6, timeUs: T0 + 13, raw: 2 ** 52 - 1 },
    ];
    const [record] = decodeAll(encoderOf(table).samples(logOf(table, samples), []));
    const { columns, table: id } = bodyOf(record, "samples");
    expect(id).toBe(table.id);
    const found = columns.flatMap(({ signal, timesUs, raws }) =>
      raws.map((raw, at) => ({
        signal,
        timeUs: timesUs[at],
        raw: signal === 3 ? BigInt.asUintN(64, BigInt(raw)) : raw,
      })),
    );
    expect(found).toEqual(samples);
  });

  it("says who made it, when, and by which clock", () => {
    const [draft] = encoderOf(table).samples(logOf(table, [{ signal: 0, timeUs: T0, raw: 1 }]), []);
    expect(draft).toMatchObject({ stream: "telemetry", encoding: "identity", timeQuality: "ntp", samples: 1 });
    const { body, ...header } = reader.decode(draft.seal(idOf(42)));
    expect(header).toEqual({
      thing: "truck-1",
      epoch: 0xa1b2_c3d4_e5f6,
      stream: "telemetry",
      seq: 42,
      bootId: "00112233445566778899aabbccddeeff",
      anchor: { monotonicUs: 5_000_250, wallUs: 1_767_225_600_123_456, quality: "ntp" },
    });
    expect(body.kind).toBe("samples");
  });

  it("carries the frame counts of each bus, and tells no loss from an unknown one", () => {
    const counts = [
      { bus: "can0", received: 10_000_000_000, dropped: 0, errorFrames: 2 },
      { bus: "can1", received: 0, dropped: undefined, errorFrames: 0 },
    ];
    const [record] = decodeAll(encoderOf(table).samples(logOf(table, [{ signal: 0, timeUs: T0, raw: 1 }]), counts));
    expect(bodyOf(record, "samples").buses).toEqual(counts);
  });

  it("shares one axis among the signals of a message that were taken together", () => {
    const frames = Array.from({ length: 100 }, (_, at) => T0 + at * 10_000);
    const together = frames.flatMap((timeUs) => [0, 1, 2].map((signal) => ({ signal, timeUs, raw: 1 })));
    const alone = frames.map((timeUs) => ({ signal: 0, timeUs, raw: 1 }));
    const encoder = encoderOf(table);
    const bytesOf = (samples: readonly LoggedSample[]): number =>
      encoder.samples(logOf(table, samples), []).reduce((sum, draft) => sum + draft.bodyBytes, 0);
    expect(bytesOf(together) - bytesOf(alone)).toBeLessThan(2 * 110);
    const [record] = decodeAll(encoder.samples(logOf(table, together), []));
    expect(bodyOf(record, "samples").columns.map(({ timesUs }) => timesUs)).toEqual([frames, frames, frames]);
  });

  it("shares an axis among messages whose times are the same once they are rounded", () => {
    const frames = Array.from({ length: 100 }, (_, at) => T0 + at * 10_000);
    const encoder = encoderOf(table, { timeResolutionUs: 1000 });
    const bytesOf = (lateUs: (at: number) => number): number => {
      const samples = frames.flatMap((timeUs, at) => [
        { signal: 0, timeUs, raw: 1 },
        { signal: 6, timeUs: timeUs + lateUs(at), raw: 1 },
      ]);
      const drafts = encoder.samples(logOf(table, samples), []);
      const { columns } = bodyOf(decodeAll(drafts)[0], "samples");
      const tickOf = (us: number): number => Math.round(us / 1000) * 1000;
      expect(columns.map(({ timesUs }) => timesUs)).toEqual([frames, frames.map((us, at) => tickOf(us + lateUs(at)))]);
      return drafts[0].bodyBytes;
    };
    const shared = bytesOf((at) => (at * 7) % 400);
    // The same first and last time, and as many; one between them is another.
    expect(bytesOf((at) => (at === 50 ? 1000 : 0)) - shared).toBeGreaterThan(100);
  });

  it("keeps apart axes that only look alike", () => {
    const samples = [
      { signal: 0, timeUs: T0, raw: 1 },
      { signal: 1, timeUs: T0, raw: 1 },
      { signal: 1, timeUs: T0 + 1, raw: 1 },
      { signal: 0, timeUs: T0 + 2, raw: 1 },
      { signal: 2, timeUs: T0, raw: 1 },
    ];
    const [record] = decodeAll(encoderOf(table).samples(logOf(table, samples), []));
    const times = bodyOf(record, "samples").columns.map(({ timesUs }) => timesUs.map((us) => us - T0));
    expect(times).toEqual([[0, 2], [0, 1], [0]]);
  });

  it("rounds each time by itself, so that errors do not add up", () => {
    const timesUs = Array.from({ length: 1000 }, (_, at) => T0 + at * 1499.4);
    const samples = timesUs.map((timeUs) => ({ signal: 0, timeUs, raw: 1 }));
    const encoder = encoderOf(table, { timeResolutionUs: 1000 });
    const [record] = decodeAll(encoder.samples(logOf(table, samples), []));
    const [column] = bodyOf(record, "samples").columns;
    expect(column.timesUs.every((us, at) => Math.abs(us - timesUs[at]) <= 500 && us % 1000 === 0)).toBe(true);
  });

  it("rounds half a unit up", () => {
    const samples = [T0 + 499, T0 + 500, T0 + 1499, T0 + 1500].map((timeUs) => ({ signal: 0, timeUs, raw: 1 }));
    const [record] = decodeAll(encoderOf(table, { timeResolutionUs: 1000 }).samples(logOf(table, samples), []));
    expect(bodyOf(record, "samples").columns[0].timesUs.map((us) => us - T0)).toEqual([0, 1000, 1000, 2000]);
  });

  it("keeps the order of samples over a step of the wall clock by ten years, either way", () => {
    const tenYearsUs = 10 * 365 * 86_400_000_000;
    const timesUs = [T0, T0 + 10, T0 - tenYearsUs, T0 - tenYearsUs + 10, T0 + tenYearsUs, 0];
    const samples = timesUs.map((timeUs, raw) => ({ signal: 0, timeUs, raw }));
    const [record] = decodeAll(encoderOf(table).samples(logOf(table, samples), []));
    const [column] = bodyOf(record, "samples").columns;
    expect(column).toEqual({ signal: 0, timesUs, raws: [0, 1, 2, 3, 4, 5] });
  });
});

describe("Encoder.samples over the limit", () => {
  const wide = tableOf([{ name: "M", signals: Array.from({ length: 8 }, (_, at) => ({ name: `S${at}` })) }]);
  /** Frames of eight samples each, with raw values that take three bytes. */
  const frames = (count: number): LoggedSample[] =>
    Array.from({ length: count * 8 }, (_, at) => ({
      signal: at % 8,
      timeUs: T0 + Math.floor(at / 8) * 1000,
      raw: (at * 7919) % 65_536,
      opens: at % 8 === 0,
    }));

  it("cuts between frames, loses nothing, keeps the order and stays below the limit", () => {
    const samples = frames(3000);
    const drafts = encoderOf(wide, { maxPayloadBytes: 4096 }).samples(logOf(wide, samples), []);
    expect(drafts.length).toBeGreaterThan(10);
    expect(drafts.reduce((sum, draft) => sum + draft.samples, 0)).toBe(samples.length);
    const payloads = drafts.map((draft, at) => draft.seal(idOf(at + 1)));
    expect(Math.max(...payloads.map((payload) => payload.length))).toBeLessThanOrEqual(4096);
    const perSignal = new Map<number, (number | bigint)[]>();
    for (const payload of payloads) {
      const { columns } = bodyOf(reader.decode(payload), "samples");
      expect(new Set(columns.map(({ timesUs }) => timesUs.join()))).toHaveProperty("size", 1);
      for (const { signal, raws } of columns) perSignal.set(signal, [...(perSignal.get(signal) ?? []), ...raws]);
    }
    for (const [signal, raws] of perSignal) {
      expect(raws).toEqual(samples.filter((sample) => sample.signal === signal).map(({ raw }) => raw));
    }
  });

  it("fills records well once it knows how long samples become", () => {
    const encoder = encoderOf(wide, { maxPayloadBytes: 4096 });
    encoder.samples(logOf(wide, frames(3000)), []);
    const drafts = encoder.samples(logOf(wide, frames(3000)), []);
    const filled = drafts.slice(0, -1).map(({ bodyBytes }) => bodyBytes);
    expect(Math.min(...filled)).toBeGreaterThan(3000);
  });

  it("does not cut a small batch that follows a large one", () => {
    const encoder = encoderOf(wide, { maxPayloadBytes: 4096 });
    encoder.samples(logOf(wide, frames(3000)), []);
    encoder.samples(logOf(wide, frames(1)), []);
    expect(encoder.samples(logOf(wide, frames(40)), [])).toHaveLength(1);
  });

  it("cuts inside a frame only when the frame alone is too long", () => {
    const huge = tableOf([{ name: "M", signals: Array.from({ length: 900 }, (_, at) => ({ name: `S${at}` })) }]);
    const samples = huge.signals.map(({ index }) => ({ signal: index, timeUs: T0, raw: 60_000, opens: index === 0 }));
    const drafts = encoderOf(huge, { maxPayloadBytes: 4096 }).samples(logOf(huge, samples), []);
    expect(drafts.reduce((sum, draft) => sum + draft.samples, 0)).toBe(900);
    for (const draft of drafts) expect(draft.seal(idOf(1)).length).toBeLessThanOrEqual(4096);
  });

  it("stays below the limit with the longest header and many buses", () => {
    const buses = Array.from({ length: 32 }, (_, at) => ({
      bus: `bus-${at}`.padEnd(32, "x"),
      received: Number.MAX_SAFE_INTEGER,
      dropped: Number.MAX_SAFE_INTEGER,
      errorFrames: Number.MAX_SAFE_INTEGER,
    }));
    const drafts = encoderOf(wide, { maxPayloadBytes: 4096 }).samples(logOf(wide, frames(500)), buses);
    const last = { epoch: 2 ** 53 - 1, stream: "telemetry", seq: 2 ** 53 - 1 } as const;
    for (const draft of drafts) expect(draft.seal(last).length).toBeLessThanOrEqual(4096);
  });
});

describe("Draft.seal", () => {
  it.each(["none", "gzip", "zstd"] as const)("gives the same bytes for the same id (%s)", (compression) => {
    const encoder = encoderOf(table, { compression });
    const [draft] = encoder.samples(logOf(table, [{ signal: 0, timeUs: T0, raw: 1 }]), []);
    expect(draft.encoding).toBe(compression === "none" ? "identity" : compression);
    const first = draft.seal(idOf(7));
    encoder.samples(logOf(table, [{ signal: 1, timeUs: T0, raw: 2 }]), [])[0].seal(idOf(8));
    expect(draft.seal(idOf(7))).toEqual(first);
    expect(reader.decode(first).seq).toBe(7);
  });

  it("leaves what the agent says of itself uncompressed, for rules that cannot read it otherwise", () => {
    const encoder = encoderOf(table, { compression: "zstd" });
    const count = { bus: "a", received: 1, dropped: 0, errorFrames: 0 };
    const range = { epoch: 1, stream: "telemetry", first: 1, last: 2, reason: "evicted", detail: "full" } as const;
    const drafts = [
      encoder.loss(range),
      encoder.busEvent({ count, state: "bus-off", detail: "", timeUs: 1 }),
      encoder.notice({ event: "config.unusable", detail: "agent.yaml:1:1" }),
    ];
    expect(drafts.map(({ encoding }) => encoding)).toEqual(["identity", "identity", "identity"]);
    expect(drafts.map((draft) => reader.decode(draft.seal(idOf(1, "event"))).body.kind)).toEqual([
      "loss",
      "bus-event",
      "notice",
    ]);
    expect(encoder.table()[0].encoding).toBe("zstd");
  });

  it("carries the anchor of the moment the draft was made, and the life of its stream", () => {
    const encoder = encoderOf(table, { lifeMs: { telemetry: 5000, event: 60_000 } });
    const [draft] = encoder.samples(logOf(table, [{ signal: 0, timeUs: T0, raw: 1 }]), []);
    expect(draft.lifeMs).toBe(5000);
    expect(encoder.table()[0].lifeMs).toBeUndefined();
    expect(
      encoder.busEvent({
        count: { bus: "a", received: 1, dropped: 0, errorFrames: 0 },
        state: "up",
        detail: "",
        timeUs: 1,
      }).lifeMs,
    ).toBe(60_000);
  });
});

describe("Encoder.table", () => {
  it("describes every signal, in one retained record", () => {
    const described = tableOf([
      { name: "M", signals: [{ name: "S", factor: 0.1, offset: -40, unit: "°C", signed: true, bits: 12 }] },
      { name: "F", bus: "can1", signals: [{ name: "D", kind: "double", bits: 64 }] },
    ]);
    const drafts = encoderOf(described).table();
    expect(drafts.map(({ retainKey, stream }) => [retainKey, stream])).toEqual([["0123456789abcdef.0", "event"]]);
    const body = bodyOf(decodeAll(drafts)[0], "table");
    expect(body.total).toBe(2);
    expect(body.signals.map((signal) => ({ ...signal, wide: -1 }))).toEqual(described.signals);
  });

  it("is cut into parts that together hold every signal once", () => {
    const large = tableOf([{ name: "M", signals: Array.from({ length: 500 }, (_, at) => ({ name: `Signal${at}` })) }]);
    const drafts = encoderOf(large, { maxPayloadBytes: 4096 }).table();
    expect(drafts.length).toBeGreaterThan(3);
    expect(drafts.map(({ retainKey }) => retainKey)).toEqual(drafts.map((_, part) => `${large.id}.${part}`));
    for (const draft of drafts) expect(draft.seal(idOf(1, "event")).length).toBeLessThanOrEqual(4096);
    const parts = decodeAll(drafts).map((record) => bodyOf(record, "table"));
    expect(parts.every(({ total }) => total === 500)).toBe(true);
    expect(parts.flatMap(({ signals }) => signals.map(({ index }) => index))).toEqual(
      large.signals.map(({ index }) => index),
    );
  });

  it("has value texts, SPN, and what the signal is in VSS", () => {
    const texts = { raws: [-(2n ** 63n), -1, 0, 5, 2 ** 53 - 1, 2n ** 53n], texts: ["a", "b", "c", "d", "e", "f"] };
    const speed = {
      path: "Vehicle.Speed",
      unit: "km/h",
      value: { kind: "linear", factor: 1.609344, offset: 0 },
    } as const;
    const values = { raws: [0, 3, 5], texts: ["", "PARK", "true"] };
    const gear = { path: "Vehicle.Gear", unit: "", value: { kind: "values", values } } as const;
    const tilt = { path: "Vehicle.Tilt", unit: "percent", value: { kind: "expression", expression: "x * x" } } as const;
    const named = tableOf([
      {
        name: "M",
        signals: [
          { name: "S", signed: true, bits: 64, texts, spn: 0x7_ffff },
          { name: "U", bits: 64, texts: { raws: [1, 2n ** 64n - 1n], texts: ["one", "all"] } },
          { name: "Speed", vss: [speed, { ...speed, path: "Vehicle.OBD.Speed" }], spn: 84 },
          { name: "Gear", vss: [gear, tilt], texts: { raws: [3, 4], texts: ["P", "R"] } },
        ],
      },
    ]);
    const body = bodyOf(decodeAll(encoderOf({ ...named, vssRelease: "6.0" }).table())[0], "table");
    expect(body.signals.map((signal) => ({ ...signal, wide: signal.bits === 64 ? signal.index : -1 }))).toEqual(
      named.signals,
    );
    expect(body.vssRelease).toBe("6.0");
    expect(body.moreTexts).toBeUndefined();
  });

  it("keeps within the limit with a signal that has thousands of texts, and loses none", () => {
    const raws = Array.from({ length: 5000 }, (_, raw) => raw);
    const texts = { raws, texts: raws.map((raw) => `${raw} ${"ä".repeat(raw % 250)}`) };
    const values = { raws: raws.slice(10), texts: raws.slice(10).map(String) };
    const vss = [
      { path: "Vehicle.Fault", unit: "", value: { kind: "values", values } },
      { path: "Vehicle.Code", unit: "", value: { kind: "linear", factor: 1, offset: -1 } },
    ] as const;
    const large = tableOf([{ name: "M", signals: [{ name: "A" }, { name: "Fault", texts, vss }, { name: "B" }] }]);
    const drafts = encoderOf(large, { maxPayloadBytes: 4096, compression: "none" }).table();
    for (const draft of drafts) expect(draft.seal(idOf(1, "event")).length).toBeLessThanOrEqual(4096);
    const parts = decodeAll(drafts).map((record) => bodyOf(record, "table"));
    expect(parts.flatMap(({ signals }) => signals.map(({ index }) => index))).toEqual([0, 1, 2]);
    const more = parts.flatMap(({ moreTexts = [] }) => moreTexts);
    expect(new Set(more.map(({ signal }) => signal))).toEqual(new Set([1]));
    expect(more.flatMap((one) => one.texts?.texts ?? [])).toEqual(texts.texts);
    const names = more.flatMap((one) => one.vss);
    const mapped = names.filter(({ path }) => path === "Vehicle.Fault").map(({ value }) => value);
    expect(mapped.flatMap((value) => (value.kind === "values" ? value.values.texts : []))).toEqual(values.texts);
    expect(names.filter(({ path }) => path === "Vehicle.Code")).toEqual([vss[1]]);
  });

  it("is one empty part without a signal", () => {
    const [record] = decodeAll(encoderOf(tableOf([])).table());
    expect(bodyOf(record, "table")).toEqual({ kind: "table", id: "0123456789abcdef", total: 0, signals: [] });
  });
});

describe("Encoder's events", () => {
  it("tells a loss", () => {
    const loss = {
      epoch: 3,
      stream: "capture",
      first: 7,
      last: 12,
      reason: "evicted",
      detail: "256000000 bytes",
    } as const;
    const [record] = decodeAll([encoderOf(table).loss(loss)]);
    expect(record.stream).toBe("event");
    expect(record.body).toEqual({ kind: "loss", ...loss });
  });

  it("tells what was thinned, and where the rest of it is", () => {
    const range = { epoch: 3, stream: "telemetry", first: 7, last: 70, detail: "thinned 10:1" } as const;
    const loss = { ...range, reason: "thinned", thinned: { ratio: 10, keptFirst: 71, keptLast: 2 ** 50 } } as const;
    const [record] = decodeAll([encoderOf(table).loss(loss)]);
    expect(record.body).toEqual({ kind: "loss", ...loss });
  });

  it("tells a change of a bus, with a detail that is cut where it is too long", () => {
    const count = { bus: "can0", received: 5, dropped: 1, errorFrames: 2 };
    const event = { count, state: "bus-off", detail: "x".repeat(2000), timeUs: T0 } as const;
    const [record] = decodeAll([encoderOf(table).busEvent(event)]);
    expect(record.body).toEqual({ kind: "bus-event", ...event, detail: "x".repeat(500) });
  });

  it("tells what a person must know of the agent itself", () => {
    const [record] = decodeAll([encoderOf(table).notice({ event: "config.unusable", detail: "agent.yaml:1:1" })]);
    expect(record.stream).toBe("event");
    expect(record.body).toMatchObject({ kind: "notice", event: "config.unusable", detail: "agent.yaml:1:1" });
  });
});
