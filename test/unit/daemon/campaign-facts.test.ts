import { describe, expect, it } from "vitest";
import { factNames, factValues } from "../../../agent/daemon/campaign-facts.ts";

describe("facts that expressions may ask", () => {
  it("have a value for each name, and names that CEL takes", () => {
    const codes = { active: 2, isLampOn: true };
    const vehicle = { state: "asleep-soon", trip: 7, isIgnitionOn: false } as const;
    const agent = {
      isOnline: true,
      clockQuality: "saved",
      outbox: { records: 3, bytes: 4000 },
      codes,
      vehicle,
    } as const;
    const values = factValues([{ name: "can-0.x", state: "bus-off" }], agent);
    expect([...values]).toEqual([
      ["agent.online", 1],
      ["agent.outboxRecords", 3],
      ["agent.outboxBytes", 4000],
      ["clock.believable", 0],
      ["dtc.active", 2],
      ["dtc.lampOn", 1],
      ["bus.can_0_x.up", 0],
      ["bus.can_0_x.state", 4],
      ["vehicle.state", 2],
      ["vehicle.trip", 7],
      ["vehicle.ignition", 0],
    ]);
    expect([...factNames(["can-0.x"]).keys()]).toEqual([...values.keys()]);
    expect(factNames(["can-0.x"]).get("bus.can_0_x.state")?.texts?.[4]).toBe("bus-off");
    expect(factNames(["can-0.x"]).get("vehicle.state")?.texts?.[2]).toBe("asleep-soon");
  });

  it("do not name the vehicle's state where nobody knows it", () => {
    expect([...factNames([], false).keys()].filter((name) => name.startsWith("vehicle."))).toEqual([]);
  });
});
