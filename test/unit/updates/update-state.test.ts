import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { INSTALL_EFFECTS } from "../../../agent/ports/update.ts";
import {
  advance,
  FIRST_STATE,
  isOver,
  isSettled,
  UPDATE_FAILURES,
  UPDATE_STEPS,
  UPDATE_TABLE,
  type UpdateEvent,
  type UpdateState,
} from "../../../agent/updates/update-state.ts";

const FORWARD = ["download", "verify", "wait", "install", "activate", "health-check", "commit", "done"] as const;
const finished: UpdateEvent = { kind: "finished", effect: "at-once" };
const cancelled: UpdateEvent = { kind: "failed", reason: "cancelled", detail: "by the cloud" };
const started: UpdateEvent = { kind: "started" };

const at = (step: UpdateState["step"], change: Partial<UpdateState> = {}): UpdateState => ({
  ...FIRST_STATE,
  step,
  ...change,
});

const events = fc.oneof(
  fc.record({ kind: fc.constant("finished" as const), effect: fc.constantFrom(...INSTALL_EFFECTS) }),
  fc.record({ kind: fc.constant("postponed" as const) }),
  fc.record({
    kind: fc.constant("failed" as const),
    reason: fc.constantFrom(...UPDATE_FAILURES),
    detail: fc.string(),
  }),
  fc.constant(started),
);

describe("advance", () => {
  it("goes through every step to done when each is finished", () => {
    const steps = FORWARD.slice(1).reduce<UpdateState[]>(
      (states) => [...states, advance(states[states.length - 1], finished)],
      [FIRST_STATE],
    );
    expect(steps.map(({ step }) => step)).toEqual(FORWARD);
  });

  it.each(["download", "verify", "wait"] as const)("fails at once in %s, which has touched nothing", (step) => {
    expect(advance(at(step), cancelled)).toMatchObject({ step: "failed", failure: { reason: "cancelled" } });
  });

  it.each(["install", "activate", "health-check"] as const)("goes back first in %s", (step) => {
    const back = advance(at(step), cancelled);
    expect(back).toMatchObject({ step: "rollback", failure: { reason: "cancelled" } });
    expect(advance(back, finished)).toMatchObject({ step: "failed", failure: { reason: "cancelled" } });
  });

  it("keeps what is proven, whatever comes, unless the supervisor has put the old version back", () => {
    expect(advance(at("commit"), cancelled).step).toBe("commit");
    const rolledBack = { kind: "failed", reason: "supervisor-rolled-back", detail: "3 starts" } as const;
    expect(advance(at("commit"), rolledBack).step).toBe("rollback");
  });

  it("gives an update up for what its table lists for the step, and for nothing else", () => {
    for (const step of UPDATE_STEPS) {
      const { failed: next, givesUpFor } = UPDATE_TABLE[step];
      for (const reason of UPDATE_FAILURES) {
        const isListed = givesUpFor.some((listed) => listed === reason);
        const after = advance(at(step), { kind: "failed", reason, detail: "" });
        expect([step, reason, after.step]).toEqual([step, reason, isListed ? next : step]);
      }
    }
  });

  it("keeps going back until it is back", () => {
    expect(advance(at("rollback"), cancelled).step).toBe("rollback");
  });

  it("does not count the one start that was asked for, and counts those that were not", () => {
    let state = advance(at("activate"), { kind: "finished", effect: "restart" });
    expect(state).toMatchObject({ step: "health-check", awaits: "restart" });
    state = advance(state, started);
    expect(state).toMatchObject({ step: "health-check", starts: 0, awaits: "at-once" });
    state = advance(state, started);
    state = advance(state, started);
    expect(state).toMatchObject({ step: "health-check", starts: 2 });
    expect(advance(state, started)).toMatchObject({ step: "rollback", failure: { reason: "start-limit" } });
  });

  it("does not count starts of the agent while it waits for one of the system", () => {
    let state = at("health-check");
    for (let count = 0; count < 10; count++) state = advance(advance(state, started), { kind: "postponed" });
    expect(state).toMatchObject({ step: "health-check", starts: 0, awaits: "reboot" });
    expect(isSettled(state)).toBe(false);
    expect(isSettled(at("failed", { awaits: "reboot" }))).toBe(false);
    expect(isSettled(advance(at("failed", { awaits: "reboot" }), started))).toBe(true);
  });

  it.each(["download", "verify", "wait"] as const)("does not count the starts of the old version in %s", (step) => {
    let state = at(step);
    for (let count = 0; count < 1000; count++) state = advance(state, started);
    expect(state).toEqual(at(step));
  });

  it.each([
    ["install", 10],
    ["activate", 10],
    ["health-check", 3],
  ] as const)("breaks a loop of starts in %s after %i of them", (step, most) => {
    let state = at(step);
    for (let count = 1; count < most; count++) state = advance(state, started);
    expect(state).toMatchObject({ step, starts: most - 1 });
    expect(advance(state, started)).toMatchObject({ step: "rollback", failure: { reason: "start-limit" } });
  });

  it("never leaves an end, never goes forward after a failure, and never loses the first reason", () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 60 }), (sequence) => {
        let state: UpdateState = FIRST_STATE;
        for (const event of sequence) {
          const next = advance(state, event);
          if (isOver(state)) expect(next.step).toBe(state.step);
          if (state.failure !== undefined) {
            expect(next.failure).toEqual(state.failure);
            expect(["rollback", "failed"]).toContain(next.step);
          }
          const isForward = next.step === state.step || next.step === UPDATE_TABLE[state.step].finished;
          expect(isForward || next.step === UPDATE_TABLE[state.step].failed).toBe(true);
          expect((next.step === "failed" || next.step === "rollback") === (next.failure !== undefined)).toBe(true);
          expect(next.starts).toBeLessThanOrEqual(10);
          state = next;
        }
      }),
      { seed: 7, numRuns: 1000 },
    );
  });

  it("comes to an end from anywhere: an event that can go on for ever is only a start while committing or going back", () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 30 }), (sequence) => {
        let state: UpdateState = sequence.reduce<UpdateState>(advance, FIRST_STATE);
        for (let count = 0; count < FORWARD.length; count++) state = advance(state, finished);
        expect(isOver(state)).toBe(true);
      }),
      { seed: 8, numRuns: 1000 },
    );
  });
});
