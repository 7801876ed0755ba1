import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import type { CanFrame } from "../../agent/ports/frame.ts";
import { formatCandumpLog } from "../../agent/signals/log-formats/candump-text.ts";
import { createReplayBus } from "../../drivers/can/replay-bus.ts";
import { createSocketcandBus } from "../../drivers/can/socketcand-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { startHub } from "../bench/vehicle/socketcand-hub.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { FakeCanBus } from "../fakes/ports/can-bus.ts";
import { type BusUnderTest, describeCanBus, RecordingSink } from "./can-bus.suite.ts";

const clock = systemClock();

async function openFake(): Promise<BusUnderTest> {
  const bus = new FakeCanBus();
  const deliver = async (frames: readonly CanFrame[]): Promise<void> =>
    bus.deliver(frames.map((frame) => ({ ...frame, receivedAtUs: clock.wallUs() })));
  return { bus, deliver, sent: () => bus.sent, dispose: async () => undefined };
}

/** The driver and a second client of the same hub as the far side. */
async function openSocketcand(): Promise<BusUnderTest> {
  const hub = await startHub();
  const settings = { host: "127.0.0.1", port: hub.port, interface: "can0", filters: EVERY_FRAME };
  const parts = { clock, log: new MemoryLog(), random: () => 0.5 };
  const far = createSocketcandBus({ ...settings, name: "far" }, parts);
  const farSide = new RecordingSink();
  await far.start(farSide);
  return {
    bus: createSocketcandBus({ ...settings, name: "near" }, parts),
    deliver: async (frames) => {
      // The client is up as soon as it has its answer; the hub was in raw mode before it gave it.
      for (const frame of frames) hub.inject("can0", frame);
    },
    sent: () => farSide.frames,
    dispose: async () => {
      await far.stop();
      await hub.stop();
    },
  };
}

/** A named pipe as the log, so that the far side can go on writing it. */
async function openReplay(): Promise<BusUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-replay-"));
  const file = join(folder, "pipe.log");
  execFileSync("mkfifo", [file]);
  let writer: FileHandle | undefined;
  let at = 0;
  const bus = createReplayBus(
    { name: "log", file, speed: 0, loop: false, filters: EVERY_FRAME },
    { clock, log: new MemoryLog() },
  );
  return {
    bus,
    deliver: async (frames) => {
      writer ??= await open(file, "r+");
      const lines = frames.map((frame) => `${formatCandumpLog("can0", { ...frame, receivedAtUs: at++ * 1000 })}\n`);
      await writer.write(lines.join(""));
    },
    dispose: async () => {
      // Whoever still waits in open() or read() of the pipe is let go first.
      writer ??= await open(file, "r+");
      await writer.close();
      rmSync(folder, { recursive: true });
    },
  };
}

describeCanBus("fake", {}, openFake);
describeCanBus("socketcand client over the hub", { noRemote: true }, openSocketcand);
describeCanBus("candump-log replay", { timesOfLog: true }, openReplay);
