import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { askTimesync, readTimesync } from "../../../../drivers/os/clock-timesync.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const SEED = 17;
/** As busctl of systemd 252 prints the properties that a mock of the service gives it. */
const MESSAGE =
  '{"type":"(uuuuittayttttbtt)","data":[0,4,4,2,-25,10101,137,[10,10,10,10],1796000000000000,1796000000012500,1796000000012600,1796000000025100,false,5,1500]}';
const NAME = '{"type":"s","data":"ntp.example"}';
/** 10.101 ms / 2 + 0.137 ms + (25.1 ms - 0.1 ms) / 2 + 1.5 ms. */
const DISTANCE_MS = 19.1875;

describe("readTimesync", () => {
  it("adds up the distance to the root of time", () => {
    const { server, distanceMs } = readTimesync(`${MESSAGE}\n${NAME}\n`);
    expect(server).toBe("ntp.example");
    expect(distanceMs).toBeCloseTo(DISTANCE_MS, 9);
  });

  it("says nothing where no server has answered, or something else is printed", () => {
    expect(readTimesync(`${MESSAGE.replace("false,5,", "false,0,")}\n${NAME}\n`).distanceMs).toBeUndefined();
    expect(readTimesync("")).toEqual({ server: undefined, distanceMs: undefined });
    expect(readTimesync("Failed to get property")).toEqual({ server: undefined, distanceMs: undefined });
    expect(readTimesync(`${MESSAGE}\n${NAME.replace("ntp.example", "a b\\u001b[31m")}`).server).toBeUndefined();
    for (const bad of ["-1", "1e300", '"10101"', "1.5", "null"]) {
      expect(readTimesync(MESSAGE.replace("10101", bad)).distanceMs).toBeUndefined();
    }
  });

  it("makes no number of what is none", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.jsonValue(), fc.maxSafeInteger()), { maxLength: 16 }), (data) => {
        const { distanceMs } = readTimesync(JSON.stringify({ type: "(uuuuittayttttbtt)", data }));
        if (distanceMs !== undefined) expect(distanceMs).toBeGreaterThanOrEqual(0);
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });
});

describe("askTimesync", () => {
  it("lets the error grow since the last answer of a server, and knows that none has answered", async () => {
    const folder = temporaryFolder();
    const stdout = `${MESSAGE}\n${NAME}\n`;
    const run = () => Promise.resolve({ kind: "exited", code: 0, stdout, stderr: "", errorLines: 0 } as const);
    const parts = { folder, run, wallMs: () => 1_800_000_000_000, driftPpm: 50 };
    const signal = AbortSignal.timeout(1000);
    expect(await askTimesync(parts, signal)).toMatchObject({ state: "searching", errorMs: undefined });
    const file = join(folder, "synchronized");
    writeFileSync(file, "");
    // 2048 s ago, the longest time between two answers (timesyncd.conf(5), PollIntervalMaxSec): 102.4 ms.
    utimesSync(file, 1_799_997_952, 1_799_997_952);
    const reading = await askTimesync(parts, signal);
    expect(reading).toMatchObject({ state: "synchronised", reference: "server", detail: "server ntp.example" });
    expect(reading.errorMs).toBeCloseTo(DISTANCE_MS + 102.4, 6);
    const mute = () => Promise.resolve({ kind: "timed-out" } as const);
    expect(await askTimesync({ ...parts, run: mute }, signal)).toMatchObject({
      state: "synchronised",
      errorMs: undefined,
    });
  });
});
