import { beforeAll, describe, expect, it } from "vitest";
import { CommandExecutions, type Execution } from "../../../bench/cloud/command-executions.ts";
import { judgeRoaming } from "../../../bench/consumers/day/budget-judge.ts";
import { Corrections } from "../../../bench/consumers/day/corrections.ts";
import type { DayRecord, Heard, PresenceHeard } from "../../../bench/consumers/day/day-records.ts";
import { judgeFences } from "../../../bench/consumers/day/fence-judge.ts";
import { judgeQuiet, judgeUnlocks, judgeUpdates, type OrderParts } from "../../../bench/consumers/day/order-judges.ts";
import { judgePlaces } from "../../../bench/consumers/day/place-judge.ts";
import { judgeSamples, type TruthParts } from "../../../bench/consumers/day/sample-truth.ts";
import { judgePresence, type SleepFacts } from "../../../bench/consumers/day/sleep-judge.ts";
import { judgeTimes } from "../../../bench/consumers/day/time-judge.ts";
import { judgeStates, judgeTrips } from "../../../bench/consumers/day/trip-judge.ts";
import type { WireRecord, WireSignal } from "../../../bench/consumers/record-reader.ts";
import type { SampleColumn } from "../../../bench/consumers/sample-judge.ts";
import { type DayPlan, loadDay } from "../../../bench/day/day-plan.ts";
import type { Timeline } from "../../../bench/day/timeline.ts";
import { vanAt } from "../../../bench/day/van-drive.ts";

const STARTS_AT_MS = Date.UTC(2026, 5, 1, 6);
const LINE: Timeline = {
  startsAtMs: STARTS_AT_MS,
  paces: [{ fromMs: 0, speed: 60 }],
  clocks: [{ fromMs: 0, offMs: 0, quality: "ntp" }],
  bootedAtMs: 0,
  suspends: [],
  waits: false,
};
const BOOT = "1".padStart(32, "0");
const SUSPENDED_US = 70_000_000;

let plan: DayPlan;
let columns: Map<WireRecord, readonly SampleColumn[]>;

beforeAll(async () => {
  plan = await loadDay("short");
});

/** A record whose clock was off by so much. */
function recordOf(body: WireRecord["body"], more: Partial<WireRecord> = {}, offMs = 0, quality = "NTP"): WireRecord {
  const boottimeUs = 500_000_000;
  const wallUs = (STARTS_AT_MS + offMs) * 1000 + boottimeUs;
  const anchor = {
    wallUs: BigInt(wallUs),
    monotonicUs: BigInt(boottimeUs - SUSPENDED_US),
    suspendedUs: BigInt(SUSPENDED_US),
    quality: `CLOCK_QUALITY_${quality}`,
  };
  return { thing: "bench-van", epoch: 1n, stream: "event", seq: 1n, bootId: BOOT, anchor, body, ...more };
}

function heardOf(records: readonly WireRecord[]): Heard {
  const all: DayRecord[] = records.map((record) => ({ record, heardMs: 0, bytes: 0 }));
  return { records: all, columns: (record) => columns.get(record) ?? [] };
}

function column(message: string, name: string, rows: readonly (readonly [ms: number, value: number])[], factor = 1) {
  const signal: WireSignal = {
    index: 1,
    bus: "can0",
    message,
    arbitrationId: 1,
    extended: false,
    name,
    unit: "",
    factor,
    offset: 0,
    kind: "SIGNAL_KIND_INTEGER",
    isSigned: true,
    bits: 48,
    aggregate: "",
    windowUs: 0,
    expression: "",
  };
  const timesUs = rows.map(([ms]) => (STARTS_AT_MS + ms) * 1000);
  return { signal, axis: 0, timesUs, values: rows.map(([, value]) => value) };
}

/** A record of samples with these columns. */
function samplesOf(of: readonly SampleColumn[], offMs = 0, quality = "NTP"): WireRecord {
  const samples = { table: "t", baseTimeUs: 0n, timeUnitUs: 1, axes: [], columns: [], campaign: null, trigger: 0n };
  const record = recordOf("samples", { samples }, offMs, quality);
  columns.set(
    record,
    of.map((one) => ({ ...one, timesUs: one.timesUs.map((us) => us + offMs * 1000) })),
  );
  return record;
}

const correctionsOf = (heard: Heard): Corrections =>
  new Corrections(
    heard.records.map(({ record }) => record),
    STARTS_AT_MS,
  );
