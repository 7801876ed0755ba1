import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { watchSignals } from "../../../agent/local-api/signals-schema.ts";
import { streamLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { until } from "../../bench/core/wait.ts";
import type { CanEcuBus } from "../../bench/vehicle/ecus/ecu-bus.ts";
import { openEcuBus } from "../../bench/vehicle/ecus/open-ecu-bus.ts";
import { VehicleEcus } from "../../bench/vehicle/ecus/vehicle-ecus.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const clock = systemClock();
/** High resolution vehicle distance, PGN 65217, which the bench's truck sends on request only: 5 m a bit (SAE J1939-71). */
const DBC = `
BO_ 2566832638 VDHR: 8 Vector__XXX
 SG_ Distance : 0|32@1+ (0.005,0) [0|21055406] "km" Vector__XXX
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_DEF_DEF_ "VFrameFormat" "J1939PG";
BA_ "VFrameFormat" BO_ 2566832638 3;
`;

let hub: Hub;
let bus: CanEcuBus;
let ecus: VehicleEcus;
beforeEach(async () => {
  hub = await startHub();
  bus = await openEcuBus({ kind: "hub", host: "127.0.0.1", port: hub.port, interface: "can0" });
  await until(() => hub.clients() === 1 || undefined, { what: "the truck is on the bus", timeoutMs: 20_000 });
  ecus = new VehicleEcus(bus, clock, { isTruck: true });
});
afterEach(async () => {
  ecus.stop();
  await bus.stop();
  await hub.stop();
});

describe("the agent on the bus of a truck", { timeout: 60_000 }, () => {
  it("hears its codes, polls and decodes its groups, and asks for a technician", async () => {
    const home = await daemonHome((config) => {
      const { port } = hub;
      config.buses = [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port, interface: "can0" }];
      config.diagnostics = {
        buses: [
          {
            bus: "can0",
            transmit: { condition: "always", requestsPerSecond: 100, bitRate: 250_000 },
            technician: ["clear"],
            j1939: {
              name: { identity: 7, manufacturer: 100 },
              requests: [{ pgn: 65_217, to: 0, everySeconds: 1 }],
            },
          },
        ],
      };
    });
    writeFileSync(home.dbc, readFileSync(home.dbc, "utf8") + DBC);
    ecus.truck?.memory.set((100 << 5) | 1, "confirmed");
    ecus.truck?.memory.set((520_200 << 5) | 31, "confirmed");
    const daemon = await startDaemon(home);
    const cli = (...args: readonly string[]) => runCli(["--config", home.config, ...args], { clock });

    const distance = await firstValue(home.socket, "Distance");
    expect(distance).toBeGreaterThan(48_211_300 / 1000 - 1);

    const listed = await until(
      async () => {
        const { stdout } = await cli("dtc", "list");
        return stdout.includes("SPN 520200 FMI 31") ? stdout : undefined;
      },
      { what: "both codes are active", timeoutMs: 15_000, everyMs: 300 },
    );
    expect(listed).toContain("SPN 100 FMI 1");
    const vin = await cli("j1939", "request", "can0", "vin", "--to", "0");
    expect([vin.stdout, vin.exitCode]).toEqual(["node 0 (usually engine 1):\n  vin: 1M8GDM9AXKP042788\n", 0]);

    const { diagnostics } = await daemon.status();
    expect(diagnostics?.j1939).toMatchObject([
      { bus: "can0", state: "claimed", address: 249, malformed: 0, failedTransfers: 0, contests: 0 },
    ]);

    const cleared = await cli("dtc", "clear", "--yes");
    expect(cleared.exitCode).toBe(0);
    expect(ecus.truck?.memory.withStatus(0xff)).toEqual([]);
  });
});

/** The first number of a signal that the agent shows. */
async function firstValue(socket: string, name: string): Promise<number> {
  const late = AbortSignal.timeout(20_000);
  for await (const raw of streamLocal(socket, { verb: watchSignals.name, patterns: [] }, late)) {
    const found = watchSignals.each.parse(raw).signals.find((one) => one.name === name);
    if (typeof found?.physical === "number") return found.physical;
  }
  throw new Error(`${name} did not come`);
}
