import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { describeInterface, readInterface } from "../../../drivers/can/can-interface.ts";
import { buildNativeTool } from "../native/native-tool.ts";

const run = promisify(execFile);
const RECEIVER = fileURLToPath(new URL("../processes/receiver.ts", import.meta.url));
const report = z.object({ frames: z.int(), cpuUs: z.number() });
/** Frames before the measurement, so that generated code is warm. */
const WARM_UP_SECONDS = 1;
/** Longer than any receiver waits before it looks at its queue. */
const DRAIN_MS = 300;

/** What one receiver took, over the same number of frames sent at the same rate. */
export type ReceiveFigure = {
  readonly received: number;
  /** Frames that were sent and did not arrive. */
  readonly lost: number;
  /** User and system time of the receiver's process a received frame, µs; start-up and warm-up are left out. */
  readonly cpuMicrosPerFrame: number;
  /** The same a frame that was sent, whether it was received or not, µs. */
  readonly cpuMicrosPerSent: number;
};

/** Side by side: the receive addon with its driver, npm socketcan alone, and a minimal C reader. */
export type ReceiveBenchmark =
  | {
      readonly kind: "measured";
      readonly sent: number;
      readonly native: ReceiveFigure;
      /** The native driver, and each frame decoded: 8 signals. */
      readonly decoded: ReceiveFigure;
      /** The same with filters that the kernel holds every frame back by: what it costs the process, and not the kernel. */
      readonly filtered: ReceiveFigure;
      readonly npmSocketcan: ReceiveFigure;
      readonly cRecvmmsg: ReceiveFigure;
    }
  | { readonly kind: "unavailable"; readonly reason: string };

/** What to measure on: a CAN interface that nothing else uses (vcan). */
export type ReceiveBenchmarkSettings = {
  readonly interface: string;
  readonly framesPerSecond: number;
  readonly seconds: number;
};

/** Measures CPU a received frame, one receiver after the other, each in its own process; "unavailable" with the reason without kernel CAN. */
export async function benchmarkReceive(settings: ReceiveBenchmarkSettings): Promise<ReceiveBenchmark> {
  const link = readInterface(settings.interface);
  if (link === undefined || link === "not-can" || !link.up) {
    return { kind: "unavailable", reason: `no kernel CAN: ${describeInterface(settings.interface, link)}` };
  }
  const reader = await buildNativeTool("recvmmsg-reader");
  const receiver = (kind: string): readonly string[] => [process.execPath, RECEIVER, kind, settings.interface];
  return {
    kind: "measured",
    sent: settings.framesPerSecond * settings.seconds,
    native: await measure(settings, receiver("native")),
    decoded: await measure(settings, receiver("decoded")),
    filtered: await measure(settings, receiver("filtered")),
    npmSocketcan: await measure(settings, receiver("socketcan")),
    cRecvmmsg: await measure(settings, [reader, settings.interface]),
  };
}

async function measure(
  settings: ReceiveBenchmarkSettings,
  [command, ...args]: readonly string[],
): Promise<ReceiveFigure> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    // The first line says that it receives.
    await lines.next();
    await send(settings, WARM_UP_SECONDS);
    child.stdin.write("reset\n");
    await sleep(DRAIN_MS);
    const sent = await send(settings, settings.seconds);
    child.stdin.write("report\n");
    const line = await lines.next();
    const { frames, cpuUs } = report.parse(JSON.parse(String(line.value)));
    return { received: frames, lost: sent - frames, cpuMicrosPerFrame: cpuUs / frames, cpuMicrosPerSent: cpuUs / sent };
  } finally {
    child.stdin.end();
    await ended;
  }
}

async function send({ interface: name, framesPerSecond }: ReceiveBenchmarkSettings, seconds: number): Promise<number> {
  const frames = String(framesPerSecond * seconds);
  const { stdout } = await run(await buildNativeTool("flood"), [name, frames, String(framesPerSecond)]);
  await sleep(DRAIN_MS);
  return Number(stdout);
}
