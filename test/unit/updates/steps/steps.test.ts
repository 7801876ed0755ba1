import { describe, expect, it } from "vitest";
import { activate } from "../../../../agent/updates/steps/activate.ts";
import { commit } from "../../../../agent/updates/steps/commit.ts";
import { checkHealth } from "../../../../agent/updates/steps/health-check.ts";
import { install } from "../../../../agent/updates/steps/install.ts";
import { rollback } from "../../../../agent/updates/steps/rollback.ts";
import { verify } from "../../../../agent/updates/steps/verify.ts";
import { wait, waitUntilStartAllowed } from "../../../../agent/updates/steps/wait.ts";
import { FIRST_STATE } from "../../../../agent/updates/update-state.ts";
import { FakeStepContext, twoArtifacts } from "../../../fakes/updates/step-context.ts";

const record = twoArtifacts();
const FINISHED = { kind: "finished", effect: "at-once" };
const full = (): Error => Object.assign(new Error("no space left"), { code: "ENOSPC" });
const shut = { kind: "closed", waitingFor: "parked" } as const;

function setUp() {
  const context = new FakeStepContext();
  const stop = new AbortController();
  return { context, stop, signal: stop.signal };
}

describe("verify", () => {
  it("gives the update up when it would not be taken today, and when a file is another one", async () => {
    const { context } = setUp();
    expect(await verify(record, context)).toEqual(FINISHED);
    context.folder.digestOf = async () => "f".repeat(64);
    expect(await verify(record, context)).toMatchObject({ kind: "failed", reason: "tampered" });
    context.checks = { ...context.checks, verify: () => ({ kind: "rejected", reason: "expired", detail: "in May" }) };
    expect(await verify(record, context)).toEqual({ kind: "failed", reason: "rejected", detail: "expired: in May" });
  });
});

describe("wait", () => {
  it("says what it waits for, and stops with its signal", async () => {
    const { context, stop, signal } = setUp();
    context.checks = { ...context.checks, gate: () => shut };
    const outcome = wait(record, context, signal);
    await context.clock.run(5000);
    expect(context.progress.waitingFor).toBe("parked");
    stop.abort();
    expect(await outcome).toEqual({ kind: "stopped" });
    expect(context.progress.waitingFor).toBeUndefined();
  });
});

describe("install", () => {
  it("runs the program before it, and stages nothing when that fails", async () => {
    const { context, signal } = setUp();
    expect(await install(record, context, signal)).toEqual(FINISHED);
    expect(context.calls).toEqual(["before", "stage first", "stage second"]);
    context.calls.length = 0;
    context.hooks = { ...context.hooks, before: async () => "hook before: ended with 1" };
    expect(await install(record, context, signal)).toMatchObject({ kind: "failed", reason: "hook-failed" });
    expect(context.calls).toEqual([]);
  });

  it("gives the update up when an artifact cannot be unpacked, but not when it was told to stop", async () => {
    const { context, stop, signal } = setUp();
    context.hooks = { ...context.hooks, before: async () => undefined };
    context.fault = full();
    expect(await install(record, context, signal)).toMatchObject({ kind: "failed", reason: "install-failed" });
    context.installer.stage = async () => {
      stop.abort();
      throw full();
    };
    expect(await install(record, context, signal)).toEqual({ kind: "stopped" });
  });
});

describe("activate", () => {
  it("asks for the start that the strongest of its artifacts needs", async () => {
    const { context, signal } = setUp();
    context.trial = { kind: "none" };
    context.effects.set("first", "reboot").set("second", "restart");
    expect(await activate(record, context, signal)).toEqual({ kind: "finished", effect: "reboot" });
    expect(context.calls).toEqual(["activate first", "activate second"]);
  });

  it("activates nothing that the supervisor has put back", async () => {
    const { context, signal } = setUp();
    context.trial = { kind: "rolled-back", detail: "3 starts" };
    expect(await activate(record, context, signal)).toMatchObject({ reason: "supervisor-rolled-back" });
    expect(context.calls).toEqual([]);
  });
});

