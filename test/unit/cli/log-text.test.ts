import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { logText, shownEntry } from "../../../agent/cli/log-text.ts";

const PLAIN = pico.createColors(false);
const AT = Date.UTC(2026, 10, 30, 7, 5, 11, 123);

describe("shownEntry", () => {
  it("reads a line of the log with its own level and facts, and anything else as it is", () => {
    const message = JSON.stringify({ level: "warn", time: "T", event: "outbox.evicted", records: 7, nested: {} });
    expect(shownEntry({ atMs: AT, priority: 6, message })).toEqual({
      atMs: AT,
      level: "warn",
      event: "outbox.evicted",
      facts: { records: 7, nested: undefined },
    });
    for (const text of ['{"level":"warn","time":"T","ev', "Started causeway.service.", '{"event":1}', ""]) {
      expect(shownEntry({ atMs: AT, priority: 4, message: text })).toEqual({
        atMs: AT,
        level: "warn",
        text,
        facts: {},
      });
    }
    const levels = [0, 3, 4, 5, 6, 7].map((priority) => shownEntry({ atMs: AT, priority, message: "" }).level);
    expect(levels).toEqual(["error", "error", "warn", "info", "info", "debug"]);
  });
});

describe("logText", () => {
  const line = {
    atMs: AT,
    level: "error",
    event: "bus.failed",
    facts: {
      bus: "can0",
      what: "can0: no such interface",
      remedy: "bring the interface up, or name another one",
      gone: undefined,
    },
  } as const;

  it("is one line where nobody looks at a terminal", () => {
    expect(logText(line, undefined, PLAIN)).toBe(
      '2026-11-30 07:05:11.123Z error bus.failed bus=can0 what="can0: no such interface" remedy="bring the interface up, or name another one"',
    );
  });

  it("goes on in the next row of a terminal, within its columns", () => {
    const rows = logText(line, 80, PLAIN).split("\n");
    expect(rows).toEqual([
      '2026-11-30 07:05:11.123Z error bus.failed bus=can0 what="can0: no such',
      '    interface" remedy="bring the interface up, or name another one"',
    ]);
    expect(logText({ ...line, event: "x".repeat(100) }, 40, PLAIN)).toContain("x".repeat(100));
  });

  it("never steers a terminal", () => {
    const hostile = { ...line, event: "a\u001b[2Jb", facts: { "na\u0007me": "v\u001b]0;t\u0007\n\r" } };
    expect(logText(hostile, 80, PLAIN).replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });
});
