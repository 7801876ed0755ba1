import { describe, expect, it, onTestFinished } from "vitest";
import type { Status } from "../../../../agent/local-api/status-schema.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { offlineStatus, statusWith } from "../../../fakes/daemon/status.ts";
import { FakeTerminal } from "../../../fakes/daemon/terminal.ts";
import { serveView } from "../../../fakes/daemon/view-socket.ts";

describe("causeway status --watch on a terminal", () => {
  async function watched(status: () => Status, size: { readonly columns: number; readonly rows: number }) {
    const terminal = new FakeTerminal(size);
    const interrupt = new AbortController();
    const config = await serveView({ status });
    const clock = new ManualClock();
    const surroundings = { terminal, clock, signal: interrupt.signal, environment: { TERM: "xterm" } };
    const run = runCli(["status", "--watch", "--no-color", "--config", config], surroundings);
    onTestFinished(async () => {
      interrupt.abort();
      await run;
    });
    const shows = async (text: string) => {
      await expect.poll(async () => (await terminal.lines()).join("\n")).toContain(text);
      return (await terminal.lines()).filter((line) => line !== "");
    };
    return { terminal, clock, run, interrupt, shows };
  }

  it.each([40, 80])("says what is wrong over the page, in whole words, at %i columns", async (columns) => {
    const { shows } = await watched(offlineStatus, { columns, rows: 80 });
    const lines = await shows("capture");
    expect(lines.join(" ").replaceAll(/ +/g, " ")).toContain(
      "link connecting, offline for 12 min 3 s: mqtt.example.com:8883: no answer remedy: check the modem",
    );
    expect(lines.filter((line) => line.startsWith("truck-0001"))).toHaveLength(1);
    expect(lines.filter((line) => line.includes("…"))).toEqual([]);
  });

  it("leaves nothing of a fault that has gone, and ends with 0 then", async () => {
    let status = offlineStatus();
    const { shows, clock, run, interrupt } = await watched(() => status, { columns: 60, rows: 60 });
    await shows("check the modem");
    status = statusWith();
    clock.advance(1000);
    await shows("link       online");
    clock.advance(1000);
    const lines = await shows("up, 0 frames/s");
    expect(lines[0]).toMatch(/^truck-0001 {2}causeway/);
    interrupt.abort();
    expect((await run).exitCode).toBe(0);
  });

  it("scrolls by keys where the terminal is too low, and ends with q", async () => {
    const { terminal, run, shows } = await watched(() => statusWith(), { columns: 80, rows: 8 });
    await shows("1-7 of 18 lines  j k PgUp PgDn scroll  q quit");
    terminal.press(" ");
    const lines = await shows("8-14 of 18 lines");
    expect(lines.join("\n")).toContain("bus can0");
    terminal.press("G");
    await shows("12-18 of 18 lines");
    terminal.press("g");
    await shows("1-7 of 18 lines");
    terminal.press("q");
    await run;
  });
});
