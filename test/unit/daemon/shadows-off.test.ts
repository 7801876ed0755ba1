import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

describe("an agent without the section shadows", () => {
  it("loads nothing of them", () => {
    const loaded = [...loadedBy("agent/cli/verbs/run.ts")];
    expect(loaded.filter((path) => path.startsWith("agent/shadows/"))).toEqual([]);
  });

  it("would load them where it is asked to", () => {
    expect(loadedBy("agent/daemon/compose-shadows.ts").has("agent/shadows/reported-shadow.ts")).toBe(true);
  });
});
