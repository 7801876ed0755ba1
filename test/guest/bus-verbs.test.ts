import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { EXIT } from "../../agent/core/errors.ts";
import { formatCansend } from "../../agent/signals/log-formats/candump-text.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { until } from "../bench/core/wait.ts";
import { startCandump } from "../contract/kernel-can.ts";
import { type CliRun, runCli } from "../fakes/daemon/cli-runner.ts";
import { startCanbusload } from "./canbusload.ts";
import { ip } from "./vcan.ts";

const run = promisify(execFile);
const BITRATE = 500_000;
/** What a test that fails half-way must not leave behind. */
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function causeway(...args: readonly string[]): Promise<CliRun> {
  return runCli(["--config", "/nonexistent", ...args], { clock: systemClock() });
}

const second = z.object({
  frames: z.number(),
  framesPerSecond: z.number(),
  load: z.object({ exact: z.number(), most: z.number() }),
});
type Second = z.infer<typeof second>;

/** A verb that prints JSON each second, once it listens: after its first line. */
async function watching(...args: readonly string[]): Promise<{ lines(): readonly unknown[]; end(): Promise<unknown> }> {
  const stop = new AbortController();
  let text = "";
  const onStdout = (more: string): void => {
    text += more;
  };
  const running = runCli(["--config", "/nonexistent", "--json", ...args], {
    clock: systemClock(),
    signal: stop.signal,
    onStdout,
  });
  const end = (): Promise<unknown> => {
    stop.abort();
    return running;
  };
  closers.push(end);
  const lines = (): readonly unknown[] =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line): unknown => JSON.parse(line));
  await until(() => lines().length > 0 || undefined, { what: `${args.join(" ")} listens`, timeoutMs: 60_000 });
  return { lines, end };
}

describe("buses of a kernel", { timeout: 400_000 }, () => {
  it("are listed, brought up once, and refused while they are down", async () => {
    await ip("link", "add", "vcan11", "type", "vcan");
    closers.push(() => ip("link", "del", "vcan11"));
    const state = async (): Promise<unknown> => JSON.parse((await causeway("--json", "bus", "stats", "vcan11")).stdout);
    expect(await state()).toMatchObject({ interfaces: [{ interface: "vcan11", state: "down", fd: true }] });
    for (const verb of ["dump", "gen", "load", "sniff"]) {
      await expect(causeway("can", verb, "vcan11")).rejects.toMatchObject({
        code: "bus.unavailable",
        message: "vcan11: interface vcan11 is down",
        remedy: "bring it up as root: causeway bus up vcan11",
      });
    }
    expect((await causeway("bus", "up", "vcan11", "--print")).stdout).toContain("ip link set vcan11 up\n");
    expect(await causeway("bus", "up", "vcan11")).toMatchObject({ exitCode: 0 });
    expect(await state()).toMatchObject({ interfaces: [{ interface: "vcan11", state: "up" }] });
    expect(await causeway("bus", "up", "vcan11")).toMatchObject({ exitCode: EXIT.nothingToDo });
    const listed = await causeway("bus", "list");
    expect(listed.stdout).toMatch(/^vcan11 +- +vcan11 +up +CAN FD/m);
  });

  it("carry the same made-up frames as with cangen", async () => {
    const modes = ["-I", "i", "-L", "i", "-D", "i", "-n", "50"];
    const sent: string[][] = [];
    for (const send of [
      () => run("cangen", ["vcan1", "-g", "2", ...modes]),
      () => causeway("can", "gen", "vcan1", "-g", "2", ...modes),
    ]) {
      const candump = await startCandump("vcan1");
      closers.push(() => candump.stop());
      await send();
      await until(() => candump.frames.length >= 50 || undefined, { what: "50 frames", timeoutMs: 30_000 });
      sent.push(candump.frames.map(formatCansend));
      await candump.stop();
    }
    expect(sent[1]).toEqual(sent[0]);
    expect(sent[0]).toHaveLength(50);
  });

  it("have as many bits as canbusload says, at most", async () => {
    const { count, stop } = await startCanbusload("vcan0", BITRATE);
    closers.push(stop);
    const load = await watching("can", "load", "--bitrate", String(BITRATE), "vcan0");
    await run("cangen", ["vcan0", "-g", "5", "-n", "400", "-L", "i"]);
    await run("cangen", ["vcan0", "-g", "5", "-n", "400", "-e"]);
    const sum = (of: (second: Second) => number): number =>
      load
        .lines()
        .map((line) => of(second.parse(line)))
        .reduce((all, one) => all + one, 0);
    await until(() => (sum((one) => one.frames) >= 800 && count.frames >= 800) || undefined, {
      what: "both have counted all",
      timeoutMs: 30_000,
    });
    await load.end();
    expect([sum((one) => one.frames), count.frames]).toEqual([800, 800]);
    const busyS = (kind: "exact" | "most"): number =>
      sum((one) => (one.load[kind] * one.frames) / one.framesPerSecond || 0);
    expect(busyS("most") * BITRATE).toBeCloseTo(count.bits, 3);
    expect(busyS("exact")).toBeLessThan(busyS("most"));
  });

  it("show which bits change", async () => {
    const sniff = await watching("can", "sniff", "--hold", "3600", "vcan1,123:7FF");
    await run("cangen", ["vcan1", "-g", "10", "-n", "20", "-I", "123", "-L", "2", "-D", "00A5"]);
    await run("cansend", ["vcan1", "123#04A5"]);
    await until(() => sniff.lines().some((line) => JSON.stringify(line).includes("04a5")) || undefined, {
      what: "the last frame",
      timeoutMs: 30_000,
    });
    await sniff.end();
    expect(sniff.lines().at(-1)).toMatchObject({ ids: [{ id: 0x123, count: 21, data: "04a5", changed: "0400" }] });
  });
});