describe("checkHealth", () => {
  it.each([
    [{ kind: "none" }, { kind: "failed", reason: "unhealthy", detail: "first is not what runs" }],
    [{ kind: "pending" }, { kind: "postponed" }],
    [
      { kind: "rolled-back", detail: "3 starts" },
      { kind: "failed", reason: "supervisor-rolled-back" },
    ],
  ] as const)("judges no version whose trial is %j", async (trial, outcome) => {
    const { context, signal } = setUp();
    context.trial = trial;
    expect(await checkHealth(record, context, signal)).toMatchObject(outcome);
  });

  it("gives the update up when the version is not healthy in its time, and says what was missing", async () => {
    const { context, signal } = setUp();
    context.checks = { ...context.checks, health: () => ({ kind: "unhealthy", missing: "PUBACK" }) };
    const outcome = checkHealth(record, context, signal);
    await context.clock.run(59_000);
    expect(context.progress.waitingFor).toBe("PUBACK");
    await context.clock.run(1000);
    expect(await outcome).toEqual({ kind: "failed", reason: "unhealthy", detail: "PUBACK" });
  });

  it("runs the program after it once the version is healthy", async () => {
    const { context, signal } = setUp();
    expect(await checkHealth(record, context, signal)).toEqual(FINISHED);
    expect(context.calls).toEqual(["after"]);
    context.hooks = { ...context.hooks, after: async () => "hook after: ended with 1" };
    expect(await checkHealth(record, context, signal)).toMatchObject({ kind: "failed", reason: "hook-failed" });
  });
});

describe("commit", () => {
  it("ends the trial of each artifact before the rollback index rises", async () => {
    const { context } = setUp();
    expect(await commit(record, context)).toEqual(FINISHED);
    expect(context.calls).toEqual(["commit first", "commit second", "advance agent 14", "clear"]);
  });

  it("is tried again when a disk is full, and gives up only what the supervisor has put back", async () => {
    const { context } = setUp();
    context.fault = full();
    expect(await commit(record, context)).toEqual({ kind: "unfinished", detail: "no space left" });
    context.trial = { kind: "rolled-back", detail: "3 starts" };
    expect(await commit(record, context)).toMatchObject({ kind: "failed", reason: "supervisor-rolled-back" });
  });
});

describe("rollback", () => {
  it("goes back in the opposite order, and asks for the start that this needs", async () => {
    const { context } = setUp();
    context.effects.set("second", "restart");
    expect(await rollback(record, context)).toEqual({ kind: "finished", effect: "restart" });
    expect(context.calls).toEqual(["rollback second", "rollback first", "clear"]);
  });

  it("is never given up", async () => {
    const { context } = setUp();
    context.fault = full();
    expect(await rollback(record, context)).toMatchObject({ kind: "unfinished" });
  });
});

describe("waitUntilStartAllowed", () => {
  const failure = { reason: "unhealthy", detail: "PUBACK" } as const;
  it.each([
    ["forward, by a start of the agent", { ...FIRST_STATE, awaits: "restart" }, 3_600_000, false],
    ["back, by a start of the agent", { ...FIRST_STATE, awaits: "restart", failure }, 0, true],
    ["back, by a start of the system", { ...FIRST_STATE, awaits: "reboot", failure }, 599_000, false],
    ["back, by a start of the system", { ...FIRST_STATE, awaits: "reboot", failure }, 600_000, true],
  ] as const)("goes %s, with the gate closed: %j after %i ms: %s", async (_name, state, ms, isAllowed) => {
    const { context, stop, signal } = setUp();
    context.checks = { ...context.checks, gate: () => shut };
    let answer: boolean | undefined;
    const waiting = waitUntilStartAllowed(state, context, signal).then((allowed) => (answer = allowed));
    await context.clock.run(ms);
    expect(answer ?? false).toBe(isAllowed);
    stop.abort();
    await waiting;
  });
});
