import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { formatCansend } from "../../../agent/signals/log-formats/candump-text.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { type CliRun, runCli } from "../../fakes/daemon/cli-runner.ts";

let hub: Hub;
let seen: string[];
beforeEach(async () => {
  seen = [];
  hub = await startHub({ buses: ["can0"], onSent: (_bus, frame) => seen.push(formatCansend(frame)) });
});
afterEach(() => hub.stop());

function gen(...args: readonly string[]): Promise<CliRun> {
  const clock = systemClock();
  return runCli(["--config", "/nonexistent", "can", "gen", `socketcand://127.0.0.1:${hub.port}/can0`, ...args], {
    clock,
  });
}

const reported = z.object({ sent: z.number(), seed: z.number(), wantedPerSecond: z.number().optional() });

describe("causeway can gen", () => {
  it("sends frames of a seed that it tells, and the same ones again when given it", async () => {
    const first = await gen("-g", "0", "-n", "20", "-e");
    const seed = /^seed (\d+) /.exec(first.stderr)?.[1] ?? "";
    expect(first.stderr).toContain("20 frames sent in ");
    expect(seen).toHaveLength(20);
    const sent = seen.splice(0);
    const again = await gen("--json", "-g", "1", "-n", "20", "-e", "--seed", seed);
    expect(reported.parse(JSON.parse(again.stdout))).toEqual({ sent: 20, seed: Number(seed), wantedPerSecond: 1000 });
    expect(seen).toEqual(sent);
  });

  it("takes the letters of cangen", async () => {
    expect(await gen("-g", "0", "-n", "2", "-I", "42A", "-L", "2", "-D", "11xx33", "-v")).toMatchObject({
      exitCode: 0,
    });
    expect(seen.every((frame) => /^42A#11..$/.test(frame))).toBe(true);
    await gen("-g", "0", "-n", "1", "-I", "18FEF100", "-e", "-b", "-D", `${"AB".repeat(9)}`);
    expect(seen.at(-1)).toBe(`18FEF100##5${"AB".repeat(9)}000000`);
  });

  it.each([
    [["-g", "0.01"], "a bus of 1 Mbit/s, the fastest there is, carries at most 21 276 such frames"],
    [["-g", "0.2", "-L", "8", "--bitrate", "500k"], "can0 with 500 kbit/s carries at most 4 504 such frames"],
    [["-I", "800"], "more than 7FF has 29 bits"],
    [["-L", "9"], "a classic frame has at most 8 data bytes"],
    [["-f", "-R"], "CAN FD has no remote frames"],
  ])("refuses %j", async (args, problem) => {
    const refused = gen("-n", "1", ...args);
    await expect(refused).rejects.toMatchObject({ code: "usage.invalid" });
    await expect(refused).rejects.toThrow(problem);
    expect(seen).toEqual([]);
  });

  it("says how much of the bus that is, and when it is more than all", async () => {
    const run = await gen("-n", "2", "-g", "0.45", "--bitrate", "250k", "-I", "0", "-L", "8", "-D", "0000000000000000");
    // 111 bits take 0.444 ms, but zeros have a stuff bit behind each five.
    expect(run.stderr).toMatch(/about 11\d\.\d % of 250 kbit\/s: more than the bus carries/);
  });
});
