import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { BusLoad } from "../../agent/telemetry/bus-load.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { startChild } from "../bench/core/child.ts";
import { until } from "../bench/core/wait.ts";
import { temporaryFolder } from "../fakes/core/folder.ts";
import { MemoryLog } from "../fakes/core/log.ts";

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
  let [lines, frames, bits] = [0, 0, 0];
  const child = await startChild({
    command: "canbusload",
    args: [`vcan0@${BITRATE}`],
    logFile: `${temporaryFolder()}/canbusload.log`,
    onLine: (line) => {
      const said = /^ ?vcan0@\d+\s+(\d+)\s+(\d+)/.exec(line);
      if (said === null) return;
      lines += 1;
      frames += Number(said[1]);
      bits += Number(said[2]);
    },
  });
  onTestFinished(async () => void (await child.stop()));
  await until(() => lines > 0 || undefined, { what: "canbusload counts", timeoutMs: 20_000 });
  for (const id of [
    ["-I", "123"],
    ["-e", "-I", "12345678"],
  ]) {
    await run("cangen", ["vcan0", "-g", "1", "-n", `${FRAMES}`, "-L", "i", ...id]);
  }
  await until(() => frames >= 2 * FRAMES || undefined, { what: "all are counted", timeoutMs: 20_000 });
  expect(frames).toBe(2 * FRAMES);
  expect(((load.read()?.busyMs ?? 0) * BITRATE) / 1000).toBeCloseTo(bits, 6);
});
