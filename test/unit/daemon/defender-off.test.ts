import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

const OF_DEFENDER = /^agent\/metrics\/defender\/|^drivers\/os\/network-|compose-defender/;

describe("an agent that sends no reports to Device Defender", () => {
  it("loads nothing of them", () => {
    const loaded = [...loadedBy("agent/cli/verbs/run.ts")];
    expect(loaded).toContain("agent/daemon/side-lines.ts");
    expect(loaded.filter((path) => OF_DEFENDER.test(path))).toEqual([]);
  });

  it("would load it where it is asked to", () => {
    const loaded = [...loadedBy("agent/daemon/compose-defender.ts")];
    expect(loaded.filter((path) => OF_DEFENDER.test(path)).length).toBeGreaterThan(7);
  });
});
