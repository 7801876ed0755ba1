import { describe, expect, it } from "vitest";
import type { Clock } from "../../../../agent/core/clock.ts";
import { type LogSettings, playLog } from "../../../../drivers/can/log-player.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

const LOG = "(100.000000) can0 001#\n(100.000400) can0 002#\n(100.250000) can0 003# T\n(103.250000) can0 004#\n";

/** Plays the log on a clock that jumps to each time that is waited for. Gives id and time of each frame, ms since the start. */
async function played(settings: Partial<LogSettings>): Promise<readonly (readonly [number, number])[]> {
  const clock = new ManualClock();
  const startMs = clock.monotonicMs();
  const jumping: Clock = {
    wallUs: () => clock.wallUs(),
    monotonicMs: () => clock.monotonicMs(),
    boottimeMs: () => clock.boottimeMs(),
    quality: () => clock.quality(),
    sleep: async (ms) => clock.advance(ms),
    every: (ms, tick) => clock.every(ms, tick),
  };
  const source = {
    name: "drive.log",
    async *open() {
      yield Buffer.from(LOG);
    },
  };
  const frames: (readonly [number, number])[] = [];
  const whole: LogSettings = {
    source,
    speed: 1,
    rounds: 1,
    leastWaitMs: 1,
    skipGapsUs: Number.POSITIVE_INFINITY,
    accepts: () => true,
    ...settings,
  };
  const parts = {
    clock: jumping,
    onMalformed: () => undefined,
    onTimeStep: () => undefined,
    beforeWait: () => undefined,
  };
  for await (const { id } of playLog(whole, parts, new AbortController().signal))
    frames.push([id, Math.round(clock.monotonicMs() - startMs)]);
  return frames;
}

describe("playLog", () => {
  it("sends each frame when it is due, to the ms", async () => {
    expect(await played({})).toEqual([
      [1, 0],
      [2, 1],
      [3, 250],
      [4, 3250],
    ]);
    expect(await played({ leastWaitMs: 5 })).toEqual([
      [1, 0],
      [2, 5],
      [3, 250],
      [4, 3250],
    ]);
  });

  it("has a distance of its own where that is asked for, from round to round too", async () => {
    expect(await played({ gapUs: 10_000, rounds: 2 })).toEqual([
      [1, 0],
      [2, 10],
      [3, 20],
      [4, 30],
      [1, 40],
      [2, 50],
      [3, 60],
      [4, 70],
    ]);
  });

  it("plays as often as it is told to", async () => {
    expect((await played({ rounds: 3 })).map(([id]) => id)).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
  });

  it("lets frames be chosen by their direction", async () => {
    expect((await played({ accepts: (_bus, _id, _flags, sent) => sent })).map(([id]) => id)).toEqual([3]);
  });
});
