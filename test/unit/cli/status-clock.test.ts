import { createColors } from "picocolors";
import { describe, expect, it } from "vitest";
import { statusPage } from "../../../agent/cli/status-page.ts";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import { statusWith } from "../../fakes/daemon/status.ts";

const TIME = { changes: 1, untold: 0 } as const;

/** Lines of the page from the one that begins with `head` on. */
function linesOf(change: Partial<Status>, head: string, count = 1): readonly string[] {
  const page = statusPage({ status: statusWith(change), atMs: 0 }, undefined, 0, createColors(false)).split("\n");
  const at = page.findIndex((line) => line.startsWith(head));
  return page.slice(at, at + count);
}

describe("the clock on the status page", () => {
  it.each([
    [
      { quality: "ntp", source: "chrony", errorMs: 2.96, detail: "server 192.0.2.1, stratum 2" },
      "ntp by chrony, error 3 ms (server 192.0.2.1, stratum 2)",
    ],
    [
      { quality: "gps", source: "gps", errorMs: 0.3123, detail: "chrony: reference clock GPS" },
      "gps, error 0.31 ms (chrony: reference clock GPS)",
    ],
    [{ quality: "ntp", source: "timesyncd", detail: "" }, "ntp by timesyncd, error unknown"],
    [{ quality: "ntp", source: "unknown", errorMs: 1534, detail: "" }, "ntp, error 1.5 s"],
    [
      { quality: "rtc", source: "chrony", errorMs: 183_000, detail: "nobody keeps it now" },
      "rtc by chrony, error 3 min 3 s (nobody keeps it now)",
    ],
    [
      { quality: "saved", source: "saved", detail: "nobody keeps it" },
      "saved, goes on from a time of an earlier boot (nobody keeps it)",
    ],
  ] as const)("says %o", (time, line) => {
    expect(linesOf({ clockQuality: time.quality, time: { ...time, ...TIME } }, "clock")).toEqual([
      `clock      ${line}`,
    ]);
  });

  it("stays within 80 columns, and tells changes that were not told", () => {
    const detail = "server 2001:db8:85a3:1234:5678:8a2e:370:7334, stratum 2";
    const time = { quality: "ntp", source: "chrony", errorMs: 12, detail, changes: 30, untold: 12 } as const;
    expect(linesOf({ time }, "clock", 3)).toEqual([
      "clock      ntp by chrony, error 12 ms",
      `           ${detail}`,
      "           12 changes not told, too many",
    ]);
  });

  it("makes of a clock that nobody has set no days that are left", () => {
    expect(linesOf({ clockQuality: "unsynchronised" }, "clock")).toEqual([
      "clock      unsynchronised, nobody has set it",
    ]);
    const [unset] = linesOf({ clockQuality: "unsynchronised" }, "identity");
    expect(unset).toContain(", clock not set, until ");
    expect(unset).not.toContain("days");
    expect(linesOf({ clockQuality: "saved" }, "identity")[0]).toMatch(/, at most \d+ days left, /);
    expect(linesOf({}, "identity")[0]).toMatch(/, \d+ days left, /);
  });
});
