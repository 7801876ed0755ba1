import { describe, expect, it } from "vitest";
import { whileLinkAllows } from "../../../../agent/updates/download/link-policy.ts";
import type { GateVerdict } from "../../../../agent/updates/gate-wait.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

function setUp() {
  const clock = new ManualClock();
  const progress = { bytes: 0, totalBytes: 0, waitingFor: undefined };
  const state = { isMetered: false, looks: 0, runs: 0 };
  const link = async (): Promise<GateVerdict> => {
    state.looks += 1;
    return state.isMetered ? { kind: "closed", waitingFor: "another link" } : { kind: "open" };
  };
  /** Ten seconds of work, which go on where they were stopped. */
  let leftMs = 10_000;
  const work = async (signal: AbortSignal) => {
    state.runs += 1;
    for (; leftMs > 0; leftMs -= 1000) {
      await clock.sleep(1000, signal);
      if (signal.aborted) return { kind: "stopped" } as const;
    }
    return { kind: "complete" } as const;
  };
  return { clock, progress, state, work, policy: { link, progress, clock } };
}

describe("whileLinkAllows", () => {
  it("stops the work on a link that must not be used, and goes on over another one", async () => {
    const { clock, progress, state, work, policy } = setUp();
    const outcome = whileLinkAllows(policy, work, new AbortController().signal);
    await clock.run(4000);
    state.isMetered = true;
    await clock.run(60_000);
    expect([state.runs, progress.waitingFor]).toEqual([1, "another link"]);
    state.isMetered = false;
    await clock.run(20_000);
    expect([await outcome, state.runs, progress.waitingFor]).toEqual([{ kind: "complete" }, 2, undefined]);
  });

  it("looks at no link any more once the work is done", async () => {
    const { clock, state, work, policy } = setUp();
    const outcome = whileLinkAllows(policy, work, new AbortController().signal);
    await clock.run(20_000);
    await outcome;
    const { looks } = state;
    await clock.run(20_000);
    expect(state.looks).toBe(looks);
  });

  it("stops with its signal, at work and while it waits", async () => {
    for (const isMetered of [false, true]) {
      const { clock, state, work, policy } = setUp();
      const stop = new AbortController();
      state.isMetered = isMetered;
      const outcome = whileLinkAllows(policy, work, stop.signal);
      await clock.run(2000);
      stop.abort();
      expect(await outcome).toEqual({ kind: "stopped" });
    }
  });
});
