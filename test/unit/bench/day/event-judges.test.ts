import { beforeAll, describe, expect, it } from "vitest";
import { judgeClockChanges } from "../../../bench/consumers/day/clock-judge.ts";
import { Corrections } from "../../../bench/consumers/day/corrections.ts";
import type { DayRecord } from "../../../bench/consumers/day/day-records.ts";
import type { BootFacts } from "../../../bench/consumers/day/sample-truth.ts";
import type { SleepFacts } from "../../../bench/consumers/day/sleep-judge.ts";
import { judgeUsage } from "../../../bench/consumers/day/usage-judge.ts";
import { judgeWakes } from "../../../bench/consumers/day/wake-judge.ts";
import type { WireDataUsage, WireRecord, WireWake } from "../../../bench/consumers/record-reader.ts";
import { type DayPlan, loadDay } from "../../../bench/day/day-plan.ts";

const DAY = 20_605;
const MINUTE_MS = 60_000;
const MIDNIGHT_MS = 40 * MINUTE_MS;
const EPOCH_MS = (DAY + 1) * 86_400_000 - MIDNIGHT_MS;
const BOOT = "1".padStart(32, "0");

let plan: DayPlan;

beforeAll(async () => {
  plan = await loadDay("short");
});

/** One that came a second after it was made; its clock was off by so much. */
function cameAt(atMs: number, body: WireRecord["body"], more: Partial<WireRecord>, offMs = 0): DayRecord {
  const quality = offMs === 0 ? "CLOCK_QUALITY_NTP" : "CLOCK_QUALITY_UNSYNCHRONISED";
  const wallUs = BigInt((EPOCH_MS + atMs + offMs) * 1000);
  const anchor = { wallUs, monotonicUs: BigInt(atMs * 1000), suspendedUs: 0n, quality };
  const ids = { thing: "bench-van", epoch: 1n, stream: "event", seq: 1n, bootId: BOOT };
  return { record: { ...ids, anchor, body, ...more }, heardMs: atMs + 1000, bytes: 400 };
}

/** All that judges ask of these records, in a boot whose clock is right. */
function partsOf(records: readonly DayRecord[]) {
  const right = cameAt(1, "audit", { stream: "control" });
  const all = [right, ...records];
  const corrections = new Corrections(
    all.map(({ record }) => record),
    EPOCH_MS,
  );
  return { plan, heard: { records: all, columns: () => [] }, corrections };
}

