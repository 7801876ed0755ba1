import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { until } from "../../bench/core/wait.ts";
import { openEcuBus } from "../../bench/vehicle/ecus/open-ecu-bus.ts";
import { VehicleEcus } from "../../bench/vehicle/ecus/vehicle-ecus.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";

const clock = systemClock();
let hub: Hub;
let stopEcus: () => Promise<void>;
let ecus: VehicleEcus;
let address: string;

beforeEach(async () => {
  hub = await startHub();
  address = `socketcand://127.0.0.1:${hub.port}/can0`;
  const bus = await openEcuBus({ kind: "hub", host: "127.0.0.1", port: hub.port, interface: "can0" });
  await until(() => hub.clients() === 1 || undefined, { what: "the control units are on the bus", timeoutMs: 20_000 });
  ecus = new VehicleEcus(bus, clock, { isTruck: true, isParked: true });
  stopEcus = async () => {
    ecus.stop();
    await bus.stop();
  };
});
afterEach(async () => {
  await stopEcus();
  await hub.stop();
});

const j1939 = (...args: readonly string[]) => runCli(["--config", "/nowhere/agent.yaml", "j1939", ...args], { clock });

/** Lines of a table, with one space between columns. */
const lines = (table: string): readonly string[] =>
  table
    .trimEnd()
    .split("\n")
    .map((line) => line.replaceAll(/ +/g, " "));

describe("causeway j1939, beside the truck of the bench", () => {
  it("lists who sends, and what it claimed its address with", async () => {
    const listed = j1939("nodes", address, "--seconds", "1.5");
    await until(() => hub.clients() === 2 || undefined, { what: "the verb listens", timeoutMs: 20_000 });
    // Somebody asks for claims; the verb itself says nothing.
    hub.inject("can0", { id: 0x18ea_ff0b, flags: 1, data: Uint8Array.of(0, 0xee, 0), receivedAtUs: 0 });
    const { stdout, exitCode } = await listed;
    expect(exitCode).toBe(0);
    expect(lines(stdout)).toEqual([
      "ADDRESS NAME MAKER IDENTITY FRAMES NODE",
      expect.stringMatching(/^0 1000000001401267 10 4711 \d+ engine$/),
      "11 - - - 1 (brakes, system controller)",
    ]);
    expect(hub.counters().malformed).toBe(0);
  });

  it("shows active codes, of one frame and of several, with lamps and meanings", async () => {
    const set = (spn: number, fmi: number): void => ecus.truck?.memory.set((spn << 5) | fmi, "confirmed");
    const none = await j1939("dm1", address, "--seconds", "1.2");
    expect(lines(none.stdout)).toEqual(["ADDRESS USUALLY LAMPS CODE COUNT MEANING", "0 engine 1 - - - no codes"]);
    set(100, 1);
    set(520_200, 31);
    const two = await j1939("dm1", address, "--seconds", "1.5");
    expect(lines(two.stdout).slice(1)).toEqual([
      "0 engine 1 warning on SPN 100 FMI 1 1 below normal range, most severe",
      "0 engine 1 warning on SPN 520200 FMI 31 1 condition exists",
    ]);
    const json = await j1939("--json", "dm1", address, "--seconds", "1.5");
    expect(JSON.parse(json.stdout)).toMatchObject({
      schemaVersion: 1,
      nodes: [{ address: 0, lamps: { warning: "on" }, codes: [{ code: "SPN 100 FMI 1", occurrences: 1 }, {}] }],
    });
  });

  it("asks for groups, of one node and of all, and shows what they say", async () => {
    const vin = await j1939("request", address, "vin", "--to", "0");
    expect([vin.stdout, vin.exitCode]).toEqual(["node 0 (usually engine 1):\n  vin: 1M8GDM9AXKP042788\n", 0]);
    const software = await j1939("--json", "request", address, "0xfeda");
    expect(JSON.parse(software.stdout)).toMatchObject({
      schemaVersion: 1,
      pgn: 65_242,
      to: 255,
      answers: [{ source: 0, destination: 255, content: { kind: "fields", fields: { software: "BENCH-ENG-07.31" } } }],
      remarks: [],
    });
    const readiness = await j1939("request", address, "dm5", "--to", "0");
    expect(readiness.stdout).toContain("active codes 0, previous codes 0, rules: HD OBD");
    const claims = await j1939("request", address, "claim", "--to", "0");
    expect(claims.stdout).toContain("1000000001401267  engine, maker 10, identity 4711");
  });

  it("says what a node has not, that nobody answers, and what it does not ask for", async () => {
    const unknown = await j1939("request", address, "65000", "--to", "0");
    expect([unknown.stdout, unknown.stderr, unknown.exitCode]).toEqual(["", "node 0: not-supported\n", 1]);
    const nobody = await j1939("request", address, "65000", "--to", "7");
    expect([nobody.stderr, nobody.exitCode]).toEqual([expect.stringMatching(/^no answer within 12[5-9]\d ms\n$/), 1]);
    for (const group of ["65235", "0xfecc"]) {
      await expect(j1939("request", address, group)).rejects.toMatchObject({ code: "usage.invalid" });
    }
    await expect(j1939("request", address, "dm99")).rejects.toThrow("dm99 is no parameter group");
  });

  it("says so, with an exit code of its own, where nobody is", async () => {
    await stopEcus();
    const { stdout, stderr, exitCode } = await j1939("--json", "nodes", address, "--seconds", "0.1");
    expect(JSON.parse(stdout)).toEqual({ schemaVersion: 1, bus: "can0", seconds: 0.1, nodes: [], withoutAddress: 0 });
    expect([stderr, exitCode]).toEqual(["no node of J1939 was heard on can0 within 0.1 s\n", 2]);
  });
});
