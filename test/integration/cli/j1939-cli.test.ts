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

describe("causeway j1939, beside the truck of the bench", () => {
  it("lists who sends, and what it claimed its address with", async () => {
    const listed = j1939("nodes", address, "--seconds", "1.5");
    await until(() => hub.clients() === 2 || undefined, { what: "the verb listens", timeoutMs: 5000 });
    // Somebody asks for claims; the verb itself says nothing.
    hub.inject("can0", { id: 0x18ea_ff0b, flags: 1, data: Uint8Array.of(0, 0xee, 0), receivedAtUs: 0 });
    const { stdout, exitCode } = await listed;
    expect(exitCode).toBe(0);
    const [head, ...rows] = stdout.trimEnd().split("\n");
    expect(head.split(/ +/)).toEqual(["ADDRESS", "NAME", "MAKER", "IDENTITY", "FRAMES", "NODE"]);
    expect(rows.map((row) => row.replaceAll(/ +/g, " "))).toEqual([
      expect.stringMatching(/^0 1000000001401267 10 4711 \d+ engine$/),
      "11 - - - 1 (brakes, system controller)",
    ]);
    expect(hub.counters().malformed).toBe(0);
  });

  it("says so, with an exit code of its own, where nobody is", async () => {
    await stopEcus();
    const { stdout, stderr, exitCode } = await j1939("--json", "nodes", address, "--seconds", "0.1");
    expect(JSON.parse(stdout)).toEqual({ schemaVersion: 1, bus: "can0", seconds: 0.1, nodes: [], withoutAddress: 0 });
    expect([stderr, exitCode]).toEqual(["no node of J1939 was heard on can0 within 0.1 s\n", 2]);
  });
});
