import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ShoulderTap } from "../../../../agent/ports/shoulder-tap.ts";
import { programTaps } from "../../../../drivers/os/program-taps.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

let folder: string;
let clock: ManualClock;
let log: MemoryLog;
let tap: ShoulderTap;
let taps: number;

beforeEach(() => {
  folder = temporaryFolder();
  clock = new ManualClock();
  log = new MemoryLog();
  taps = 0;
});
afterEach(() => tap.stop());

function start(script: string): void {
  const program = join(folder, "taps");
  writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  tap = programTaps({ program, clock, log });
  tap.start(() => void (taps += 1));
}

describe("a program that taps", () => {
  it("taps once for each line, whatever is in it and however long it is", async () => {
    start("echo reboot; echo; head -c 3000000 /dev/zero | tr '\\0' x; echo; sleep 1000");
    await expect.poll(() => taps).toBe(3);
  });

  it("is started again with back-off when it ends", async () => {
    start("echo tap");
    for (const [waitMs, times] of [
      [1000, 1],
      [2000, 2],
      [4000, 3],
    ] as const) {
      await expect.poll(() => log.of("tap.program-ended").length).toBe(times);
      expect(log.of("tap.program-ended").at(-1)?.facts).toMatchObject({ waitMs, end: "exit code 0" });
      expect(taps).toBe(times);
      clock.advance(waitMs);
    }
  });

  it("is no fault that ends anything when it is not there", async () => {
    tap = programTaps({ program: join(folder, "none"), clock, log });
    tap.start(() => expect.unreachable());
    await expect.poll(() => log.of("tap.program-ended").length).toBe(1);
    expect(log.of("tap.program-ended")[0]?.facts).toMatchObject({ end: "ENOENT" });
  });

  it("ends with the agent, and what it has started too", async () => {
    start(`sleep 1000 & echo $! > ${join(folder, "pid")}; echo up; wait`);
    await expect.poll(() => taps).toBe(1);
    await tap.stop();
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    await expect.poll(() => isRunning(pid)).toBe(false);
    expect(log.of("tap.program-ended")).toEqual([]);
  });
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
