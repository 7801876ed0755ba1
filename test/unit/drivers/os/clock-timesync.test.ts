import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { askTimesync, readTimesync } from "../../../../drivers/os/clock-timesync.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const SEED = 17;
const MESSAGE =
  "{ Leap=0, Version=4, Mode=4, Stratum=2, Precision=-25, RootDelay=10.101ms, RootDispersion=137us, Reference=A0A0A0A, " +
  "OriginateTimestamp=Mon 2026-11-30 01:00:00 UTC, ReceiveTimestamp=Mon 2026-11-30 01:00:00 UTC, " +
  "TransmitTimestamp=Mon 2026-11-30 01:00:00 UTC, DestinationTimestamp=Mon 2026-11-30 01:00:00 UTC, Ignored=no PacketCount=5, Jitter=1.5ms }";

describe("readTimesync", () => {
  it("adds up the distance to the root of time", () => {
    const { server, distanceMs } = readTimesync(
      `ServerName=ntp.example\nServerAddress=192.0.2.1\nNTPMessage=${MESSAGE}\n`,
    );
    expect(server).toBe("ntp.example");
    // 10.101 ms / 2 + 0.137 ms + 1.5 ms.
    expect(distanceMs).toBeCloseTo(6.6875, 9);
  });

  it.each([
    ["0", 0.137 + 1.5],
    ["1min 2.5s", 31_250 + 0.137 + 1.5],
    ["2h", 3_600_000 + 0.137 + 1.5],
  ])("reads a span of %s", (span, expected) => {
    expect(readTimesync(`NTPMessage=${MESSAGE.replace("10.101ms", span)}`).distanceMs).toBeCloseTo(expected, 9);
  });

  it("says nothing where there is no message, and makes no number of what is none", () => {
    expect(readTimesync("ServerAddress=192.0.2.1\n")).toEqual({ server: "192.0.2.1", distanceMs: undefined });
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { distanceMs } = readTimesync(`NTPMessage=${MESSAGE.replace("10.101ms", text)}\n${text}`);
        if (distanceMs !== undefined) expect(Number.isFinite(distanceMs)).toBe(true);
      }),
      { seed: SEED, numRuns: 3000 },
    );
    expect(readTimesync(`NTPMessage=${MESSAGE.replace("10.101ms", "5 constructor")}`).distanceMs).toBeUndefined();
  });
});

describe("askTimesync", () => {
  it("lets the error grow since the last answer of a server, and knows that none has answered", async () => {
    const folder = temporaryFolder();
    const stdout = `ServerName=ntp.example\nNTPMessage=${MESSAGE}\n`;
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
    expect(reading.errorMs).toBeCloseTo(6.6875 + 102.4, 6);
    const mute = () => Promise.resolve({ kind: "timed-out" } as const);
    expect(await askTimesync({ ...parts, run: mute }, signal)).toMatchObject({
      state: "synchronised",
      errorMs: undefined,
    });
  });
});