const truthParts = (records: readonly WireRecord[], clockMs?: number): TruthParts => ({
  plan,
  line: LINE,
  boots: [{ bootId: BOOT, atMs: 0, clockMs, setMs: 700_000 }],
  heard: heardOf(records),
});

describe("the judges of a day", () => {
  columns = new Map();

  it("take a sample for what the van was at its time, and for nothing else", () => {
    const ms = plan.trips[0].fromMs + 30_000;
    const speed = Math.round(vanAt(plan, ms).speedKph * 100);
    const judge = (value: number, at = ms): number =>
      judgeSamples(truthParts([samplesOf([column("VanMotion", "Speed", [[at, value]])])])).verdicts[0].wrong;
    expect([judge(speed), judge(speed + 1), judge(speed, ms + 3000), judge(speed, ms + 0.1)]).toEqual([0, 1, 1, 1]);
  });

  it("find a round of a trip that is missing, or came twice", () => {
    const rows: [number, number][] = [];
    for (const { fromMs, toMs } of plan.trips) for (let ms = fromMs; ms < toMs; ms += 100) rows.push([ms, ms * 1000]);
    const judge = (of: readonly [number, number][]): number | undefined =>
      judgeSamples(truthParts([samplesOf([column("VanTime", "SinceStart", of)])])).verdicts[1]?.wrong;
    expect([judge(rows), judge(rows.slice(1)), judge([...rows, rows[5]])]).toEqual([0, 1, 1]);
  });

  it("correct a time by the anchors of its boot, and find one that is 11 ms off", () => {
    const judge = (offMs: number): readonly number[] => {
      const wrong = samplesOf([column("VanTime", "SinceStart", [[1000 + offMs, 1_000_000]])], -1e12, "UNSYNCHRONISED");
      const parts = truthParts([wrong, samplesOf([])], STARTS_AT_MS - 1e12);
      const verdict = judgeTimes(parts, correctionsOf(parts.heard));
      return [verdict.checked, verdict.wrong];
    };
    expect([judge(0), judge(9), judge(11)]).toEqual([
      [3, 0],
      [3, 0],
      [3, 1],
    ]);
  });

  it("want each trip begun and ended once, when it was, with its odometer", () => {
    const trips = (change: (trip: Record<string, unknown>, at: number) => object = (trip) => trip): number => {
      const records = plan.trips.flatMap(({ fromMs, toMs, startOdometerMetres, metres }, at) =>
        (["begin", "end"] as const).map((phase, side) => {
          const trip = {
            number: at * 2 + side + 1,
            repeated: false,
            trip: at + 1,
            phase,
            timeUs: (STARTS_AT_MS + (side === 0 ? fromMs + 600 : toMs + 5100)) * 1000,
            ...(side === 0 ? {} : { lastedMs: BigInt(toMs - fromMs + 4500) }),
            interrupted: false,
            odometerKm: (startOdometerMetres + side * metres) / 1000,
          };
          return recordOf("trip", { trip: { ...trip, ...change(trip, at * 2 + side) } });
        }),
      );
      const heard = heardOf(records);
      return judgeTrips({ plan, heard, corrections: correctionsOf(heard) }).wrong;
    };
    expect(trips()).toBe(0);
    expect(trips((_trip, at) => (at === 3 ? { odometerKm: 1 } : {}))).toBe(1);
    expect(trips((trip, at) => (at === 2 ? { timeUs: Number(trip.timeUs) + 60e6 } : {}))).toBe(1);
    expect(trips((_trip, at) => (at === 5 ? { interrupted: true } : {}))).toBe(1);
    expect(trips((_trip, at) => (at === 5 ? { trip: 7 } : {}))).toBe(1);
  });

  it("want changes of the state in a chain, and each number once", () => {
    const chain = ["parked", "driving", "parked", "asleep-soon", "driving", "parked", "driving", "parked"];
    const judge = (states: readonly string[], numbers = states.map((_, at) => at + 1)): number => {
      const records = states.slice(1).map((state, at) =>
        recordOf("vehicleStateChange", {
          vehicleStateChange: { number: numbers[at], repeated: false, state, before: chain[at], timeUs: at },
        }),
      );
      const heard = heardOf(records);
      return judgeStates({ plan, heard, corrections: correctionsOf(heard) }).wrong;
    };
    expect(judge(chain)).toBe(0);
    expect(judge(chain.with(3, "parked"))).toBeGreaterThan(0);
    expect(judge(chain, [1, 2, 3, 3, 5, 6, 7])).toBe(1);
  });

  it("want a word before each sleep, silence in it, and another after it", () => {
    const said = (state: PresenceHeard["state"], heardMs: number, more: Partial<PresenceHeard> = {}): PresenceHeard => {
      return { state, heardMs, at: new Date(STARTS_AT_MS + heardMs).toISOString(), bootId: BOOT, ...more };
    };
    const nextCheckInAt = new Date(STARTS_AT_MS + 1e6).toISOString();
    const farewell = said("asleep", 90_000, { reason: "asleep-soon", nextCheckInAt });
    const presences = [said("online", 10), farewell, said("online", 1_003_000), said("online", 4_690_000)];
    const sleeps: SleepFacts[] = [
      { fromMs: 92_000, toMs: 1_000_000, wokenBy: "alarm", farewell, alarmMs: 1_000_500 },
      { fromMs: 4_000_000, toMs: plan.unlocksMs[0], wokenBy: "tap", farewell, alarmMs: 1_000_500 },
    ];
    const judge = (of: readonly SleepFacts[], heard: readonly PresenceHeard[] = presences): number =>
      judgePresence({ plan, line: LINE, sleeps: of, heard: { presences: [...heard] } }).wrong;
    expect(judge(sleeps)).toBe(0);
    expect(judge([{ ...sleeps[0], alarmMs: 1_070_000 }, sleeps[1]])).toBe(1);
    expect(judge([{ ...sleeps[0], alarmMs: undefined }, sleeps[1]])).toBe(1);
    expect(judge([{ ...sleeps[0], farewell: { ...farewell, reason: undefined } }, sleeps[1]])).toBe(1);
    expect(judge(sleeps, [...presences.slice(0, 2), said("online", 500_000), ...presences.slice(2)])).toBe(1);
    expect(judge(sleeps, presences.with(2, said("online", 1_400_000)))).toBe(1);
    expect(judge(sleeps, [...presences, said("lost", 3_000_000)])).toBe(1);
    expect(judge(sleeps.slice(1))).toBe(1);
    expect(judge(sleeps.slice(0, 1))).toBe(1);
  });

  it("want captures to wait while the modem is in a foreign network, and nothing else", () => {
    const [{ fromMs, toMs }] = plan.trips[1].roaming;
    const frames = {
      bus: "can0",
      baseTimeUs: (STARTS_AT_MS + plan.trips[1].brakesMs[0]) * 1000,
      deltas: [],
      ids: [],
      flags: [],
      lengths: [],
      data: new Uint8Array(),
      campaign: null,
      trigger: 1,
    };
    const record = (stream: string, heardMs: number): DayRecord => {
      const more = stream === "capture" ? { frames } : {};
      return { record: recordOf("frames", { stream, ...more }), heardMs, bytes: 100 };
    };
    const judge = (records: readonly DayRecord[]): number => {
      const heard = { records: [...records], columns: () => [] };
      return judgeRoaming({ plan, heard, corrections: correctionsOf(heard) }).wrong;
    };
    const live = record("telemetry", fromMs + 60_000);
    expect(judge([live, record("capture", toMs + 1000)])).toBe(0);
    expect(judge([live, record("capture", toMs - 1000)])).toBe(1);
    expect(judge([record("capture", toMs + 1000)])).toBe(1);
    expect(judge([live])).toBe(1);
  });

  it("want positions to be where the van is, of which a busy machine makes one of a hundred a little late", () => {
    const judge = (norths: readonly number[]): number => {
      const times = norths.map((_, at) => plan.trips[0].fromMs + 60_000 + at);
      const places = norths.map((north, at) => {
        const { latitude, longitude } = vanAt(plan, times[at] ?? 0);
        return { latitude: Math.round((latitude + north / 111_195) * 1e7), longitude: Math.round(longitude * 1e7) };
      });
      const columnOf = (name: "latitude" | "longitude") =>
        column(
          "location",
          name,
          places.map((place, at) => [times[at] ?? 0, place[name]]),
          1e-7,
        );
      const heard = heardOf([samplesOf([columnOf("latitude"), columnOf("longitude")])]);
      return judgePlaces({ plan, heard, corrections: correctionsOf(heard) }).wrong;
    };
    const right = Array.from({ length: 98 }, () => 50);
    expect([judge([0]), judge([50]), judge([70])]).toEqual([0, 0, 1]);
    expect([judge([...right, 70, 0]), judge([...right, 70, 70]), judge([...right, 250, 0])]).toEqual([0, 1, 1]);
  });

  it("want no position from the private zone, however right it is", () => {
    const judge = (atMs: number): number => {
      const { latitude, longitude } = vanAt(plan, atMs);
      const of = [
        column("location", "latitude", [[atMs, Math.round(latitude * 1e7)]], 1e-7),
        column("location", "longitude", [[atMs, Math.round(longitude * 1e7)]], 1e-7),
      ];
      const heard = heardOf([samplesOf(of)]);
      return judgePlaces({ plan, heard, corrections: correctionsOf(heard) }).wrong;
    };
    expect([judge(plan.trips[0].fromMs + 60_000), judge(plan.trips[0].fromMs + 10_000)]).toEqual([0, 1]);
  });

  it("want the depot entered and left as the van's way says", () => {
    const depot = plan.trips[0].metres;
    const crossings: [transition: string, ms: number][] = [];
    for (const { fromMs, toMs } of plan.trips) {
      for (let ms = fromMs; ms < toMs; ms += 1000) {
        const [before, after] = [ms, ms + 1000].map((at) => Math.abs(vanAt(plan, at).roadMetres - depot) < 300);
        if (before !== after) crossings.push([after ? "enter" : "leave", ms + 2000]);
      }
    }
    const judge = (of: readonly (readonly [transition: string, ms: number])[], day = plan): number => {
      const records = of.map(([transition, ms], at) => {
        const timeUs = (STARTS_AT_MS + ms) * 1000;
        return recordOf("fenceEvent", { fenceEvent: { number: at + 1, name: "depot", transition, timeUs } });
      });
      const heard = heardOf(records);
      return judgeFences({ plan: day, heard, corrections: correctionsOf(heard) }).wrong;
    };
    expect(crossings.map(([transition]) => transition)).toEqual(["enter", "leave", "enter", "leave"]);
    expect(judge(crossings)).toBe(0);
    expect(judge(crossings.slice(0, 3))).toBe(2);
    // In a tunnel nobody sees the crossing, but where the van comes out.
    const [, , [, enterMs]] = crossings;
    const tunnel = { fromMs: enterMs - 20_000, toMs: enterMs + 40_000 };
    const trips = plan.trips.with(2, { ...plan.trips[2], tunnels: [tunnel] });
    expect(judge(crossings.with(2, ["enter", tunnel.toMs + 2000]), { ...plan, trips })).toBe(0);
    expect(judge(crossings, { ...plan, trips })).toBe(1);
    expect(judge(crossings.with(1, ["leave", crossings[1][1] + 60_000]))).toBe(1);
    expect(judge(crossings.with(1, ["enter", crossings[1][1]]))).toBe(1);
  });

  it("want each unlock to move the doors once, by three frames, and nothing else on a bus that rests", () => {
    const [unlockMs = 0] = plan.unlocksMs;
    const execution = (status: Execution["status"]): Execution =>
      Object.assign(new CommandExecutions().create("one", "bench-van"), { status });
    const sent = (times: number, atMs = unlockMs + 3000) =>
      Array.from({ length: times }, () => ({ kind: "sent" as const, id: 0x600, atMs }));
    const parts = (change: Partial<OrderParts> = {}): OrderParts => ({
      plan,
      unlocks: [execution("SUCCEEDED")],
      updates: [],
      sent: sent(3),
      doors: [{ kind: "doors", isLocked: false, atMs: unlockMs + 3000 }],
      installs: [],
      ...change,
    });
    expect([judgeUnlocks(parts()).wrong, judgeQuiet(parts()).wrong]).toEqual([0, 0]);
    expect(judgeUnlocks(parts({ sent: sent(6) })).wrong).toBe(1);
    expect(judgeUnlocks(parts({ unlocks: [execution("TIMED_OUT")] })).wrong).toBe(1);
    expect(judgeUnlocks(parts({ doors: [] })).wrong).toBe(1);
    expect(judgeQuiet(parts({ sent: sent(3, unlockMs - 60_000) })).wrong).toBe(1);
  });

  it("want an update installed once, and not on a trip", () => {
    const trip = plan.trips[1];
    const judge = (installs: readonly string[]): number =>
      judgeUpdates({ plan, unlocks: [], updates: [], sent: [], doors: [], installs }).wrong;
    const missing = judge([]);
    const parked = trip.toMs + 20_000;
    expect(judge([`check ${parked}`, `install ${parked}`])).toBe(missing + 1);
    expect(judge([`check ${trip.fromMs + 9000}`, `install ${parked}`])).toBe(missing + 2);
  });
});
