import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

/** What only an agent needs that looks after its clock. */
const OF_TIME = /^drivers\/os\/clock-(?:keepers|chrony|ntp|timesync)|clock-book|clock-changes|compose-time/;

describe("an agent that does not look after its clock", () => {
  it("loads nothing of that, before it runs and while it does", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/side-lines.ts")).toBe(true);
    expect([...loaded].filter((path) => OF_TIME.test(path))).toEqual([]);
  });

  it("would load it where it is asked to", () => {
    const loaded = loadedBy("agent/daemon/compose-time.ts");
    expect([...loaded].filter((path) => OF_TIME.test(path)).length).toBeGreaterThan(5);
  });
});
