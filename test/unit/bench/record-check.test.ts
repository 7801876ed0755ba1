import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type CanFrame, FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { formatCandumpLog } from "../../../agent/signals/log-formats/candump-text.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { tableId } from "../../../agent/signals/table-id.ts";
import type { OutputSchema } from "../../../agent/telemetry/collect/lane.ts";
import type { SampleLog } from "../../../agent/telemetry/collect/sample-log.ts";
import { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import type { LaneSettings } from "../../../agent/telemetry/record/encode/lane-encoder.ts";
import type { EncodedDraft } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import { recordThinner } from "../../../agent/telemetry/record/thin/thin-records.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import type { CollectRule } from "../../../config/schema.ts";
import type { CampaignSamples } from "../../bench/consumers/campaign-samples.ts";
import { type Arrival, RecordCheck } from "../../bench/consumers/record-check.ts";
import { createReplayJudge } from "../../bench/consumers/replay-judge.ts";
import { createVehicleJudge } from "../../bench/consumers/vehicle-judge.ts";
import { readVehicle } from "../../bench/vehicle/vehicle-dbc.ts";
import { frameOf } from "../../bench/vehicle/vehicle-model.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { RuleCollector } from "../../fakes/telemetry/rule-collector.ts";

const DBC = "config/bench-vehicle.dbc";
const THING = "veh-1";
const SEED = 5;
const CAMPAIGN = { id: "all", version: 1, digest: "0123456789abcdef" };
const START_US = 1_800_000_000_000_000;
const vehicle = readVehicle(DBC);
const folder = mkdtempSync(join(tmpdir(), "causeway-check-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** All frames that the vehicle sends in `seconds`, in the order of their times. */
function framesOf(seconds: number): CanFrame[] {
  return vehicle
    .flatMap((message) =>
      Array.from({ length: Math.ceil((seconds * 1000) / message.periodMs) }, (_, n) => ({
        id: message.id,
        flags: (message.extended ? FRAME_FLAG.extended : 0) + (message.fd ? FRAME_FLAG.fd : 0),
        data: frameOf(message, n, SEED),
        receivedAtUs: START_US + n * message.periodMs * 1000 + message.index,
      })),
    )
    .sort((a, b) => a.receivedAtUs - b.receivedAtUs);
}

function encoderOf(table: SignalTable): Encoder {
  return new Encoder({
    thing: THING,
    bootId: "0123456789abcdef0123456789abcdef",
    table,
    clock: new ManualClock(),
    settings: { compression: "zstd", maxPayloadBytes: 20_000, timeResolutionUs: 1000, lifeMs: {} },
  });
}

/** What the agent makes of the frames: its signal table and records, as they arrive at a consumer. */
function arrivalsOf(frames: readonly CanFrame[], rules: readonly CollectRule[]): Arrival[] {
  const table = createSignalTable([{ bus: "can0", database: parseDbc(readFileSync(DBC, "utf8")).database }]);
  const encoder = encoderOf(table);
  const collector = new RuleCollector({ table, rules, batchSamples: 5000 });
  const drafts = [...encoder.table()];
  const flush = (): void => void drafts.push(...encoder.samples(collector.drain(0, false), []));
  for (const { id, flags, data, receivedAtUs } of frames) {
    const message = table.bus("can0").find(id, (flags & FRAME_FLAG.extended) !== 0);
    if (message === undefined) throw new Error(`no message ${id}`);
    message.decode(data, 0, data.length, table.values, table.wides, table.present);
    collector.take(message, !message.multiplexed, receivedAtUs);
    if (collector.isFull) flush();
  }
  flush();
  return drafts.map((draft, index) => arrivalOf(draft, index + 1));
}

/** What a campaign that takes every sample makes of frames, in a form; `own`: in a table of its own, with a mean beside each signal. */
function campaignArrivals(frames: readonly CanFrame[], form: LaneSettings["form"], own: boolean): Arrival[] {
  const table = createSignalTable([{ bus: "can0", database: parseDbc(readFileSync(DBC, "utf8")).database }]);
  const schema = own ? withMeans(table) : table;
  const encoder = encoderOf(table);
  const collector = new RuleCollector({
    table,
    rules: [{ signals: "*", mode: "every", ms: 0 }],
    batchSamples: 100_000,
  });
  for (const { id, flags, data, receivedAtUs } of frames) {
    const message = table.bus("can0").find(id, (flags & FRAME_FLAG.extended) !== 0);
    if (message === undefined) throw new Error(`no message ${id}`);
    message.decode(data, 0, data.length, table.values, table.wides, table.present);
    collector.take(message, !message.multiplexed, receivedAtUs);
  }
  const log = collector.drain(0, false);
  const samples = log.count;
  if (own) for (let at = 0; at < samples; at += 1) log.slots[at] *= 2;
  if (own) addMeans(log);
  const lane = encoder.lane({ schema, campaign: CAMPAIGN, stream: "telemetry", form });
  const drafts = [...encoder.table(schema), ...lane.encode(log, [], 4)];
  return drafts.map((draft, index) => arrivalOf(draft, index + 1, form));
}

/** Columns 2n are the signals of `table`, columns 2n + 1 their means. */
function withMeans(table: SignalTable): OutputSchema {
  const mean = { kind: "double", factor: 1, offset: 0, bits: 64, signed: true, wide: -1, aggregate: "mean" } as const;
  const pairs = table.signals.flatMap((signal) => [signal, { ...signal, ...mean, windowUs: 1_000_000 }]);
  const signals = pairs.map((signal, index) => ({ ...signal, index }));
  const slots = {
    capacity: signals.length,
    count: signals.length,
    signalOf: (slot: number) => signals[slot],
    originOf: () => undefined,
    groupOf: (slot: number) => slot,
  };
  return { id: tableId(signals), signals, slots };
}

/** A mean of 1.5 for the signal of each of the first ten samples. */
function addMeans(log: SampleLog): void {
  for (let at = 0; at < 10 && log.reserve(); at++) {
    log.slots[log.count] = log.slots[at] + 1;
    log.timesUs[log.count] = log.timesUs[at];
    log.values[log.count] = 1.5;
    log.opens[log.count] = 1;
    log.count += 1;
  }
}

function arrivalOf(draft: EncodedDraft, seq: number, form: LaneSettings["form"] = "columns"): Arrival {
  const id = { epoch: 77, stream: draft.stream, seq };
  const tail = draft.retainKey === undefined ? draft.stream : `schema/${draft.retainKey}`;
  const properties = {
    epoch: "77",
    seq: `${seq}`,
    stream: draft.stream,
    schema: "causeway.v1",
    encoding: draft.encoding,
  };
  return {
    topic: `dt/causeway/${THING}/${tail}`,
    payload: draft.seal(id),
    contentType: form === "json" && draft.retainKey === undefined ? "application/json" : "application/x-protobuf",
    properties: new Map(Object.entries({ ...properties, "time-quality": draft.timeQuality })),
  };
}

describe("the check of delivered records", () => {
  const frames = framesOf(3);
  let check = new RecordCheck({ descriptor: readDescriptor(), thing: THING, watched: ["VehicleSpeed.Speed"] });

  beforeEach(() => {
    check = new RecordCheck({ descriptor: readDescriptor(), thing: THING, watched: ["VehicleSpeed.Speed"] });
  });

  function judgeVehicle(): void {
    check.start(createVehicleJudge({ vehicle, seed: SEED, rate: 1, startUs: START_US, thinned: [], repeats: false }));
  }

  function totals(): { samples: number; frames: number; mismatches: number; unverified: number; remarks: number } {
    const { deliveries, remarks, broken, waiting } = check.takeReport();
    expect(broken + waiting).toBe(0);
    const sum = (key: "samples" | "frames" | "mismatches" | "unverified"): number =>
      deliveries.reduce((total, delivery) => total + delivery[key], 0);
    const [samples, proven, mismatches, unverified] = (["samples", "frames", "mismatches", "unverified"] as const).map(
      sum,
    );
    return { samples, frames: proven, mismatches, unverified, remarks: remarks.length };
  }

  it("agrees with what the agent makes of the vehicle's frames, and accounts for every one of them", () => {
    judgeVehicle();
    for (const incoming of arrivalsOf(frames, [])) check.arrive(incoming);
    const result = totals();
    expect(result).toMatchObject({ mismatches: 0, unverified: 0, remarks: 0, frames: frames.length });
    expect(result.samples).toBeGreaterThan(15_000);
  });

  it("finds the one frame whose data was changed on the way to the agent", () => {
    judgeVehicle();
    // The counter is left alone, so that exactly the speed differs, and differs again from the next one.
    const at = frames.findIndex(({ id, receivedAtUs }) => id === 0x0d4 && receivedAtUs > START_US + 2_000_000);
    const spoiled = frames.map((frame, index) => {
      if (index !== at) return frame;
      const data = frame.data.slice();
      data[0] ^= 0x10;
      return { ...frame, data };
    });
    for (const incoming of arrivalsOf(spoiled, [])) check.arrive(incoming);
    expect(totals()).toMatchObject({ mismatches: 1, remarks: 1 });
  });

  it("holds records back until their signal table has come", () => {
    judgeVehicle();
    const [table, ...records] = arrivalsOf(frames.slice(0, 500), []);
    for (const record of records) check.arrive(record);
    expect(check.takeReport()).toMatchObject({ deliveries: [], waiting: records.length });
    check.arrive(table);
    expect(totals()).toMatchObject({ mismatches: 0, frames: 500 });
  });

  it("counts a record that cannot be read, and one whose properties or topic do not fit", () => {
    judgeVehicle();
    const [table, record] = arrivalsOf(frames.slice(0, 100), []);
    check.arrive(table);
    check.arrive({ ...record, payload: record.payload.subarray(0, 10) });
    check.arrive({ ...record, properties: new Map([...record.properties, ["seq", "9"]]) });
    check.arrive({ ...record, topic: "dt/causeway/veh-2/telemetry" });
    const report = check.takeReport();
    expect(report.broken).toBe(1);
    expect(report.deliveries.map(({ mismatches }) => mismatches)).toEqual([0, 1, 1]);
  });

  it("tells the latest physical value of a watched signal", () => {
    judgeVehicle();
    for (const incoming of arrivalsOf(frames, [])) check.arrive(incoming);
    expect(check.takeReport().latest["VehicleSpeed.Speed"]).toMatchObject({ unit: "km/h" });
  });

  it("tells the phases of updates, whose counts are numbers then", () => {
    const phase = {
      number: 3,
      repeated: false,
      component: "agent",
      versionFrom: "1.0.0",
      versionTo: "1.1.0",
      phase: "done",
    };
    const rest = { reason: "", detail: "", job: "job-1", bytes: 2 ** 33, totalBytes: 2 ** 33, percent: 100 };
    const draft = encoderOf(createSignalTable([])).updatePhase({
      ...phase,
      ...rest,
      digest: "d".repeat(64),
      execution: 1,
      timeUs: START_US,
    });
    check.arrive(arrivalOf(draft, 1));
    const { phases, broken, deliveries } = check.takeReport();
    expect(phases).toEqual([{ ...phase, ...rest }]);
    expect([broken, deliveries.map(({ mismatches }) => mismatches)]).toEqual([0, [0]]);
  });

  const FORMS = ["columns", "rows", "json"] as const;

  it.each(FORMS)("judges what a campaign takes by the time it came, as %s", (form) => {
    judgeVehicle();
    const arrivals = campaignArrivals(frames.slice(0, 2000), form, false);
    for (const incoming of arrivals) check.arrive(incoming);
    const result = totals();
    expect(result).toMatchObject({ mismatches: 0, unverified: 0, remarks: 0 });
    expect(result.samples).toBeGreaterThan(5000);
  });

  it.each(FORMS)("finds the value of a campaign that was not sent around its time, as %s", (form) => {
    const speed = frames.filter(({ id }) => id === 0x0d4);
    const spoiled = { ...speed[20], data: speed[20].data.map((byte, at) => (at === 0 ? byte ^ 0x40 : byte)) };
    const late = { ...speed[20], receivedAtUs: speed[20].receivedAtUs + 300_000_000 };
    for (const frame of [spoiled, late]) {
      check = new RecordCheck({ descriptor: readDescriptor(), thing: THING, watched: [] });
      judgeVehicle();
      for (const incoming of campaignArrivals([frame], form, false)) check.arrive(incoming);
      expect(totals().mismatches).toBeGreaterThan(0);
    }
  });

  it.each(FORMS)("leaves what a campaign works out to the judge of campaigns, as %s", (form) => {
    const arrivals = campaignArrivals(frames.slice(0, 300), form, true);
    judgeVehicle();
    for (const incoming of arrivals) check.arrive(incoming);
    const plain = totals();
    expect(plain).toMatchObject({ mismatches: 0, unverified: 10, remarks: 0 });

    check = new RecordCheck({ descriptor: readDescriptor(), thing: THING, watched: [] });
    const seen: CampaignSamples[] = [];
    check.start(createVehicleJudge({ vehicle, seed: SEED, rate: 1, startUs: START_US, thinned: [], repeats: false }), {
      campaigns: {
        judge: (samples) => {
          seen.push(samples);
          const workedOut = samples.workedOut.reduce((sum, { values }) => sum + values.length, 0);
          return { samples: workedOut, mismatches: 2, unverified: 0, frames: 0, remarks: ["a mean"] };
        },
      },
    });
    // The table comes last: only rows need none.
    for (const incoming of arrivals.toReversed()) check.arrive(incoming);
    expect(totals()).toMatchObject({ samples: plain.samples, mismatches: 2 * seen.length, unverified: 0 });
    expect(seen.map(({ campaign, trigger }) => [campaign, trigger])).toEqual(seen.map(() => [CAMPAIGN, 4]));
    const [mean] = seen.flatMap(({ workedOut }) => workedOut);
    expect(mean).toMatchObject({ aggregate: "mean", windowUs: 1_000_000, values: [1.5] });
  });

  it("judges each sample that is left of thinned records, and knows which they were", () => {
    judgeVehicle();
    const rules: CollectRule[] = [{ signals: "*", mode: "every", ms: 0 }];
    for (const make of [(): Arrival[] => arrivalsOf(frames, rules), () => campaignArrivals(frames, "columns", false)]) {
      const arrivals = make();
      const records = arrivals.flatMap(({ payload, properties }, at) =>
        properties.get("stream") === "telemetry" ? [{ seq: at + 1, payload }] : [],
      );
      const { taken, payload } = recordThinner(500_000)(records, 10, { epoch: 77, stream: "telemetry", seq: 900 });
      expect(taken).toHaveLength(records.length);
      const last = arrivals[arrivals.length - 1];
      check.arrive(arrivals[0]);
      check.arrive({ ...last, payload, properties: new Map([...last.properties, ["seq", "900"]]) });
      const report = check.takeReport();
      const [delivery] = report.deliveries.slice(-1);
      expect(report).toMatchObject({ broken: 0, waiting: 0, remarks: [] });
      expect(delivery).toMatchObject({ mismatches: 0, seq: 900, standsFor: records.map(({ seq }) => seq) });
      expect(delivery.samples).toBeGreaterThan(1000);
    }
  });

  it("tells where the rest of thinned records is", () => {
    const thinned = { ratio: 10, keptFirst: 72, keptLast: 80 };
    const range = { epoch: 77, stream: "telemetry", first: 3, last: 70 } as const;
    const encoder = encoderOf(createSignalTable([]));
    check.arrive(arrivalOf(encoder.loss({ ...range, reason: "thinned", detail: "thinned 10:1", thinned }), 1));
    check.arrive(arrivalOf(encoder.loss({ ...range, reason: "evicted", detail: "full" }), 2));
    expect(check.takeReport().losses).toEqual([{ ...range, kept: { first: 72, last: 80 } }, range]);
  });

  it("counts a signal that the campaign's own table describes wrongly", () => {
    judgeVehicle();
    const database = parseDbc(readFileSync(DBC, "utf8").replace("(0.01,0)", "(0.02,0)")).database;
    const wrong = withMeans(createSignalTable([{ bus: "can0", database }]));
    encoderOf(createSignalTable([]))
      .table(wrong)
      .forEach((draft, at) => check.arrive(arrivalOf(draft, at + 1)));
    expect(totals().mismatches).toBe(1);
  });

  it("accepts a replayed log's values only together", () => {
    const logFile = join(folder, "drive.log");
    writeFileSync(logFile, frames.map((frame) => `${formatCandumpLog("can0", frame)}\n`).join(""));
    const rules = [{ signals: "*", mode: "every" as const, ms: 0 }];
    check.start(createReplayJudge(DBC, logFile));
    for (const incoming of arrivalsOf(frames, rules)) check.arrive(incoming);
    expect(totals()).toMatchObject({ mismatches: 0, unverified: 0, frames: frames.length });

    const fusion = frames.filter(({ id }) => id === 0x120);
    const mixed = new Uint8Array([...fusion[3].data.subarray(0, 16), ...fusion[4].data.subarray(16)]);
    check = new RecordCheck({ descriptor: readDescriptor(), thing: THING, watched: [] });
    check.start(createReplayJudge(DBC, logFile));
    for (const incoming of arrivalsOf([{ ...fusion[3], data: mixed }], rules)) check.arrive(incoming);
    expect(totals()).toMatchObject({ mismatches: 1, remarks: 1 });
  });
});
