import { describe, expect, it } from "vitest";
import type { LogLine } from "../../../../agent/core/recent-log.ts";
import { sliceLog } from "../../../../agent/support/logs/log-slice.ts";

const KEPT: readonly LogLine[] = [
  { atMs: 1000, level: "info", event: "agent.started", facts: {} },
  { atMs: 2000, level: "error", event: "bus.failed", facts: { code: "bus.unavailable" } },
  { atMs: 3000, level: "warn", event: "outbox.evicted", facts: { records: 7, reason: undefined } },
  { atMs: 4000, level: "error", event: "link.failed", facts: { code: "broker.refused" } },
];
const ALL = 1_000_000;
const timesOf = (filter: Parameters<typeof sliceLog>[1]) => sliceLog(KEPT, filter, ALL).lines.map(({ atMs }) => atMs);

describe("sliceLog", () => {
  it("takes the lines that are wanted, oldest first", () => {
    expect(timesOf({})).toEqual([1000, 2000, 3000, 4000]);
    expect(timesOf({ sinceMs: 2000, untilMs: 3000 })).toEqual([2000, 3000]);
    expect(timesOf({ level: "warn" })).toEqual([2000, 3000, 4000]);
    expect(timesOf({ level: "error" })).toEqual([2000, 4000]);
    expect(timesOf({ code: "broker.refused" })).toEqual([4000]);
    expect(timesOf({ event: "agent.started" })).toEqual([1000]);
  });

  it("keeps the newest that fit, and counts the others", () => {
    const bytes = (lines: readonly LogLine[]): number =>
      lines.reduce((sum, line) => sum + JSON.stringify(line).length + 1, 0);
    const room = bytes(KEPT.slice(2));
    expect(sliceLog(KEPT, {}, room)).toEqual({ lines: KEPT.slice(2), omitted: 2 });
    expect(sliceLog(KEPT, {}, room - 1)).toEqual({ lines: KEPT.slice(3), omitted: 3 });
    expect(sliceLog(KEPT, { level: "error" }, 0)).toEqual({ lines: [], omitted: 2 });
  });

  it("lets no secret out, whatever the fact is called", () => {
    const facts = {
      pin: "CANARY-1",
      sessionToken: "CANARY-2",
      what: "GET https://CANARY-3@bucket.example/key?X-Amz-Signature=CANARY-4 of 1M8GDM9AXKP042788",
      detail: "-----BEGIN PRIVATE KEY-----\nCANARY-5\n-----END PRIVATE KEY-----",
    };
    const text = JSON.stringify(sliceLog([{ atMs: 0, level: "info", event: "a.b", facts }], {}, ALL));
    expect(text).not.toMatch(/CANARY|1M8GDM9AXKP042788/);
    expect(text).toContain("https://bucket.example/key");
  });
});
