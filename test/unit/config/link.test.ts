import { describe, expect, it } from "vitest";
import { linkConfig } from "../../../config/link.ts";

function problemsOf(settings: unknown): readonly string[] {
  const { error } = linkConfig.safeParse(settings);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("the section link", () => {
  it("names one link or one cost in a budget, and what it is", () => {
    expect(problemsOf({ budgets: [{ dayBytes: 1_000_000 }] })).toEqual(["budgets.0.link: name either link or cost"]);
    expect(problemsOf({ budgets: [{ link: "wwan0", cost: "high", dayBytes: 1_000_000 }] })).toHaveLength(1);
    expect(problemsOf({ budgets: [{ link: "wwan0" }] })).toEqual([
      "budgets.0.dayBytes: give dayBytes, monthBytes or roaming: hold",
    ]);
  });

  it("knows roaming from ModemManager alone", () => {
    const budgets = [{ cost: "high", roaming: "hold" }];
    expect(problemsOf({ budgets })).toEqual(["modemManager: is needed for roaming: hold, give modemManager: {}"]);
    expect(problemsOf({ budgets, modemManager: {} })).toEqual([]);
  });

  it("takes no day's budget beyond that of the month", () => {
    expect(problemsOf({ budgets: [{ link: "wwan0", dayBytes: 2_000_000, monthBytes: 1_000_000 }] })).toEqual([
      "budgets.0.monthBytes: must be at least dayBytes",
    ]);
  });

  it("counts capture, telemetry and updates unless told otherwise: what people act by is never held by default", () => {
    const { budgets } = linkConfig.parse({ budgets: [{ cost: "high", monthBytes: 1_000_000 }] });
    expect(budgets[0].use).toEqual(["capture", "telemetry", "ota", "files", "tunnels"]);
  });

  it("takes interfaces by the names that Linux gives", () => {
    expect(problemsOf({ interfaces: { "a name": {} } })).toHaveLength(1);
    expect(problemsOf({ interfaces: { wwp0s20u4i6: { metered: true, cost: "high" } } })).toEqual([]);
  });
});
