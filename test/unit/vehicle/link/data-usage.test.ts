import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AHEAD_BYTES, DataUsage, type EndedDay } from "../../../../agent/vehicle/link/data-usage.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

const SEED = 1734;
const DAY_MS = 86_400_000;
const LINKS = ["wwan0", "wlan0"] as const;
const USES = ["telemetry", "capture", "ota"] as const;

/** A disk with the counts, and a `DataUsage` on it that can be killed. */
function rig() {
  const clock = new ManualClock();
  let disk: Uint8Array | undefined;
  let writes = 0;
  let isFailing = false;
  const ended: EndedDay[] = [];
  const open = (): DataUsage =>
    new DataUsage({
      kept: disk,
      keep: (value, day) => {
        if (isFailing) return false;
        if (day !== undefined) ended.push(day);
        writes += 1;
        disk = value;
        return true;
      },
      clock,
    });
  return {
    clock,
    open,
    ended,
    writes: () => writes,
    fail: (fails: boolean) => {
      isFailing = fails;
    },
    disk: (value: Uint8Array | undefined) => {
      disk = value;
    },
    damage: () => {
      disk = new Uint8Array([1, 2, 3]);
    },
  };
}

function bytesOf(usage: DataUsage, link: string, use: string): readonly [day: number, month: number] {
  const found = usage.counts.find((one) => one.link === link && one.use === use);
  return [found?.dayBytes ?? 0, found?.monthBytes ?? 0];
}

