import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type MappedBuses, mapBuses } from "../../bench/benchmarks/peer-vehicle.ts";
import { udpSockets } from "../../bench/core/udp-sockets.ts";
import { until } from "../../bench/core/wait.ts";
import { buildNativeTool } from "../../bench/native/native-tool.ts";

const run = promisify(execFile);
const RECEIVER = fileURLToPath(new URL("../../bench/processes/receiver.ts", import.meta.url));
const TIMEOUT_MS = 20_000;
/** Passes each filter of the tests, and comes last. */
const LAST = "7FF#FF";
/** Fewer than a queue of net.core.rmem_max at its default holds, so that none is lost on however busy a machine. */
const FITTING_FRAMES = 200;
const SMALLEST_BUFFER = "65536";
const sent = z.object({ sent: z.int() });
const report = z.object({ frames: z.int(), batches: z.int().optional(), dropped: z.int().optional() });

const children: ChildProcess[] = [];
const folders: string[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A program that has the buses; its lines so far. */
function start(buses: MappedBuses, command: string, args: readonly string[]) {
  const env = { ...process.env, ...buses.environment };
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  return { child, lines };
}

/** Resolves when so many sockets hear a bus. */
async function heard(buses: MappedBuses, at: number, count: number): Promise<void> {
  const open = (): true | undefined => (udpSockets([buses.ports[at]]).count >= count ? true : undefined);
  await until(open, { what: `${count} sockets on bus ${at}`, timeoutMs: TIMEOUT_MS });
}

async function play(buses: MappedBuses, frames: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-mapping-"));
  folders.push(folder);
  const file = join(folder, "frames.log");
  writeFileSync(file, frames.map((frame) => `(1.000000) can0 ${frame}\n`).join(""));
  await run("canplayer", ["-t", "-I", file], { env: { ...process.env, ...buses.environment } });
}

/** Resolves with the frames that candump printed. */
async function dumped(lines: readonly string[]): Promise<readonly string[]> {
  const isLast = (line: string): boolean => line.endsWith(LAST);
  await until(() => (lines.some(isLast) ? true : undefined), { what: "the last frame", timeoutMs: TIMEOUT_MS });
  return lines.map((line) => line.split(" ")[2] ?? "");
}

async function generate(buses: MappedBuses, perSecond: number, seconds: number): Promise<number> {
  const args = [buses.names.join(","), String(perSecond), String(seconds), "7"];
  const env = { ...process.env, ...buses.environment };
  const { stdout } = await run(await buildNativeTool("frame-generator"), args, { env });
  return sent.parse(JSON.parse(stdout)).sent;
}

describe("the mapping of CAN sockets to loopback datagrams", { timeout: 60_000 }, () => {
  it("carries frames of each kind between the tools of can-utils, as they hold them to their filters", async () => {
    const buses = await mapBuses(1);
    const frames = ["123#0102", "124#", "12345678#A1", "123#R4", "1F334455##1AABBCC", "012#11", "400##0DE", LAST];
    // candump: id:mask matches, id~mask does not, j joins, ids of eight digits are extended; masks without flags match any format.
    const cases = [
      { filters: [], expected: frames },
      { filters: ["123:7FF", "7FF:7FF"], expected: ["123#0102", "123#R4", LAST] },
      { filters: ["12345678:DFFFFFFF", "7FF:7FF"], expected: ["12345678#A1", LAST] },
      { filters: ["123~7FF", "124~7FF", "j"], expected: frames.filter((frame) => !/^12[34]#/.test(frame)) },
    ];
    const dumps = cases.map(({ filters }) => start(buses, "candump", ["-L", ["can0", ...filters].join(",")]));
    await heard(buses, 0, dumps.length);

    await play(buses, frames);

    for (const [at, { expected }] of cases.entries()) expect(await dumped(dumps[at]?.lines ?? [])).toEqual(expected);
  });

  it("keeps buses apart, and tells candump which one a frame came from", async () => {
    const buses = await mapBuses(2);
    const dump = start(buses, "candump", ["-L", "can0", "can1"]);
    await heard(buses, 1, 1);
    const env = { ...process.env, ...buses.environment };

    await run("cansend", ["can1", "101#01"], { env });
    await run("cansend", ["can0", "100#00"], { env });
    await run("cansend", ["can1", LAST], { env });

    await dumped(dump.lines);
    const seen = dump.lines.map((line) => line.split(" ").slice(1).join(" "));
    expect(seen).toEqual(["can1 101#01", "can0 100#00", `can1 ${LAST}`]);
  });

  it.each(["native", "socketcan", "recvmmsg-reader"])("%s receives each frame of the generator", async (kind) => {
    const buses = await mapBuses(1);
    const isC = kind === "recvmmsg-reader";
    const [command, args] = isC
      ? [await buildNativeTool(kind), ["can0"]]
      : [process.execPath, [RECEIVER, kind, "can0"]];
    const reader = start(buses, command, args);
    await until(() => reader.lines[0], { what: "the reader is ready", timeoutMs: TIMEOUT_MS });

    expect(await generate(buses, FITTING_FRAMES, 1)).toBe(FITTING_FRAMES);

    await expectReport(reader, (frames) => frames === FITTING_FRAMES);
  });

  it("gathers frames on a bus on which each comes after a pause, and hands over all of them", async () => {
    const buses = await mapBuses(1);
    const gathering = ["0", "250"].map((gatherMs) =>
      start(buses, process.execPath, [RECEIVER, "native", "can0", "8388608", gatherMs]),
    );
    for (const { lines } of gathering) await until(() => lines[0], { what: "it is ready", timeoutMs: TIMEOUT_MS });

    await generate(buses, FITTING_FRAMES, 1);

    const batches: number[] = [];
    for (const reader of gathering) {
      await expectReport(reader, (frames) => frames === FITTING_FRAMES);
      batches.push(report.parse(JSON.parse(reader.lines.at(-1) ?? "")).batches ?? 0);
    }
    // 5 ms between two frames: nearly each is a batch of its own, or one of some four are.
    expect(batches[1]).toBeLessThan((batches[0] ?? 0) / 4);
  });

  it("loses exactly what the kernel counts when a reader stands still before a small queue", async () => {
    const buses = await mapBuses(1);
    const reader = start(buses, process.execPath, [RECEIVER, "native", "can0", SMALLEST_BUFFER]);
    await until(() => reader.lines[0], { what: "the reader is ready", timeoutMs: TIMEOUT_MS });

    reader.child.kill("SIGSTOP");
    const count = await generate(buses, 20_000, 0.2);
    reader.child.kill("SIGCONT");

    const dropped = await expectReport(reader, (frames, lost) => frames + lost === count);
    expect(dropped).toBeGreaterThan(count / 2);
    expect(dropped).toBeLessThan(count);
  });
});

/** Asks until the answer fits; gives the frames that were lost. */
async function expectReport(
  { child, lines }: ReturnType<typeof start>,
  fits: (frames: number, dropped: number) => boolean,
): Promise<number> {
  const ask = (): number | undefined => {
    const answers = lines.slice(1).map((line) => report.parse(JSON.parse(line)));
    child.stdin?.write("report\n");
    return answers.filter(({ frames, dropped = 0 }) => fits(frames, dropped)).map(({ dropped = 0 }) => dropped)[0];
  };
  return await until(ask, { what: "all frames are accounted for", timeoutMs: TIMEOUT_MS });
}
