import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

describe("an agent that is no vehicle of FleetWise", () => {
  it("loads nothing of it, before it runs and while it does", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/compose.ts")).toBe(true);
    expect(loaded.has("agent/commands/state-templates.ts")).toBe(true);
    const found = [...loaded].filter(
      (path) => /^agent\/fleetwise\/|fleetwise/.test(path) && path !== "config/fleetwise.ts",
    );
    expect(found).toEqual([]);
  });

  it("would load it where it is asked to", () => {
    const loaded = loadedBy("agent/daemon/compose-fleetwise.ts");
    expect([...loaded].filter((path) => path.startsWith("agent/fleetwise/")).length).toBeGreaterThan(15);
  });
});