describe("DataUsage", () => {
  it("counts on exactly after a stop in order, and is never behind after a kill", () => {
    const { open } = rig();
    const first = open();
    first.add("wwan0", "capture", 1000);
    first.settle();
    const second = open();
    expect(bytesOf(second, "wwan0", "capture")).toEqual([1000, 1000]);
    second.add("wwan0", "capture", 500);
    expect(bytesOf(open(), "wwan0", "capture")).toEqual([1500 + AHEAD_BYTES, 1500 + AHEAD_BYTES]);
  });

  it("writes once for so many small counts, and before a large one", () => {
    const { open, writes } = rig();
    const usage = open();
    for (let count = 0; count < 400; count++) usage.add("wwan0", "telemetry", 1000);
    expect(writes()).toBe(4);
    usage.add("wwan0", "telemetry", 1_000_000);
    expect(writes()).toBe(5);
    expect(bytesOf(open(), "wwan0", "telemetry")[0]).toBeGreaterThanOrEqual(1_400_000);
  });

  it("asks to be kept with others' writes when a half of what is ahead is used, and then writes none of its own", () => {
    const { open, writes, disk } = rig();
    const usage = open();
    usage.add("wwan0", "telemetry", 1000);
    expect(usage.keeping()).toBeUndefined();
    for (let round = 0; round < 20; round++) {
      for (let count = 0; count < 70; count++) usage.add("wwan0", "telemetry", 1000);
      const keeping = usage.keeping();
      disk(keeping?.kept[0]?.value);
      keeping?.done();
    }
    expect(writes()).toBe(1);
    expect(bytesOf(open(), "wwan0", "telemetry")[0]).toBe(1_401_000 + AHEAD_BYTES);
  });

  it("begins a day at zero and goes on with the month, until that is over", () => {
    const { clock, open } = rig();
    const usage = open();
    usage.add("wwan0", "telemetry", 1000);
    clock.advance(DAY_MS);
    usage.turn();
    expect(bytesOf(usage, "wwan0", "telemetry")).toEqual([0, 1000]);
    clock.advance(31 * DAY_MS);
    usage.turn();
    expect(bytesOf(usage, "wwan0", "telemetry")).toEqual([0, 0]);
  });

  it("tells what a day had once, when the next one begins, and later where the outbox takes nothing then", () => {
    const { clock, open, ended, fail } = rig();
    const usage = open();
    usage.add("wwan0", "telemetry", 1000);
    usage.add("wlan0", "capture", 50);
    fail(true);
    clock.advance(DAY_MS);
    usage.turn();
    fail(false);
    expect(ended).toEqual([]);
    usage.add("wwan0", "telemetry", 7);
    const day = Date.UTC(2026, 0, 1) / DAY_MS;
    expect(ended).toMatchObject([
      {
        day,
        counts: [
          { link: "wwan0", use: "telemetry", dayBytes: 1000, monthBytes: 1000 },
          { link: "wlan0", use: "capture", dayBytes: 50, monthBytes: 50 },
        ],
      },
    ]);
    clock.advance(DAY_MS);
    usage.turn();
    expect(ended).toHaveLength(2);
    expect(ended[1]).toMatchObject({ day: day + 1, counts: [{ dayBytes: 7, monthBytes: 1007 }] });
  });

  it("goes on with the count for a clock that goes back, over a restart too", () => {
    const { clock, open } = rig();
    open().add("wwan0", "telemetry", 1000);
    clock.stepWall(-3650 * DAY_MS * 1000);
    const usage = open();
    usage.turn();
    clock.advance(1000);
    clock.stepWall(3650 * DAY_MS * 1000);
    usage.turn();
    expect(bytesOf(usage, "wwan0", "telemetry")[0]).toBeGreaterThanOrEqual(1000);
  });

  it("begins no day by a clock that nobody vouches for", () => {
    const { clock, open } = rig();
    const usage = open();
    usage.add("wwan0", "telemetry", 1000);
    clock.setQuality("saved");
    clock.stepWall(5 * DAY_MS * 1000);
    clock.advance(1000);
    usage.turn();
    expect(bytesOf(usage, "wwan0", "telemetry")).toEqual([1000, 1000]);
  });

  it("keeps later what the outbox does not take now", () => {
    const { open, fail } = rig();
    const usage = open();
    fail(true);
    usage.add("wwan0", "telemetry", 1000);
    fail(false);
    usage.add("wwan0", "telemetry", 1);
    expect(bytesOf(open(), "wwan0", "telemetry")[0]).toBe(1001 + AHEAD_BYTES);
  });

  it("counts from zero where what was kept cannot be read", () => {
    const { open, damage } = rig();
    damage();
    const usage = open();
    expect(usage.counts).toEqual([]);
  });

  it("counts what goes over a seventeenth link for the last one", () => {
    const { open } = rig();
    const usage = open();
    for (let link = 0; link < 20; link++) usage.add(`usb${link}`, "telemetry", 1);
    expect(bytesOf(usage, "usb15", "telemetry")[0]).toBe(5);
    expect(usage.counts).toHaveLength(16);
  });

  it("is after any kills never behind what went out, and ahead by at most one step a kill", () => {
    const step = fc.oneof(
      { weight: 10, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 200_000 }), at: fc.nat(5) }) },
      { weight: 2, arbitrary: fc.constant("kill" as const) },
      { weight: 1, arbitrary: fc.constant("stop" as const) },
      { weight: 1, arbitrary: fc.constant("midnight" as const) },
      { weight: 3, arbitrary: fc.constant("ack" as const) },
    );
    const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { clock, open, disk: write } = rig();
      let usage = open();
      usage.turn();
      const sent = new Map<string, number>();
      let kills = 0;
      for (const one of steps) {
        if (one === "ack") {
          const keeping = usage.keeping();
          if (keeping !== undefined) write(keeping.kept[0]?.value);
          keeping?.done();
        } else if (one === "kill") {
          usage = open();
          kills += 1;
        } else if (one === "stop") {
          usage.settle();
          usage = open();
        } else if (one === "midnight") {
          clock.advance(DAY_MS);
          usage.turn();
          sent.clear();
          kills = 0;
        } else {
          const [link, use] = [LINKS[one.at % 2], USES[one.at % 3]];
          usage.add(link, use, one.add);
          sent.set(`${link} ${use}`, (sent.get(`${link} ${use}`) ?? 0) + one.add);
        }
        for (const link of LINKS) {
          for (const use of USES) {
            const truth = sent.get(`${link} ${use}`) ?? 0;
            const [day] = bytesOf(usage, link, use);
            expect(day).toBeGreaterThanOrEqual(truth);
            expect(day).toBeLessThanOrEqual(truth + kills * AHEAD_BYTES);
          }
        }
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 300 });
  });
});
