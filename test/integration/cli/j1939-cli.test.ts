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
  await until(() => hub.clients() === 1 || undefined, { what: "the control units are on the bus", timeoutMs: 5000 });
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
    await until(() => hub.clients() === 2 || undefined, { what: "the verb listens", timeoutMs: 5000 });
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

  it("says so, with an exit code of its own, where nobody is", async () => {
    await stopEcus();
    const { stdout, stderr, exitCode } = await j1939("--json", "nodes", address, "--seconds", "0.1");
    expect(JSON.parse(stdout)).toEqual({ schemaVersion: 1, bus: "can0", seconds: 0.1, nodes: [], withoutAddress: 0 });
    expect([stderr, exitCode]).toEqual(["no node of J1939 was heard on can0 within 0.1 s\n", 2]);
  });
});
