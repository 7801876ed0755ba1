import { describe, expect, it } from "vitest";
import type { LogLine } from "../../../../agent/core/recent-log.ts";
import { type LogsHandlerParts, logsHandlers } from "../../../../agent/local-api/logs-handlers.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import { sliceLog } from "../../../../agent/support/logs/log-slice.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { configFile, serveView } from "../../../fakes/daemon/view-socket.ts";

const HOUR_MS = 3_600_000;

/** What the verb looks at, of an agent that keeps `lines`, all that it has logged. */
function keeping(lines: readonly LogLine[]): LogsHandlerParts {
  return {
    startedAtMs: 1,
    logged: () => lines.length,
    slice: (wanted, maxBytes, after) => sliceLog(lines.slice(after), wanted, maxBytes),
  };
}

/** An agent that has logged so many lines, one an hour until now. */
async function agentWith(count: number) {
  const clock = new ManualClock();
  const nowMs = clock.wallUs() / 1000;
  const kept = Array.from({ length: count }, (_, at): LogLine => {
    const facts = {
      number: at,
      what: "slow",
      gone: undefined,
      code: at % 2 === 0 ? "bus.unavailable" : "broker.refused",
    };
    return { atMs: nowMs - (count - at) * HOUR_MS, level: at % 3 === 0 ? "error" : "info", event: "bus.failed", facts };
  });
  const config = await serveView(servedOn("view", logsHandlers(keeping(kept))));
  const numbers = async (...args: readonly string[]): Promise<readonly number[]> => {
    const { stdout } = await runCli(["logs", "--recent", "--config", config, ...args], { clock });
    return [...stdout.matchAll(/ number=(\d+)/g)].map(([, number]) => Number(number));
  };
  return { config, clock, numbers };
}

describe("causeway logs --recent", () => {
  it("shows the lines that the running agent keeps, and of those what is asked for", async () => {
    const { numbers, clock } = await agentWith(60);
    const last = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => 60 - count + at);
    expect(await numbers()).toEqual(last(50));
    expect(await numbers("-n", "3")).toEqual([57, 58, 59]);
    expect(await numbers("--since", "2h")).toEqual([58, 59]);
    expect(await numbers("--since", "3d")).toHaveLength(60);
    expect(await numbers("--since", "1970-01-01")).toHaveLength(60);
    expect(await numbers("--since", "-120m")).toEqual([58, 59]);
    const shown = new Date(clock.wallUs() / 1000 - 2 * HOUR_MS).toISOString();
    expect(await numbers("--since", shown.slice(0, 23).replace("T", " "))).toEqual([58, 59]);
    expect(await numbers("--since", shown)).toEqual([58, 59]);
    const hours = Math.floor((clock.wallUs() / 1000 / HOUR_MS) % 24);
    expect(await numbers("--since", "today")).toHaveLength(hours);
    expect(await numbers("--since", "yesterday")).toHaveLength(hours + 24);
    expect(await numbers("--level", "error", "--since", "5h")).toEqual([57]);
    expect(await numbers("--code", "broker.refused", "-n", "2")).toEqual([57, 59]);
    expect(await numbers("--event", "bus.failed", "--level", "debug", "-n", "1")).toEqual([59]);
  });

  it("gives an object a line with --json, and ends with 2 when there is nothing", async () => {
    const { config, clock } = await agentWith(1);
    const { stdout } = await runCli(["logs", "--recent", "--json", "--config", config], { clock });
    expect(JSON.parse(stdout)).toEqual({
      schemaVersion: 1,
      at: new Date(clock.wallUs() / 1000 - HOUR_MS).toISOString(),
      level: "error",
      event: "bus.failed",
      facts: { number: 0, what: "slow", code: "bus.unavailable" },
    });
    const none = await runCli(["logs", "--recent", "--event", "no.such", "--config", config], { clock });
    expect(none).toMatchObject({ stdout: "", exitCode: 2, stderr: "there is nothing to show\n" });
  });

  it("goes on with what comes under -f, each line once, also where the clock was set back", async () => {
    const clock = new ManualClock();
    const kept: LogLine[] = [];
    const logged = (number: number, agoMs = 0): void => {
      const atMs = clock.wallUs() / 1000 - agoMs;
      kept.push({ atMs, level: "info", event: "bus.failed", facts: { number } });
    };
    logged(1);
    const config = await serveView(servedOn("view", logsHandlers(keeping(kept))));
    const interrupt = new AbortController();
    let shown = "";
    const run = runCli(["logs", "-f", "--recent", "--config", config], {
      clock,
      signal: interrupt.signal,
      onStdout: (text) => {
        shown += text;
      },
    });
    const numbers = (): readonly string[] => [...shown.matchAll(/number=(\d+)/g)].map(([, number]) => number);
    await expect.poll(numbers).toEqual(["1"]);
    logged(2);
    logged(3);
    const later = (): readonly string[] => {
      clock.advance(1000);
      return numbers();
    };
    await expect.poll(later).toEqual(["1", "2", "3"]);
    await expect.poll(later).toEqual(["1", "2", "3"]);
    logged(4);
    await expect.poll(later).toEqual(["1", "2", "3", "4"]);
    logged(5, HOUR_MS);
    await expect.poll(later).toEqual(["1", "2", "3", "4", "5"]);
    interrupt.abort();
    expect((await run).exitCode).toBe(0);
  });

  it("says that no agent runs", async () => {
    const { config } = configFile();
    await expect(runCli(["logs", "--recent", "--config", config])).rejects.toMatchObject({ code: "agent.not-running" });
  });
});

describe("causeway logs", () => {
  it.each([
    ["--since", "tomorrow"],
    ["--since", "2026-11-30 7:00"],
    ["--since", "2026-13-01"],
    ["--since", "1h; id"],
    ["--lines", "0"],
    ["--lines", "-1"],
    ["--level", "loud"],
    ["--code", "bus.unavailible"],
  ])("refuses %s %s", async (option, value) => {
    await expect(runCli(["logs", `${option}=${value}`])).rejects.toMatchObject({ code: "commander.invalidArgument" });
  });

  it("knows a code that was meant", async () => {
    await expect(runCli(["logs", "--code", "bus.unavailible"])).rejects.toThrow("Is it bus.unavailable?");
  });
});
