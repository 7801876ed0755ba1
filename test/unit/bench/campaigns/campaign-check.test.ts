import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type CampaignDocument, campaignDocument } from "../../../../config/campaign.ts";
import { CampaignEvidence, columnKey, type Got } from "../../../bench/consumers/campaigns/campaign-evidence.ts";
import { judgeCampaign } from "../../../bench/consumers/campaigns/campaign-judge.ts";
import type { CampaignVerdict } from "../../../bench/consumers/campaigns/campaign-verdict.ts";
import { type ReceivedFrame, samplesOf } from "../../../bench/consumers/campaigns/received-frames.ts";
import type { WireTrigger } from "../../../bench/consumers/record-reader.ts";
import { SendSchedule } from "../../../bench/vehicle/send-schedule.ts";
import { readVehicle, type VehicleSignal } from "../../../bench/vehicle/vehicle-dbc.ts";
import { frameOf } from "../../../bench/vehicle/vehicle-model.ts";

const START_US = 1_800_000_000_000_000;
const vehicle = readVehicle("config/bench-vehicle.dbc");
const facts = { vehicle, seed: 1, rate: 1, startUs: START_US };
const DRIVE_MS = 12_000;

/** Every frame of the first seconds, received exactly when due. */
const frames: readonly ReceivedFrame[] = vehicle
  .flatMap((message) =>
    Array.from({ length: Math.floor(DRIVE_MS / message.periodMs) }, (_, n) => ({
      message,
      n,
      timeUs: START_US + Math.round(SendSchedule.dueMs(message.index, message.periodMs, n) * 1000),
    })),
  )
  .sort((a, b) => a.timeUs - b.timeUs);

function signalOf(name: string): VehicleSignal {
  const signal = vehicle.flatMap(({ signals }) => signals).find((one) => `${one.message}.${one.name}` === name);
  if (signal === undefined) throw new TypeError(`no signal ${name}`);
  return signal;
}

function documentOf(rest: object): CampaignDocument {
  return campaignDocument.parse({ schemaVersion: 1, id: "c", version: 1, ...rest });
}

type Column = { readonly trigger?: number; readonly key: string; readonly got: readonly (readonly [number, number])[] };

function verdictOf(document: CampaignDocument, columns: readonly Column[], triggers: readonly WireTrigger[] = []) {
  const evidence = new CampaignEvidence();
  for (const { trigger = 0, key, got } of columns) {
    const known = evidence.columns.get(trigger) ?? new Map<string, Got[]>();
    evidence.columns.set(trigger, known);
    known.set(
      key,
      got.map(([timeUs, physical]) => ({ timeUs, raw: undefined, physical })),
    );
  }
  evidence.triggers.push(...triggers);
  return judgeCampaign({ document, frames, facts, evidence, excuse: undefined });
}

const speed = samplesOf(frames, signalOf("VehicleSpeed.Speed"), facts).map(
  ({ timeUs, physical }) => [timeUs, physical] as const,
);
const changed = (columns: readonly (readonly [number, number])[], at: number, by: number) =>
  columns.map(([timeUs, value], index) => [timeUs, index === at ? value + by : value] as const);

function expectBroken(verdict: CampaignVerdict): void {
  expect(verdict.mismatches).toBeGreaterThan(0);
  expect(verdict.remarks.length).toBeGreaterThan(0);
}

