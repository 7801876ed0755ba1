import { describe, expect, it } from "vitest";
import { AgentError, FAULTS } from "../../../../agent/core/errors.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { WatchedAgent } from "../../../fakes/signals/watched-agent.ts";

const SPECS = [
  {
    name: "Engine",
    signals: [
      { name: "Speed", factor: 0.125, unit: "rpm" },
      { name: "Load", unit: "%" },
    ],
  },
];

async function get(agent: WatchedAgent, ...args: readonly string[]) {
  return await runCli(["signals", "get", "--config", await agent.serve(), ...args]);
}

describe("causeway signals get", () => {
  it("prints the latest values once", async () => {
    const agent = new WatchedAgent(SPECS);
    agent.receive("Engine.Speed", 6001);
    agent.receive("Engine.Load", 40);
    expect(await get(agent, "Engine.*")).toEqual({
      stdout: "Engine.Speed  750.125  rpm  0 ms\nEngine.Load   40       %    0 ms\n",
      stderr: "",
      exitCode: 0,
    });
    const { stdout } = await get(agent, "Engine.Load", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, signals: [{ name: "Load", raw: 40, physical: 40 }] });
  });

  it("ends with 2 for what has no value yet, and prints what has one", async () => {
    const agent = new WatchedAgent(SPECS);
    agent.receive("Engine.Load", 40);
    const { stdout, stderr, exitCode } = await get(agent, "Engine.Speed", "Engine.Load");
    expect([stdout, exitCode]).toEqual(["Engine.Load  40  %  0 ms\n", 2]);
    expect(stderr).toContain("Engine.Speed: no value yet\n  remedy: wait for one with --wait 5");
  });

  it("ends with 65 for what is no signal, with the names that may have been meant", async () => {
    const thrown = await get(new WatchedAgent(SPECS), "Speed").catch((error: unknown) => error);
    if (!(thrown instanceof AgentError)) throw new Error("no fault");
    expect([FAULTS[thrown.code].exit, thrown.message]).toEqual([65, "no signal matches Speed"]);
    expect(thrown.remedy).toContain("did you mean Engine.Speed?");
  });

  it("waits for a value as long as it may", async () => {
    const agent = new WatchedAgent(SPECS);
    const clock = new ManualClock();
    const config = await agent.serve();
    const run = runCli(["signals", "get", "--config", config, "Engine.Speed", "--wait", "5"], { clock });
    let done = false;
    void run.then(() => {
      done = true;
    });
    await expect
      .poll(() => {
        if (agent.looks > 1) agent.receive("Engine.Speed", 8);
        agent.clock.advance(500);
        return done;
      })
      .toBe(true);
    const { stdout, exitCode } = await run;
    expect(stdout).toMatch(/^Engine\.Speed {2}1\.000 {2}rpm {2}\d+ ms\n$/);
    expect(exitCode).toBe(0);
  });

  it("ends with 2 when the time is over", async () => {
    const agent = new WatchedAgent(SPECS);
    const clock = new ManualClock();
    const config = await agent.serve();
    const run = runCli(["signals", "get", "--config", config, "Engine.Speed", "--wait", "5"], { clock });
    let done = false;
    void run.finally(() => {
      done = true;
    });
    await expect
      .poll(() => {
        agent.clock.advance(500);
        clock.advance(100);
        return done;
      })
      .toBe(true);
    expect(await run).toMatchObject({ stdout: "", exitCode: 2 });
  });
});
