import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { type CanFrame, FRAME_FLAG } from "../../agent/ports/frame.ts";
import { parseCandumpFilters } from "../../agent/signals/log-formats/candump-filter.ts";
import { formatCandumpLog } from "../../agent/signals/log-formats/candump-text.ts";
import { until } from "../bench/core/wait.ts";
import { frameOf } from "../contract/can-bus.suite.ts";
import { play, startCandump } from "../contract/kernel-can.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** What a test that fails half-way must not leave behind. */
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

// A program that is started here from its sources takes a quarter of a minute before it works, and more beside other work.
describe("causeway can, against can-utils", { timeout: 300_000 }, () => {
  function causeway(...args: readonly string[]): readonly [string, string[]] {
    return [process.execPath, [join(ROOT, "agent/main.ts"), ...args]];
  }

  it("dumps the lines that candump dumps, times included", async () => {
    const [command, args] = causeway("can", "dump", "-L", "vcan1");
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    let ours = "";
    child.stdout.on("data", (chunk: Buffer) => {
      ours += chunk.toString();
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    const interrupt = async (): Promise<void> => {
      child.kill("SIGINT");
      await ended;
    };
    closers.push(interrupt);
    // The verb says nothing when it listens, so frames with an id of their own are sent until it prints one.
    const isReady = async (): Promise<true | undefined> => {
      await play([frameOf(0x7ff, [])], "vcan1");
      return ours.includes("7FF#") || undefined;
    };
    await until(isReady, { what: "can dump listens", timeoutMs: 240_000, everyMs: 200 });
    const theirs = await startCandump("vcan1");
    closers.push(() => theirs.stop());
    const { extended, remote, fd, bitRateSwitch } = FRAME_FLAG;
    await play(
      [
        frameOf(0x123, [0xde, 0xad]),
        frameOf(0x18fe_f100, [1, 2, 3], extended),
        frameOf(0x104, [], remote),
        frameOf(0x321, new Uint8Array(64).fill(0x5a), fd | bitRateSwitch),
      ],
      "vcan1",
    );
    await until(() => (theirs.frames.length >= 4 && ours.includes("321##")) || undefined, {
      what: "both have printed the frames",
      timeoutMs: 20_000,
    });
    await interrupt();
    const lines = ours
      .split("\n")
      .filter((line) => line !== "" && !line.includes("7FF#") && !line.includes("1EED0001#"));
    expect(lines).toEqual(theirs.frames.map((frame) => formatCandumpLog("vcan1", frame)));
    expect(lines).toHaveLength(4);
  });

  it("understands filters as candump and the kernel do", async () => {
    const { extended, remote, error, fd } = FRAME_FLAG;
    const frames = [
      ...[0x123, 0x400, 0x40f, 0x410, 0x7fe].flatMap((id) => [frameOf(id, [1]), frameOf(id, [2], extended)]),
      frameOf(0x123, [], remote),
      frameOf(0x12_345_678, [3], extended),
      frameOf(0x123, [4], fd),
      frameOf(0x004, [0, 0x10, 0, 0, 0, 0, 0, 0], error),
      frameOf(0x040, [0, 0, 0, 0, 0, 0, 0, 0], error),
    ];
    const ready = ",9EED0001:DFFFFFFF";
    const filters = [
      `,123:7FF${ready}`,
      `,123:C00007FF${ready}`,
      `,12345678:DFFFFFFF${ready}`,
      `,123:7FF,400:7F0,#000000FF${ready}`,
      ",400~7F0",
      ",400~7F0,123~7FF,j",
      ",0:0,#FFFFFFFF",
      `,0~0,#00000004${ready}`,
    ];
    const theirs = await Promise.all(filters.map((filter) => startCandump("vcan1", filter)));
    closers.push(...theirs.map((candump) => () => candump.stop()));
    const wanted = filters.map((filter) => {
      const wants = parseCandumpFilters(filter.slice(1).split(","));
      if (typeof wants === "string") throw new Error(wants);
      return frames.filter(({ id, flags }) => wants(id, flags)).map((frame) => formatCandumpLog("vcan1", frame));
    });
    await play(frames, "vcan1");
    await until(() => theirs.every((candump, at) => candump.frames.length >= wanted[at].length) || undefined, {
      what: "as many frames as ours",
      timeoutMs: 20_000,
    });
    const withoutTime = (frame: CanFrame): string => formatCandumpLog("vcan1", { ...frame, receivedAtUs: 0 });
    expect(theirs.map((candump) => candump.frames.map(withoutTime))).toEqual(wanted);
  });

  it("sends what candump sees", async () => {
    const candump = await startCandump("vcan1");
    closers.push(() => candump.stop());
    const [command, args] = causeway("can", "send", "vcan1", "123#DEADBEEF", "18FEF100#1122", "104#R", "321##1000102");
    await run(command, args);
    await until(() => candump.frames.length >= 4 || undefined, { what: "candump's frames", timeoutMs: 20_000 });
    const { extended, remote, fd, bitRateSwitch } = FRAME_FLAG;
    expect(candump.frames.map(({ id, flags, data }) => ({ id, flags, data: [...data] }))).toEqual([
      { id: 0x123, flags: 0, data: [0xde, 0xad, 0xbe, 0xef] },
      { id: 0x18fe_f100, flags: extended, data: [0x11, 0x22] },
      { id: 0x104, flags: remote, data: [] },
      { id: 0x321, flags: fd | bitRateSwitch, data: [0, 1, 2] },
    ]);
  });
});
