import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { shadowLines } from "../../../../agent/cli/status-lines/shadows.ts";
import type { ShadowsStatus } from "../../../../agent/local-api/shadows-status.ts";

const STATE = {
  name: "state",
  state: "in-step",
  what: "",
  updates: 3,
  updatesToday: 1,
  reads: 2,
  conflicts: 0,
  failures: 0,
  omitted: [],
} as const;

describe("the status of shadows", () => {
  const colors = pico.createColors(false);
  const lines = (change: Partial<NonNullable<ShadowsStatus["state"]>>) =>
    shadowLines({ shadows: { state: { ...STATE, ...change } } }, colors);

  it("is nothing without the section", () => {
    expect(shadowLines({}, colors)).toEqual([]);
    expect(shadowLines({ shadows: {} }, colors)).toEqual([]);
  });

  it("says how far it is, and what there is no room for", () => {
    expect(lines({})).toEqual(["shadow     state in step, 1 update today"]);
    expect(lines({ state: "behind", updatesToday: 200, omitted: ["campaigns", "buses"] })).toEqual([
      "shadow     state behind, 200 updates today",
      "           no room for campaigns, buses",
    ]);
  });

  it("says how the settings do that a shadow desires, and why", () => {
    const config = (settings: NonNullable<ShadowsStatus["config"]>["settings"]) =>
      shadowLines({ shadows: { config: { reported: { ...STATE, name: "config" }, settings } } }, colors);
    expect(config({ state: "in-force", reason: "", digest: "ab" })).toEqual([
      "shadow     config in step, 1 update today; settings in force",
    ]);
    expect(config({ state: "none", reason: "", digest: "ab" })[0]).toContain("settings none desired");
    expect(config({ state: "refused", reason: "collect: \u001b[2J", digest: "ab" })).toEqual([
      "shadow     config in step, 1 update today; settings refused",
      "           collect: ?[2J",
    ]);
  });

  it("says why nothing can be told, without control characters", () => {
    expect(lines({ state: "refused", what: "rejected: 403 \u001b[2J" })).toEqual([
      "shadow     state refused, 1 update today",
      "           rejected: 403 ?[2J",
    ]);
  });
});
