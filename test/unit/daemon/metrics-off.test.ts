import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

/** What only an agent needs whose numbers somebody asks for. */
const OF_METRICS =
  /^agent\/metrics\/|status-metrics\/|compose-metrics|process-metrics|local-socket\/http-server|shown-file/;

describe("an agent whose metrics nobody asks for", () => {
  it("loads nothing of that, before it runs and while it does", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/metric-book.ts")).toBe(true);
    expect([...loaded].filter((path) => OF_METRICS.test(path))).toEqual([]);
  });

  it("would load it where it is asked to", () => {
    const loaded = loadedBy("agent/daemon/compose-metrics.ts");
    expect([...loaded].filter((path) => OF_METRICS.test(path)).length).toBeGreaterThan(4);
  });
});
