import { describe, expect, it } from "vitest";
import { matchesPattern } from "../../../agent/signals/signal-patterns.ts";

describe("matchesPattern", () => {
  it.each([
    ["Engine.Speed", "Engine.Speed", true],
    ["Engine.Speed", "Engine.SpeedMax", false],
    ["*", "Engine.Speed", true],
    ["*", "", true],
    ["Engine.*", "Engine.Speed", true],
    ["Engine.*", "Engine2.Speed", false],
    ["*.Speed", "Wheel.Speed", true],
    ["*e*e*e*", "Engine.Speed", true],
    ["*e*e*e*e*", "Engine.Speed", false],
    ["**.Sp**d", "Engine.Speed", true],
    ["engine.*", "Engine.Speed", false],
    ["Engine.S?eed", "Engine.Speed", false],
    ["Engin*.Spee", "Engine.Speed", false],
  ])("%s on %s is %s", (pattern, name, expected) => {
    expect(matchesPattern(pattern, name)).toBe(expected);
  });

  it("gives up on a pattern of many stars without trying every split", () => {
    expect(matchesPattern(`${"*a".repeat(120)}b`, "a".repeat(200))).toBe(false);
  });
});
