import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EVERY_FRAME } from "../../../../agent/ports/can-bus.ts";
import { createReplayBus, type ReplayBusSettings } from "../../../../drivers/can/replay-bus.ts";
import { RecordingSink } from "../../../contract/can-bus.suite.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const START_US = 1_700_000_000_000_000;

let folder: string;
let clock: ManualClock;
let log: MemoryLog;
let sink: RecordingSink;
let filtered: number | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "causeway-log-"));
  clock = new ManualClock({ wallUs: START_US });
  log = new MemoryLog();
  sink = new RecordingSink();
});
afterEach(() => rmSync(folder, { recursive: true }));

async function play(lines: readonly string[], settings: Partial<ReplayBusSettings>, ms: number): Promise<void> {
  const file = join(folder, "drive.log");
  writeFileSync(file, `${lines.join("\n")}\n`);
  const bus = createReplayBus(
    { name: "log", file, speed: 1, loop: false, filters: EVERY_FRAME, ...settings },
    { clock, log },
  );
  await bus.start(sink);
  const endMs = clock.monotonicMs() + ms;
  while (clock.monotonicMs() < endMs && sink.states.at(-1) === "up") {
    // Reading the file takes real turns of the event loop, the distances between frames only manual time.
    if (clock.waiting() > 0) await clock.run(1);
    else await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await bus.stop();
  filtered = bus.filtered();
}

const THREE_FRAMES = ["(100.000000) can0 001#01", "(100.100000) can0 002#02", "(100.300000) can0 003#03"];

describe("createReplayBus", () => {
  it("keeps the distances of the log and moves its times to now", async () => {
    await play(THREE_FRAMES, {}, 1000);
    expect(sink.frames.map((frame) => frame.receivedAtUs - START_US)).toEqual([0, 100_000, 300_000]);
    expect(clock.wallUs() - START_US).toBe(300_000);
    expect(sink.states).toEqual(["up", "down"]);
  });

  it("divides the distances by the speed", async () => {
    await play(THREE_FRAMES, { speed: 4 }, 1000);
    expect(sink.frames.map((frame) => frame.receivedAtUs - START_US)).toEqual([0, 25_000, 75_000]);
  });

  it("keeps the pace when the log's clock is set back, and says so", async () => {
    const lines = ["(1000.0) can0 001#01", "(1001.0) can0 002#02", "(900.0) can0 003#03", "(900.5) can0 004#04"];
    await play(lines, {}, 3000);
    expect(sink.frames.map((frame) => frame.receivedAtUs - START_US)).toEqual([0, 1_000_000, 1_000_000, 1_500_000]);
    expect(log.of("bus.log-time-stepped")).toMatchObject([{ facts: { kind: "back", seconds: 101 } }]);
  });

  it("does not take frames of two interfaces out of order for a step of the clock", async () => {
    const lines = ["(1000.000) can0 001#01", "(999.999) can1 002#02", "(1000.100) can0 003#03"];
    await play(lines, {}, 1000);
    expect(sink.frames.map((frame) => frame.receivedAtUs - START_US)).toEqual([0, -1000, 100_000]);
    expect(log.of("bus.log-time-stepped")).toEqual([]);
  });

  it("passes over a gap that is longer than it is to wait for", async () => {
    const lines = ["(10.0) can0 001#01", "(1735270496.9) can0 002#02", "(1735270497.0) can0 003#03"];
    await play(lines, { skipGapsSeconds: 10 }, 1000);
    expect(sink.frames.map((frame) => frame.receivedAtUs - START_US)).toEqual([0, 0, 100_000]);
  });

  it("waits for a gap of weeks, and says so", async () => {
    await play(["(10.0) can0 001#01", "(5000010.0) can0 002#02"], {}, 1000);
    expect(sink.frames).toHaveLength(1);
    expect(log.of("bus.log-time-stepped")).toMatchObject([{ facts: { kind: "waited", seconds: 5_000_000 } }]);
  });

  it("keeps the log's own times at speed 0", async () => {
    await play(THREE_FRAMES, { speed: 0 }, 1000);
    expect(sink.frames.map((frame) => frame.receivedAtUs)).toEqual([100_000_000, 100_100_000, 100_300_000]);
  });

  it("begins again at the end of a loop, with times that go on", async () => {
    await play(THREE_FRAMES, { loop: true }, 700);
    const times = sink.frames.map((frame) => frame.receivedAtUs - START_US);
    expect(times.slice(0, 7)).toEqual([0, 100_000, 300_000, 300_000, 400_000, 600_000, 600_000]);
    expect(sink.states).toEqual(["up"]);
  });

  it("ends a loop over a log without a frame", async () => {
    await play(["# nothing"], { loop: true }, 1000);
    expect(sink.states).toEqual(["up", "down"]);
    expect(sink.details.at(-1)).toBe("end of log, no frame in it");
  });

  it("tells a log of which no frame is wanted from one without frames", async () => {
    await play(THREE_FRAMES, { loop: true, filters: [{ id: 4, mask: 0x7ff, extended: false }] }, 1000);
    expect(sink.details.at(-1)).toBe("end of log, none of its 3 frames is wanted by a DBC file, rule or campaign");
  });

  it("plays only the interface and the ids that were asked for", async () => {
    const lines = [...THREE_FRAMES, "(100.4) can1 001#04", "(100.5) can0 001#05"];
    await play(lines, { interface: "can0", speed: 0, filters: [{ id: 1, mask: 0x7ff, extended: false }] }, 1000);
    expect(sink.frames.map((frame) => frame.data[0])).toEqual([1, 5]);
    expect(filtered).toBe(2);
  });

  it("passes over malformed lines and says where they are", async () => {
    const lines = [THREE_FRAMES[0], "(100.05) can0 12#00", "rubbish", THREE_FRAMES[1], "can0  1F0   [1]  80"];
    await play(lines, { speed: 0 }, 1000);
    expect(sink.frames).toHaveLength(2);
    const places = log.entries.filter((entry) => entry.event === "bus.log-line-malformed").map((e) => e.facts?.place);
    expect(places).toEqual([":2:15", ":3:8", ":5:1"].map((place) => join(folder, "drive.log") + place));
  });

  it("rejects a log that is not there", async () => {
    const settings = { name: "log", file: join(folder, "none.log"), speed: 1, loop: false, filters: EVERY_FRAME };
    await expect(createReplayBus(settings, { clock, log }).start(sink)).rejects.toMatchObject({
      code: "input.missing",
    });
  });
});
