import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

describe("an agent without the section link", () => {
  it("loads nothing of links and data budgets", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/side-lines.ts")).toBe(true);
    const found = [...loaded].filter(
      (path) => path.startsWith("agent/vehicle/link/") || path.includes("compose-links"),
    );
    expect(found).toEqual([]);
  });

  it("would load them where it is asked to", () => {
    expect(loadedBy("agent/daemon/compose-links.ts").has("agent/vehicle/link/data-budget.ts")).toBe(true);
  });
});
