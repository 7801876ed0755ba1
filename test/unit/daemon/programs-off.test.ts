import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

/** What only an agent needs that takes records of other programs. */
const OF_PROGRAMS =
  /^agent\/programs\/|compose-programs|program-(server|connection)\.ts|line-cutter\.ts|line-exchange\.ts/;

describe("an agent without the section programs", () => {
  it("loads nothing of them, before it runs and while it does", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/side-lines.ts")).toBe(true);
    expect([...loaded].filter((path) => OF_PROGRAMS.test(path))).toEqual([]);
  });

  it("would load it where it is asked to", () => {
    const loaded = [...loadedBy("agent/daemon/compose-programs.ts")].filter((path) => OF_PROGRAMS.test(path));
    expect(loaded).toContain("agent/programs/program-intake.ts");
    expect(loaded).toContain("drivers/os/local-socket/program-server.ts");
  });
});
