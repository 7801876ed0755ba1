import { describe, expect, it } from "vitest";
import { MODE, planCollection } from "../../../../agent/telemetry/collect/collect-rules.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

describe("planCollection", () => {
  const { signals } = tableOf([
    { name: "Engine", signals: [{ name: "Speed" }, { name: "Load" }] },
    { name: "Door", signals: [{ name: "Open" }] },
  ]);

  it("collects on change without a rule", () => {
    const plan = planCollection([], signals);
    expect([...plan.modes]).toEqual([MODE.onChange, MODE.onChange, MODE.onChange]);
    expect([...plan.periodsUs]).toEqual([0, 0, 0]);
  });

  it("lets the last rule that matches count", () => {
    const plan = planCollection(
      [
        { signals: "*", mode: "off" },
        { signals: "Engine.*", mode: "every", ms: 20 },
        { signals: "*.Load", mode: "latest", windowMs: 1000 },
      ],
      signals,
    );
    expect([...plan.modes]).toEqual([MODE.every, MODE.latest, MODE.off]);
    expect([...plan.periodsUs]).toEqual([20_000, 1_000_000, 0]);
    expect(plan.warnings).toEqual([]);
  });

  it("refuses a name that two messages of a bus have, and takes the id of one, or the same message of each bus", () => {
    const twins = tableOf([
      { name: "Motion", signals: [{ name: "Speed" }] },
      { name: "Motion", signals: [{ name: "Speed" }] },
      { name: "Motion", bus: "can1", signals: [{ name: "Speed" }] },
    ]);
    const planOf = (pattern: string) => planCollection([{ signals: pattern, mode: "off" }], twins.signals);
    const collected = (pattern: string) => [...planOf(pattern).modes].map((mode) => mode !== MODE.off);
    const [told] = planOf("Motion.Speed").ambiguous;
    expect(told?.problem).toContain("can0/Motion@0x100.Speed, can0/Motion@0x101.Speed");
    expect(planOf("can0/Motion.Speed").ambiguous).toHaveLength(1);
    for (const clear of ["can1/Motion.Speed", "Motion@0x101.Speed", "Motion.*"]) {
      expect(planOf(clear).ambiguous).toEqual([]);
    }
    expect(collected("Motion@0x101.Speed")).toEqual([true, false, true]);
    expect(collected("can1/*")).toEqual([true, true, false]);
    expect(collected("*@0x100.*")).toEqual([false, true, true]);
  });

  it("names each rule that matches nothing", () => {
    const plan = planCollection(
      [
        { signals: "Engine.Speed", mode: "off" },
        { signals: "Engin.Speed", mode: "on-change", atLeastEveryMs: 1000 },
      ],
      signals,
    );
    expect(plan.warnings).toEqual(['collect.rules[1]: "Engin.Speed" matches no signal']);
  });
});
