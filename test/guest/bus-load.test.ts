import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { BusLoad } from "../../agent/telemetry/bus-load.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { until } from "../bench/core/wait.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { startCanbusload } from "./canbusload.ts";

const run = promisify(execFile);
const BITRATE = 500_000;
/** Of each length of id. */
const FRAMES = 100;

it("counts as many bits as canbusload of can-utils does", async () => {
  const clock = systemClock();
  const settings = { name: "can0", interface: "vcan0", receiveBufferBytes: 8_388_608, ringFrames: 1024 };
  const bus = createNativeBus({ ...settings, filters: EVERY_FRAME }, { clock, log: new MemoryLog() });
  onTestFinished(() => bus.stop());
  await bus.start({ onFrames: () => undefined, onState: () => undefined });
  const load = new BusLoad({ bitrate: BITRATE, extendedShare: 0.5, traffic: () => bus.traffic(), clock });
  const { count, stop } = await startCanbusload("vcan0", BITRATE);
  onTestFinished(async () => void (await stop()));
  for (const id of [
    ["-I", "123"],
    ["-e", "-I", "12345678"],
  ]) {
    await run("cangen", ["vcan0", "-g", "1", "-n", `${FRAMES}`, "-L", "i", ...id]);
  }
  await until(() => count.frames >= 2 * FRAMES || undefined, { what: "all are counted", timeoutMs: 20_000 });
  expect(count.frames).toBe(2 * FRAMES);
  expect(((load.read()?.busyMs ?? 0) * BITRATE) / 1000).toBeCloseTo(count.bits, 6);
});
