import { describe, expect, it } from "vitest";
import { byAge, logName, readLogName } from "../../../../agent/telemetry/frame-log/log-names.ts";

const START_US = 1_735_270_496_916_858;

describe("names of the continuous log", () => {
  it("say session, part and time, and are read back", () => {
    const name = logName(12, 3, START_US, "blf");
    expect(name).toBe("00012-0003-20241227T033456Z.blf");
    expect(readLogName(name)).toEqual({ session: 12, split: 3, startedAt: "2024-12-27T03:34:56Z" });
  });

  it("leave out a time that is not known", () => {
    expect(readLogName(logName(123_456, 12_345, undefined, "candump"))).toEqual({
      session: 123_456,
      split: 12_345,
      startedAt: undefined,
    });
  });

  it.each([
    "session",
    "00012-0003.txt",
    "0012-0003.log",
    "00012-0003-20241227.log",
    ".00012-0003.log",
    "00012-0003.log.gz",
  ])("are not %s", (name) => {
    expect(readLogName(name)).toBeUndefined();
  });

  it("sort as they were written", () => {
    const names = [
      logName(2, 1, START_US, "asc"),
      logName(1, 10_000, START_US, "asc"),
      logName(1, 9999, undefined, "asc"),
    ];
    const read = names.flatMap((name) => readLogName(name) ?? []);
    expect(read.toSorted(byAge).map(({ session, split }) => [session, split])).toEqual([
      [1, 9999],
      [1, 10_000],
      [2, 1],
    ]);
  });
});
