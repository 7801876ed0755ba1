import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

/** What only an agent needs that opens tunnels. */
const OF_TUNNELS = /^agent\/tunnels\/|^drivers\/net\/|compose-tunnels/;

describe("an agent without tunnels", () => {
  it("loads nothing of them, before it runs and while it does", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/side-lines.ts")).toBe(true);
    expect([...loaded].filter((path) => OF_TUNNELS.test(path))).toEqual([]);
  });

  it("would load it where it is asked to", () => {
    const loaded = loadedBy("agent/daemon/compose-tunnels.ts");
    expect([...loaded].filter((path) => OF_TUNNELS.test(path)).length).toBeGreaterThan(8);
  });
});
