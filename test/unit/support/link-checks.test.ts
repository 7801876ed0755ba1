import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { dataBudgetLines } from "../../../agent/cli/status-lines/data-budgets.ts";
import { heldBack, linkChecks } from "../../../agent/support/link-checks.ts";
import { statusWith } from "../../fakes/daemon/status.ts";

const links = {
  inUse: { name: "wwan0", isMetered: true, cost: "high" as const },
  budgets: [
    {
      of: "wwan0",
      use: ["capture" as const, "ota" as const],
      dayBytes: 50_000_000,
      dayUsedBytes: 49_990_000,
      monthUsedBytes: 0,
    },
  ],
  held: [
    { use: "capture" as const, bytes: 12_000_000, what: "day budget of wwan0 used", until: "2026-12-01T00:00:00Z" },
  ],
};

describe("links in checks and in the status page", () => {
  it("say what is held back, how much and until when", () => {
    const line = "held back: capture 12.0 MB until 2026-12-01 00:00 UTC (day budget of wwan0 used)";
    const status = statusWith({ links });
    expect(heldBack(status)).toEqual([line]);
    expect(linkChecks(status)).toMatchObject([{ check: "link", verdict: "warn", what: line }]);
    expect(dataBudgetLines(status, pico.createColors(false))).toEqual([
      "interface  wwan0, metered, cost high",
      "           wwan0 capture, ota: 50.0 MB of 50.0 MB today",
      `           ${line}`,
    ]);
  });

  it("pass where nothing waits, warn without a way, and say nothing where nothing is known", () => {
    expect(linkChecks(statusWith({ links: { ...links, held: [] } }))).toMatchObject([
      { verdict: "pass", what: "wwan0 is in use, metered; nothing waits for a data budget" },
    ]);
    expect(linkChecks(statusWith({ links: { budgets: [], held: [] } }))).toMatchObject([{ verdict: "warn" }]);
    expect(linkChecks(statusWith())).toEqual([]);
    expect(dataBudgetLines(statusWith(), pico.createColors(false))).toEqual([]);
  });
});
