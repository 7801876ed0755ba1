import { describe, expect, it } from "vitest";
import type { Action, CommandClass } from "../../../agent/commands/action.ts";
import { ActionSlots } from "../../../agent/commands/action-slots.ts";

/** An action that uses what it names, itself when nothing is named. */
function actionOf(name: string, commandClass: CommandClass, uses: readonly string[] = [name]): Action {
  return {
    name,
    commandClass,
    uses,
    keyRole: "commands",
    endsInRestart: false,
    summary: name,
    timeoutMs: 1000,
    prepare: () => ({ kind: "rejected", code: "NOT_SUPPORTED", description: "a test" }),
  };
}

const lock = actionOf("doors.lock", "R3", ["doors", "horn"]);
const read = actionOf("signals.read", "R0");

describe("ActionSlots", () => {
  it("has slots for so many commands, and for so many reads besides", () => {
    const slots = new ActionSlots({ maxRunning: 1, maxReading: 2 });
    slots.take("1", lock);
    slots.take("2", read);
    expect([slots.fullOf(lock), slots.fullOf(read)]).toEqual(["1 commands", undefined]);
    slots.take("3", read);
    expect([slots.fullOf(read), slots.size]).toEqual(["2 reads", 3]);
  });

  it("has a slot again when one is released, and takes one for a command only once", () => {
    const slots = new ActionSlots({ maxRunning: 1, maxReading: 1 });
    slots.take("1", lock);
    slots.take("1", lock);
    slots.release("1");
    expect([slots.fullOf(lock), slots.size]).toEqual([undefined, 0]);
  });

  it("finds the rival that uses the same thing, and no other", () => {
    const slots = new ActionSlots({ maxRunning: 4, maxReading: 4 });
    slots.take("1", lock);
    expect(slots.rivalOf(actionOf("doors.unlock", "R3", ["lights", "doors"]))).toBe(lock);
    expect(slots.rivalOf(actionOf("lights.flash", "R3", ["lights"]))).toBeUndefined();
  });
});
