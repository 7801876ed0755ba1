import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

describe("an agent without diagnostics", () => {
  it("loads nothing of them, before it runs and while it does", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/compose.ts")).toBe(true);
    expect(loaded.has("agent/daemon/side-lines.ts")).toBe(true);
    const found = [...loaded].filter((path) => path.startsWith("agent/diagnostics/") || path.includes("compose-diag"));
    expect(found).toEqual([]);
  });

  it("would load them where it is asked to", () => {
    const loaded = loadedBy("agent/daemon/compose-diagnostics.ts");
    expect([...loaded].filter((path) => path.startsWith("agent/diagnostics/")).length).toBeGreaterThan(15);
  });
});
