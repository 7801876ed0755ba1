import { describe, expect, it } from "vitest";
import type { AgentStatus } from "../../bench/agent/agent-counters.ts";
import { Consumers } from "../../bench/consumers/consumers.ts";
import { BenchView } from "../../bench/run/bench-view.ts";
import { FakeTerminal } from "../../fakes/daemon/terminal.ts";

const FAULT =
  "cannot connect to localhost:8883: the broker's certificate is not valid yet by this machine's clock, which may be wrong";
const ONLINE: AgentStatus = {
  pid: 1,
  uptimeMs: 1000,
  buses: [],
  link: { state: "online", connects: 1 },
  collected: { samples: 0, records: 0, discardedSamples: 0 },
  outbox: { epoch: 1, records: 2, bytes: 4000 },
  delivery: { delivered: 0, inFlight: 0, retried: 0 },
};
const OFFLINE: AgentStatus = { ...ONLINE, link: { state: "connecting", connects: 1, fault: { what: FAULT } } };

/** A view on a terminal, and what draws the n-th second of it. */
function viewOn(columns: number, rows: number) {
  const terminal = new FakeTerminal({ columns, rows });
  const view = new BenchView({ terminal, environment: { TERM: "xterm" }, signal: new AbortController().signal });
  const consumers = new Consumers();
  consumers.latest.set("BatteryPack.PackVoltage", { value: 398.254, unit: "V", timeUs: 1 });
  consumers.latest.set("EngineFluids.CoolantTemperatureAtTheOutlet", { value: 86, unit: "degC", timeUs: 1 });
  const sender = { framesSent: () => 2000, hasFinished: () => false, failure: () => undefined, begin: () => undefined };
  const parts = {
    consumers,
    bus: {
      bus: { kind: "vcan", interface: "vcan0" } as const,
      label: "socketcand hub 127.0.0.1:33835 (this kernel has no vcan)",
      dropped: () => 0,
      unheard: () => 0,
      close: () => Promise.resolve(),
    },
    sender: { ...sender, stop: () => Promise.resolve() },
  };
  const draw = (elapsedS: number, status: AgentStatus): void =>
    view.draw({ parts, status, elapsedS, agentStarts: 1, phase: "" });
  return { terminal, view, draw };
}

describe("the view of the bench", () => {
  it.each([
    [80, 30],
    [40, 40],
    [200, 30],
  ])("has one head and every word of a long fault at %i columns, second after second", async (columns, rows) => {
    const { terminal, draw } = viewOn(columns, rows);
    for (const second of [1, 2, 3]) draw(second, second % 2 === 0 ? ONLINE : OFFLINE);
    const lines = await terminal.lines();
    expect(lines.filter((line) => line.startsWith("Causeway bench"))).toEqual(["Causeway bench  3 s"]);
    const words = lines.flatMap((line) => line.trim().split(/\s+/));
    for (const word of FAULT.split(" ")) expect(words).toContain(word);
    expect(words).not.toContain("online");
  });

  it("keeps values below each other where there is room, and shortens names where there is not", async () => {
    const wide = viewOn(80, 30);
    wide.draw(1, ONLINE);
    expect((await wide.terminal.lines()).filter((line) => /PackVoltage|Coolant/.test(line))).toEqual([
      "  BatteryPack.PackVoltage                       398.25 V",
      "  EngineFluids.CoolantTemperatureAtTheOutlet        86 degC",
    ]);
    const narrow = viewOn(40, 40);
    narrow.draw(1, ONLINE);
    expect((await narrow.terminal.lines()).filter((line) => /Battery|Coolant|EngineF/.test(line))).toEqual([
      "  BatteryPack.PackVoltage    398.25 V",
      "  EngineFluids.CoolantTe…        86 degC",
    ]);
  });

  it("gives the terminal back with the last second on it", async () => {
    const { terminal, view, draw } = viewOn(80, 30);
    draw(1, ONLINE);
    view.close();
    expect(await terminal.isAlternate()).toBe(false);
    expect((await terminal.lines())[0]).toBe("Causeway bench  1 s");
    expect(terminal.isTaken).toBe(false);
  });
});
