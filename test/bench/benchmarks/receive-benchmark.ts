import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { describeInterface, readInterface } from "../../../drivers/can/can-interface.ts";
import { buildNativeTool } from "../native/native-tool.ts";
import { ratiosOf, type Spread, spreadOf } from "./timing.ts";

const run = promisify(execFile);
const RECEIVER = fileURLToPath(new URL("../processes/receiver.ts", import.meta.url));
const report = z.object({ frames: z.int(), cpuUs: z.number() });
/** Frames before the measurement, so that generated code is warm. */
const WARM_UP_SECONDS = 1;
/** Longer than any receiver waits before it looks at its queue. */
const DRAIN_MS = 300;

/** What one receiver took in each of the rounds, over the same number of frames sent at the same rate. */
export type ReceiveFigure = {
  readonly received: Spread;
  /** Frames that were sent and did not arrive, over all rounds. */
  readonly lost: number;
  /** User and system time of the receiver's process a received frame, µs; start-up and warm-up are left out. */
  readonly cpuMicrosPerFrame: Spread;
  /** The same a frame that was sent, whether it was received or not, µs. */
  readonly cpuMicrosPerSent: Spread;
};

/** Side by side: the receive addon with its driver, npm socketcan alone, and a minimal C reader. */
export type ReceiveBenchmark =
  | {
      readonly kind: "measured";
      /** Of each receiver, in one round. */
      readonly sent: number;
      readonly native: ReceiveFigure;
      /** The native driver, and each frame decoded: 8 signals. */
      readonly decoded: ReceiveFigure;
      /** The same with filters that the kernel holds every frame back by: what it costs the process, and not the kernel. */
      readonly filtered: ReceiveFigure;
      readonly npmSocketcan: ReceiveFigure;
      readonly cRecvmmsg: ReceiveFigure;
      /** Round by round. */
      readonly nativeToNpmSocketcan: Spread;
      readonly filteredToDecoded: Spread;
    }
  | { readonly kind: "unavailable"; readonly reason: string };

/** What to measure on: a CAN interface that nothing else uses (vcan). */
export type ReceiveBenchmarkSettings = {
  readonly interface: string;
  readonly framesPerSecond: number;
  readonly seconds: number;
  readonly rounds: number;
};

/** Measures CPU a received frame, the receivers in turns, each in a process of its own; "unavailable" with the reason without kernel CAN. */
export async function benchmarkReceive(settings: ReceiveBenchmarkSettings): Promise<ReceiveBenchmark> {
  const link = readInterface(settings.interface);
  if (link === undefined || link === "not-can" || !link.up) {
    return { kind: "unavailable", reason: `no kernel CAN: ${describeInterface(settings.interface, link)}` };
  }
  const reader = await buildNativeTool("recvmmsg-reader");
  const receiver = (kind: string): readonly string[] => [process.execPath, RECEIVER, kind, settings.interface];
  const commands = {
    native: receiver("native"),
    decoded: receiver("decoded"),
    filtered: receiver("filtered"),
    npmSocketcan: receiver("socketcan"),
    cRecvmmsg: [reader, settings.interface],
  };
  const runs: Record<keyof typeof commands, ReceiveRun[]> = {
    native: [],
    decoded: [],
    filtered: [],
    npmSocketcan: [],
    cRecvmmsg: [],
  };
  for (let round = 0; round < settings.rounds; round += 1) {
    for (const name of ["native", "decoded", "filtered", "npmSocketcan", "cRecvmmsg"] as const) {
      runs[name].push(await measure(settings, commands[name]));
    }
  }
  const perFrame = (of: readonly ReceiveRun[]): number[] => of.map(({ cpuUs, frames }) => cpuUs / frames);
  const perSent = (of: readonly ReceiveRun[]): number[] => of.map(({ cpuUs, sent }) => cpuUs / sent);
  const figureOf = (of: readonly ReceiveRun[]): ReceiveFigure => ({
    received: spreadOf(of.map(({ frames }) => frames)),
    lost: of.reduce((sum, { sent, frames }) => sum + sent - frames, 0),
    cpuMicrosPerFrame: spreadOf(perFrame(of)),
    cpuMicrosPerSent: spreadOf(perSent(of)),
  });
  return {
    kind: "measured",
    sent: settings.framesPerSecond * settings.seconds,
    native: figureOf(runs.native),
    decoded: figureOf(runs.decoded),
    filtered: figureOf(runs.filtered),
    npmSocketcan: figureOf(runs.npmSocketcan),
    cRecvmmsg: figureOf(runs.cRecvmmsg),
    nativeToNpmSocketcan: ratiosOf(perFrame(runs.native), perFrame(runs.npmSocketcan)),
    filteredToDecoded: ratiosOf(perSent(runs.filtered), perSent(runs.decoded)),
  };
}

type ReceiveRun = { readonly sent: number; readonly frames: number; readonly cpuUs: number };

async function measure(settings: ReceiveBenchmarkSettings, [command, ...args]: readonly string[]): Promise<ReceiveRun> {
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
    return { sent, ...report.parse(JSON.parse(String(line.value))) };
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
