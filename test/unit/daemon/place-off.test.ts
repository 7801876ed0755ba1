import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

const isOfPlace = (path: string): boolean =>
  path.startsWith("agent/vehicle/place/") || path.startsWith("drivers/gnss/") || path.includes("compose-place");

describe("an agent without the section place", () => {
  it("loads nothing of it", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/side-lines.ts")).toBe(true);
    expect([...loaded].filter(isOfPlace)).toEqual([]);
  });

  it("would load it where it is asked to", () => {
    expect([...loadedBy("agent/daemon/compose-place.ts")].filter(isOfPlace).length).toBeGreaterThan(10);
  });
});