describe("the judge of campaigns", () => {
  it("wants every sample exactly once, and none besides", () => {
    const document = documentOf({ collect: [{ signals: "VehicleSpeed.Speed", mode: "every", ms: 0 }] });
    const key = columnKey("VehicleSpeed.Speed", "", 0);
    expect(verdictOf(document, [{ key, got: speed }])).toMatchObject({ judged: speed.length, mismatches: 0 });
    for (const got of [speed.slice(1), speed.toSpliced(50, 1), [...speed, speed[3]], changed(speed, 20, 0.01)])
      expectBroken(verdictOf(document, [{ key, got }]));
  });

  it("works out aggregates itself", () => {
    const over = { windowMs: 1000 };
    const entry = { signals: "VehicleSpeed.Speed", mode: "aggregate", of: ["mean", "max"], over };
    const document = documentOf({ collect: [entry] });
    const windows = Map.groupBy(speed, ([timeUs]) => Math.floor(timeUs / 1e6));
    const means = [...windows].map(([window, list]) => {
      return [(window + 1) * 1e6, list.reduce((sum, [, value]) => sum + value, 0) / list.length] as const;
    });
    const highest = [...windows.values()].map((list) => list.toSorted((a, b) => b[1] - a[1] || a[0] - b[0])[0]);
    const column = (of: string, got: Column["got"]) => ({ key: columnKey("VehicleSpeed.Speed", of, 1e6), got });
    const verdict = verdictOf(document, [column("mean", means), column("max", highest)]);
    expect(verdict).toMatchObject({ judged: means.length + highest.length, mismatches: 0, unverified: 0 });
    expectBroken(verdictOf(document, [column("mean", changed(means, 2, 1e-4)), column("max", highest)]));
    expectBroken(verdictOf(document, [column("mean", means), column("max", changed(highest, 2, -0.01))]));
    expectBroken(verdictOf(document, [column("mean", means.slice(0, -1)), column("max", highest)]));
  });

  it("measures how far the samples that a curve left out are from its lines", () => {
    const entry = { signals: "VehicleSpeed.Speed", mode: "curve", maxError: 0.5, maxDelayMs: 5000 };
    const document = documentOf({ collect: [entry] });
    const key = columnKey("VehicleSpeed.Speed", "", 0);
    expect(verdictOf(document, [{ key, got: speed }])).toMatchObject({ mismatches: 0 });
    const ends = [speed[0], ...speed.filter((_, at) => at % 200 === 199), speed[speed.length - 1]];
    expectBroken(verdictOf(document, [{ key, got: ends }]));
    expectBroken(verdictOf(document, [{ key, got: speed.slice(0, -1) }]));
    expectBroken(verdictOf(document, [{ key, got: changed(speed, 100, 0.02) }]));
  });

  it("finds the trigger, and the frames around it, by itself", () => {
    const document = documentOf({
      inputs: { speed: "VehicleSpeed.Speed" },
      trigger: { condition: "speed > 20.0", beforeMs: 500, afterMs: 200 },
      collect: [{ signals: "VehicleSpeed.Speed", mode: "every", ms: 0 }],
      frames: [{ bus: "can0", ids: [{ id: 212 }] }],
    });
    const fired = speed.find(([, value]) => value > 20);
    if (fired === undefined) throw new TypeError("it never drives");
    const [timeUs, value] = fired;
    const inside = speed.filter(([at]) => at >= timeUs - 500_000 && at <= timeUs + 200_000);
    const triggers = [triggerOf("BEGIN", timeUs, value), triggerOf("END", timeUs + 1_000_000, value)];
    const column = (got: Column["got"]) => [{ trigger: 1, key: columnKey("VehicleSpeed.Speed", "", 0), got }];
    const withFrames = (count: number, got = inside, told = triggers): CampaignVerdict => {
      const evidence = new CampaignEvidence();
      evidence.triggers.push(...told);
      const columns = got.map(([at, physical]) => ({ timeUs: at, raw: undefined, physical }));
      evidence.columns.set(1, new Map([[columnKey("VehicleSpeed.Speed", "", 0), columns]]));
      const given = frames.filter(
        (one) =>
          one.message.name === "VehicleSpeed" && one.timeUs >= timeUs - 500_000 && one.timeUs <= timeUs + 200_000,
      );
      evidence.frames.push(framesOf(given.slice(0, count)));
      return judgeCampaign({ document, frames, facts, evidence, excuse: undefined });
    };
    expect(withFrames(1000)).toMatchObject({ triggers: 1, mismatches: 0, unverified: 0 });
    expectBroken(withFrames(inside.length - 1));
    expectBroken(withFrames(1000, inside.slice(1)));
    expectBroken(withFrames(1000, [...inside, [timeUs + 210_000, 20]]));
    expectBroken(withFrames(1000, inside, [triggerOf("BEGIN", timeUs + 10_000, value), triggers[1]]));
    expectBroken(withFrames(1000, inside, [triggerOf("BEGIN", timeUs, value + 0.1), triggers[1]]));
    expectBroken(verdictOf(document, column(inside)));
    expect(withFrames(1000, inside, [triggers[0]]).unverified).toBe(inside.length);
  });

  it("says what it does not judge", () => {
    const document = documentOf({
      budget: { bytesPerDay: 5000 },
      collect: [{ signals: "VehicleSpeed.Speed", mode: "every", ms: 0 }],
    });
    const verdict = verdictOf(document, [{ key: columnKey("VehicleSpeed.Speed", "", 0), got: speed }]);
    expect(verdict).toMatchObject({ judged: 0, unverified: speed.length, remarks: ["not judged: it has a budget"] });
  });

  it.each(["every", "aggregates", "braking", "cells"])("has an example of a campaign that is one: %s", (name) => {
    const text = readFileSync(`test/bench/campaigns/${name}.yaml`, "utf8");
    expect(text).toContain(`id: ${name}`);
  });
});

function triggerOf(phase: "BEGIN" | "END", timeUs: number, value: number): WireTrigger {
  return {
    campaign: { id: "c", version: 1, digest: "" },
    number: 1,
    phase: `TRIGGER_PHASE_${phase}`,
    timeUs,
    values: [{ name: "speed", number: value }],
    beforeMs: 500,
    afterMs: 200,
    historyMs: 500,
    clockStepped: false,
    spansStop: false,
    marksUs: [],
    marksDropped: 0,
    frames: 0,
    framesLost: 0,
    samplesDiscarded: 0,
    byHand: false,
  };
}

function framesOf(given: readonly ReceivedFrame[]) {
  const data = given.map(({ message, n }) => frameOf(message, n, 1));
  return {
    bus: "can0",
    baseTimeUs: 0,
    deltas: given.map(({ timeUs }, at) => timeUs - (at === 0 ? 0 : given[at - 1].timeUs)),
    ids: given.map(({ message }) => message.id),
    flags: given.map(() => 0),
    lengths: data.map(({ length }) => length),
    data: Buffer.concat(data),
    campaign: null,
    trigger: 1,
  };
}
