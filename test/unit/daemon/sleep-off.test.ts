import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

/** What only an agent needs that sleeps with the vehicle, or asks somebody on the system bus. */
const OF_SLEEP =
  /^drivers\/dbus\/(?!rauc)|^drivers\/os\/(rtc-alarm|wake-sources|program-taps)|^agent\/vehicle\/sleep\/|compose-sleep|power-ports/;

describe("an agent that does not sleep with the vehicle", () => {
  it("loads nothing of that, before it runs and while it does", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/side-lines.ts")).toBe(true);
    expect([...loaded].filter((path) => OF_SLEEP.test(path))).toEqual([]);
  });

  it("would load it where it is asked to", () => {
    const loaded = [...loadedBy("agent/daemon/power-ports.ts"), ...loadedBy("agent/daemon/compose-sleep.ts")];
    expect(loaded.filter((path) => OF_SLEEP.test(path)).length).toBeGreaterThan(15);
  });
});