describe("the judges of what happened to the gateway", () => {
  it("want each wake told once, with who woke it, and for how long it slept", () => {
    const slept = (fromMinute: number, minutes: number, wokenBy: SleepFacts["wokenBy"]): SleepFacts => {
      const fromMs = fromMinute * MINUTE_MS;
      return { fromMs, toMs: fromMs + minutes * MINUTE_MS, wokenBy, farewell: undefined, alarmMs: undefined };
    };
    const sleeps = [slept(3, 6, "power"), slept(19.5, 6, "bus"), slept(33.5, 15, "alarm"), slept(69, 9, "tap")];
    const wakes: readonly WireWake[] = sleeps.slice(1).map(({ fromMs, toMs, wokenBy }, at) => ({
      number: at + 1,
      timeUs: (EPOCH_MS + toMs + 300) * 1000,
      cause: wokenBy === "alarm" ? "rtc" : "can",
      checkIn: wokenBy === "alarm",
      suspendedMs: toMs - fromMs + 200,
    }));
    const judge = (told: readonly WireWake[], of = sleeps): number => {
      const records = told.map((wake) => cameAt(wake.timeUs / 1000 - EPOCH_MS, "wake", { wake }));
      return judgeWakes({ ...partsOf(records), sleeps: of }).wrong;
    };
    expect(judge(wakes)).toBe(0);
    // Less than a second was no sleep.
    expect(judge(wakes, [...sleeps, slept(20, 0.01, "bus")])).toBe(0);
    expect(judge(wakes, [...sleeps, slept(20, 0.02, "bus")])).toBe(2);
    // Turned back on its way to sleep.
    expect(judge([...wakes, { ...wakes[0], number: 9, suspendedMs: 0, timeUs: wakes[0].timeUs + 60e6 }])).toBe(0);
    expect(judge(wakes.slice(1))).toBe(2);
    expect(judge([...wakes, { ...wakes[0], number: 9 }])).toBe(2);
    expect(judge(wakes.with(1, { ...wakes[1], checkIn: false }))).toBe(1);
    expect(judge(wakes.with(0, { ...wakes[0], cause: "unknown" }))).toBe(1);
    expect(judge(wakes.with(2, { ...wakes[2], suspendedMs: 60_000 }))).toBe(1);
    expect(judge(wakes.with(2, { ...wakes[2], timeUs: wakes[2].timeUs + 60e6 }))).toBe(1);
  });

  it("want each boot to say what its clock is worth, and by how far it is set, and nothing else", () => {
    const [bootMs, setMs] = [2 * MINUTE_MS, 6 * MINUTE_MS];
    const clockMs = 10_000;
    const offMs = clockMs - EPOCH_MS - bootMs;
    const line = {
      startsAtMs: EPOCH_MS,
      paces: [{ fromMs: 0, speed: 60 }],
      clocks: [
        { fromMs: bootMs, offMs, quality: "unsynchronised" as const },
        { fromMs: setMs, offMs: 0, quality: "ntp" as const },
      ],
      bootedAtMs: bootMs,
      suspends: [],
      waits: false,
    };
    const change = (atMs: number, reason: string, quality: string, stepMs = 0): DayRecord => {
      const off = atMs < setMs ? offMs : 0;
      const wallUs = (EPOCH_MS + atMs + off) * 1000;
      const after = { quality: `CLOCK_QUALITY_${quality}` };
      return cameAt(atMs, "clockChange", { clockChange: { after, stepUs: stepMs * 1000, wallUs, reason } }, off);
    };
    const start = change(bootMs + 4000, "start", "UNSYNCHRONISED");
    const step = change(setMs + 1500, "step", "NTP", -offMs);
    const boots: readonly BootFacts[] = [{ bootId: BOOT, atMs: bootMs, clockMs, setMs }];
    const judge = (records: readonly DayRecord[], of = boots): number => {
      const { heard, corrections } = partsOf(records);
      return judgeClockChanges({ plan, line, boots: of, heard }, corrections).wrong;
    };
    expect(judge([start, step])).toBe(0);
    expect(judge([start, step, change(setMs + 60_000, "error", "NTP")])).toBe(0);
    expect(judge([step])).toBe(1);
    expect(judge([start])).toBe(1);
    expect(judge([start, change(setMs + 1500, "step", "NTP", -offMs + 20)])).toBe(1);
    expect(judge([start, change(setMs + 90_000, "step", "NTP", -offMs)])).toBe(1);
    expect(judge([start, change(setMs + 1500, "step", "UNSYNCHRONISED", -offMs)])).toBe(1);
    expect(judge([start, step, change(setMs + 60_000, "step", "NTP", 100)])).toBe(1);
    expect(judge([start, step], [{ ...boots[0], clockMs: undefined }])).toBe(1);
  });

  it("want a day told once when it is over, with what came in it, and little more", () => {
    const wokenMs = MIDNIGHT_MS + 8 * MINUTE_MS;
    const asleep = { fromMs: 33.5 * MINUTE_MS, toMs: wokenMs, farewell: undefined, alarmMs: undefined };
    const sleeps: readonly SleepFacts[] = [{ ...asleep, wokenBy: "alarm" }];
    const [boot]: readonly BootFacts[] = [{ bootId: BOOT, atMs: 0, clockMs: undefined, setMs: 0 }];
    const came = [1, 2, 3, 90].map((minute) => cameAt(minute * MINUTE_MS, "samples", { stream: "telemetry" }));
    const usageOf = (telemetry: number, control = 900): WireDataUsage["usage"] => [
      { link: "lo", use: "telemetry", dayBytes: telemetry },
      { link: "lo", use: "control", dayBytes: control },
    ];
    const over = (usage: WireDataUsage["usage"], atMs = wokenMs + 3000, day: number | undefined = DAY): DayRecord =>
      cameAt(atMs, "dataUsage", { dataUsage: { day, usage, timeUs: (EPOCH_MS + atMs) * 1000 } });
    const judge = (of: readonly DayRecord[], boots = [boot]): number =>
      judgeUsage({ ...partsOf([...came, ...of]), sleeps, boots, epochMs: EPOCH_MS }).wrong;
    expect(judge([over(usageOf(2000))])).toBe(0);
    expect(judge([])).toBe(1);
    expect(judge([over(usageOf(2000)), over(usageOf(0))])).toBe(1);
    expect(judge([over(usageOf(2000), wokenMs + 3000, DAY + 1)])).toBe(1);
    expect(judge([over(usageOf(2000), MIDNIGHT_MS - 1000)])).toBe(1);
    expect(judge([over(usageOf(2000), wokenMs + 6 * MINUTE_MS)])).toBe(1);
    expect(judge([over(usageOf(1199))])).toBe(1);
    expect(judge([over(usageOf(2000, 300))])).toBe(1);
    // What was kept ahead when the power was cut counts.
    expect(judge([over(usageOf(100_000))])).toBe(1);
    expect(judge([over(usageOf(100_000))], [boot, { ...boot, atMs: 10 * MINUTE_MS }])).toBe(0);
  });
});
