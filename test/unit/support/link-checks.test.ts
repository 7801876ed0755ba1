import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { dataBudgetLines } from "../../../agent/cli/status-lines/data-budgets.ts";
import type { ModemFacts } from "../../../agent/ports/link-facts.ts";
import { heldBack, linkChecks } from "../../../agent/support/link-checks.ts";
import { statusWith } from "../../fakes/daemon/status.ts";
import { MODEM } from "../../fakes/ports/modem.ts";

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

  it("say of a modem what it does, and what to do where it carries no data", () => {
    const withModem = (change: Partial<ModemFacts>) =>
      statusWith({ links: { ...links, held: [], modems: { isAnswering: true, modems: [{ ...MODEM, ...change }] } } });
    const page = dataBudgetLines(withModem({ registration: "roaming" }), pico.createColors(false));
    expect(page[1]).toBe("           modem connected, roaming with Example Mobile, lte, signal 67 %, RSRP -95.5 dBm");
    expect(linkChecks(withModem({}))).toMatchObject([{ verdict: "pass" }]);
    const told: readonly (readonly [Partial<ModemFacts>, string])[] = [
      [{ state: "failed", failure: "sim-missing", interfaces: [] }, "modem: SIM missing"],
      [{ state: "failed", failure: "unknown" }, "modem of wwan0: failed (unknown)"],
      [{ state: "locked" }, "modem of wwan0: the SIM is locked"],
      [{ state: "searching", registration: "denied" }, "modem of wwan0: the network denies it registration"],
      [{ state: "searching", registration: "searching" }, "modem of wwan0: no network found"],
      [{ state: "registered" }, "modem of wwan0: registered but no data session"],
    ];
    for (const [change, what] of told) {
      expect(linkChecks(withModem(change))).toMatchObject([{ verdict: "warn", what }]);
    }
  });

  it("tell no modem from a ModemManager that does not answer", () => {
    const told = (isAnswering: boolean) =>
      linkChecks(statusWith({ links: { ...links, held: [], modems: { isAnswering, modems: [] } } }));
    expect(told(true)).toMatchObject([{ verdict: "warn", what: "no modem: ModemManager knows of none" }]);
    expect(told(false)).toMatchObject([{ what: "ModemManager does not answer: modems are not known" }]);
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
