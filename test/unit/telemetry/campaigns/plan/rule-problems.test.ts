import { describe, expect, it } from "vitest";
import type { SignalTable } from "../../../../../agent/signals/signal-table.ts";
import { planCampaign } from "../../../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { defaultCampaign } from "../../../../../agent/telemetry/campaigns/plan/default-campaign.ts";
import { ruleProblems } from "../../../../../agent/telemetry/campaigns/plan/rule-problems.ts";
import type { CollectRule } from "../../../../../config/schema.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const table = tableOf([
  { name: "Engine", signals: [{ name: "Speed" }, { name: "Load" }] },
  { name: "Door", signals: [{ name: "Open" }] },
]);

/** How each signal of the table is sampled by the campaign of the rules; undefined for one that is not. */
function modesOf(rules: readonly CollectRule[], of: SignalTable = table): (string | undefined)[] {
  const context = { table: of, busNames: [], facts: new Map(), hasHistory: false };
  const planned = planCampaign(defaultCampaign(rules), context, "warning");
  if (planned.kind === "unfit") throw new TypeError("unfit");
  const { samplings } = planned.plan;
  return of.signals.map(
    ({ index }) => samplings.find(({ signals }) => signals.some(({ output }) => output === index))?.entry.mode,
  );
}

describe("the campaign of the rules", () => {
  it("collects on change without a rule", () => {
    expect(modesOf([])).toEqual(["on-change", "on-change", "on-change"]);
  });

  it("lets the last rule that matches count", () => {
    const rules: CollectRule[] = [
      { signals: "*", mode: "off" },
      { signals: "Engine.*", mode: "every", ms: 20 },
      { signals: "*.Load", mode: "latest", windowMs: 1000 },
    ];
    expect(modesOf(rules)).toEqual(["every", "latest", undefined]);
    expect(ruleProblems(rules, table)).toEqual({ unfit: [], warnings: [] });
  });

  it("refuses a name that two messages of a bus have, and takes the id of one, or the same message of each bus", () => {
    const twins = tableOf([
      { name: "Motion", signals: [{ name: "Speed" }] },
      { name: "Motion", signals: [{ name: "Speed" }] },
      { name: "Motion", bus: "can1", signals: [{ name: "Speed" }] },
    ]);
    const problemsOf = (pattern: string) => ruleProblems([{ signals: pattern, mode: "off" }], twins).unfit;
    const collected = (pattern: string) =>
      modesOf([{ signals: pattern, mode: "off" }], twins).map((mode) => mode !== undefined);
    const [told] = problemsOf("Motion.Speed");
    expect(told?.problem).toContain("can0/Motion@0x100.Speed, can0/Motion@0x101.Speed");
    expect(told?.rule).toBe(0);
    expect(problemsOf("can0/Motion.Speed")).toHaveLength(1);
    for (const clear of ["can1/Motion.Speed", "Motion@0x101.Speed", "Motion.*"]) expect(problemsOf(clear)).toEqual([]);
    expect(collected("Motion@0x101.Speed")).toEqual([true, false, true]);
    expect(collected("can1/*")).toEqual([true, true, false]);
    expect(collected("*@0x100.*")).toEqual([false, true, true]);
  });

  it("names each rule that matches nothing", () => {
    const rules: CollectRule[] = [
      { signals: "Engine.Speed", mode: "off" },
      { signals: "Engin.Speed", mode: "on-change", atLeastEveryMs: 1000 },
    ];
    expect(ruleProblems(rules, table).warnings).toEqual([{ rule: 1, problem: '"Engin.Speed" matches no signal' }]);
  });

  it("takes as many rules as the configuration may have", () => {
    const rules = Array.from({ length: 1000 }, () => ({ signals: "*.Speed", mode: "off" }) as const);
    expect(ruleProblems(rules, table)).toEqual({ unfit: [], warnings: [] });
  });
});
