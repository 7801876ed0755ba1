import { createInterface } from "node:readline";
import { z } from "zod";
import { EVERY_FRAME } from "../../../agent/ports/can-bus.ts";
import type { FrameBatch } from "../../../agent/ports/frame.ts";
import { createNativeBus } from "../../../drivers/can/native-bus.ts";
import { loadRawChannels } from "../../../drivers/can/raw-channel.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";

const [kind, interfaceName] = z.tuple([z.enum(["native", "socketcan"]), z.string()]).parse(process.argv.slice(2));
let frames = 0;
let since = process.cpuUsage();

if (kind === "native") {
  const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };
  const bus = createNativeBus(
    {
      name: "bench",
      interface: interfaceName,
      receiveBufferBytes: 8_388_608,
      ringFrames: 65_536,
      filters: EVERY_FRAME,
    },
    { clock: systemClock(), log: silent },
  );
  const onFrames = (batch: FrameBatch): void => {
    frames += batch.count;
  };
  await bus.start({ onFrames, onState: () => undefined });
} else {
  const channel = (await loadRawChannels()).open(interfaceName);
  channel.addListener("onMessage", () => {
    frames += 1;
  });
  channel.start();
}

// "reset" counts anew, "report" answers; ends with its stdin.
createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line === "reset") {
      frames = 0;
      since = process.cpuUsage();
      return;
    }
    const { user, system } = process.cpuUsage(since);
    process.stdout.write(`${JSON.stringify({ frames, cpuUs: user + system })}\n`);
  })
  .on("close", () => process.exit(0));
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
