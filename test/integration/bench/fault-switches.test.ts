import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { watchSignals } from "../../../agent/local-api/signals-schema.ts";
import { type Status, statusSchema } from "../../../agent/local-api/status-schema.ts";
import type { FaultSwitch } from "../../../agent/ui/fault-switch.ts";
import { requestLocal, streamLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { until } from "../../bench/core/wait.ts";
import { parseBenchOptions } from "../../bench/run/bench-options.ts";
import { takeState } from "../../bench/run/bench-state.ts";
import { isGood } from "../../bench/run/bench-summary.ts";
import { runBench, type ShownSwitches } from "../../bench/run/run-bench.ts";

const PATIENCE_MS = 30_000;
const RUN_TIMEOUT_MS = 150_000;
const DAY_MS = 86_400_000;
/** Of two clocks that are the same one. */
const NEAR_MS = 60_000;

describe("the fault switches of the bench", () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-switches-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const state = takeState(folder);
  const view = join(state.runtime, "view.sock");
  const end = new AbortController();

  async function shows(what: string, claim: (now: Status) => boolean): Promise<void> {
    const look = async (): Promise<true | undefined> => {
      const now = statusSchema.parse(await requestLocal(view, { verb: "status" }, end.signal));
      return claim(now) ? true : undefined;
    };
    await until(look, { what, timeoutMs: PATIENCE_MS });
  }

  /** How far the agent's clock is ahead of ours. */
  async function aheadMs(): Promise<number> {
    const one = new AbortController();
    try {
      for await (const seen of streamLocal(view, { verb: "watch" }, one.signal)) {
        return watchSignals.each.parse(seen).t * 1000 - Date.now();
      }
      throw new Error("no snapshot");
    } finally {
      one.abort();
    }
  }

  async function press(switches: readonly FaultSwitch[], name: string, on: boolean): Promise<void> {
    const found = switches.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no switch ${name}`);
    await found.set(on);
    expect(found.isOn()).toBe(on);
  }

  async function breakAndMend(switches: readonly FaultSwitch[]): Promise<void> {
    expect(switches.map(({ name }) => name)).toEqual(["link", "broker", "bus", "clock"]);
    for (const name of ["link", "broker"]) {
      await press(switches, name, true);
      await shows(`offline by ${name}`, ({ link, outbox }) => link.state !== "online" && outbox.records > 1);
      await press(switches, name, false);
      await shows(`online after ${name}`, ({ link, outbox }) => link.state === "online" && outbox.records < 2);
    }
    for (const on of [true, false]) {
      await press(switches, "bus", on);
      await shows(`the bus, stopped: ${on}`, ({ buses: [bus] }) => (bus?.state === "up") === !on);
    }
    for (const on of [true, false]) {
      await press(switches, "clock", on);
      const isThere = async (): Promise<true | undefined> =>
        Math.abs((await aheadMs()) - (on ? DAY_MS : 0)) < NEAR_MS ? true : undefined;
      await until(isThere, { what: `the clock, moved: ${on}`, timeoutMs: PATIENCE_MS });
    }
    // Left broken, for the end of the drive to mend.
    await press(switches, "clock", true);
    await press(switches, "broker", true);
  }

  it(
    "break and mend the link, the broker, the bus and the clock as the agent sees it, and no record is missing or wrong",
    async () => {
      const options = parseBenchOptions(["--ui", "--state", folder]);
      if (options === "help") throw new Error("no options");
      let pressed: Promise<unknown> | undefined;
      const showSwitches = async (switches: readonly FaultSwitch[]): Promise<ShownSwitches> => {
        pressed = breakAndMend(switches)
          .catch((thrown: unknown) => thrown)
          .finally(() => end.abort());
        return await Promise.resolve({ url: "nowhere", stop: () => Promise.resolve() });
      };
      const heard: string[] = [];
      const run = { options, state, onTick: () => undefined, onEvent: (what: string) => void heard.push(what) };
      const summary = await runBench({ ...run, showSwitches }, end.signal);
      state.release();
      expect([await pressed, heard.filter((what) => what.includes("Error"))]).toEqual([undefined, []]);
      expect(summary).toMatchObject({ gaps: 0, mismatches: 0, unverified: 0, pending: 0, agentStarts: 1, remarks: [] });
      expect(summary.framesUnheard).toBeGreaterThan(0);
      expect(isGood(summary)).toBe(true);
    },
    RUN_TIMEOUT_MS,
  );
});
