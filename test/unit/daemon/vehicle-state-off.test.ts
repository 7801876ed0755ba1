import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

describe("an agent without power.state", () => {
  it("loads nothing of it but the names of the states", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/side-lines.ts")).toBe(true);
    const found = [...loaded].filter((path) => path.startsWith("agent/vehicle/state/") || path.includes("compose-veh"));
    expect(found).toEqual(["agent/vehicle/state/vehicle-state.ts"]);
  });

  it("would load it where it is asked to", () => {
    const loaded = loadedBy("agent/daemon/compose-vehicle-state.ts");
    expect([...loaded].filter((path) => path.startsWith("agent/vehicle/state/")).length).toBeGreaterThan(4);
  });
});
