import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

describe("an agent without power.states", () => {
  it("loads nothing of regimes", () => {
    const loaded = [...loadedBy("agent/cli/verbs/run.ts")];
    expect(loaded.filter((path) => path.startsWith("agent/vehicle/regime/"))).toEqual([]);
  });

  it("would load them where it is asked to", () => {
    expect(loadedBy("agent/daemon/compose-regimes.ts").has("agent/vehicle/regime/regimes.ts")).toBe(true);
  });
});
