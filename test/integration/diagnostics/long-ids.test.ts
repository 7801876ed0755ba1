import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { until } from "../../bench/core/wait.ts";
import { openEcuBus } from "../../bench/vehicle/ecus/open-ecu-bus.ts";
import { SecondTester } from "../../bench/vehicle/ecus/second-tester.ts";
import { BENCH_VIN, VehicleEcus } from "../../bench/vehicle/ecus/vehicle-ecus.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { type CliRun, runCli } from "../../fakes/daemon/cli-runner.ts";
import { type Daemon, daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const clock = systemClock();
const ENGINE = { txId: 0x18da_10f1, rxId: 0x18da_f110, extended: true };
let hub: Hub;
let ecus: VehicleEcus;
/** Ids of 11 bits that were on the bus. */
let shortIds: Set<number>;
let stops: (() => Promise<void>)[];

/** A connection of its own to the hub, which does not echo. */
async function connect() {
  const bus = await openEcuBus({ kind: "hub", host: "127.0.0.1", port: hub.port, interface: "can0" });
  stops.unshift(() => bus.stop());
  const count = stops.length - 1;
  await until(() => hub.clients() >= count || undefined, { what: "a node is on the bus", timeoutMs: 20_000 });
  return bus;
}

beforeEach(async () => {
  hub = await startHub();
  stops = [() => hub.stop()];
  ecus = new VehicleEcus(await connect(), clock, { obdIds: 29, startSeconds: 60 });
  shortIds = new Set();
  (await connect()).listen(({ id, flags }) => {
    if ((flags & FRAME_FLAG.extended) === 0) shortIds.add(id);
  });
});
afterEach(async () => {
  ecus.stop();
  for (const stop of stops) await stop();
});

type Obd = NonNullable<NonNullable<Status["diagnostics"]>["obd"]>[number];

async function obdOf(daemon: Daemon): Promise<Obd | undefined> {
  return (await daemon.status()).diagnostics?.obd?.[0];
}

describe("control units that answer to ids of 29 bits alone", () => {
  it("are found and read by the verbs, which open the bus themselves", async () => {
    const bus = `socketcand://127.0.0.1:${hub.port}/can0`;
    const run = (...args: readonly string[]): Promise<CliRun> =>
      runCli([...args, "--config", "/nowhere/agent.yaml"], { clock });
    const { stdout } = await run("obd", "scan", "--bus", bus);
    expect(stdout).toMatch(/\nengine +0x18da10f1 +0x18daf110 /);
    expect(stdout).toMatch(/\ntransmission +0x18da18f1 +0x18daf118 /);
    expect((await run("obd", "vin", "--bus", bus, "--addressing", "29-bit")).stdout).toContain(BENCH_VIN);
    const sent = await run("isotp", "send", bus, "-s", "18DA10F1", "-d", "18DAF110", "-w", "1000", "0902");
    const vin = [...Buffer.from(BENCH_VIN)].map((byte) => byte.toString(16).toUpperCase());
    expect(sent.stdout).toBe(`49 02 01 ${vin.join(" ")}\n`);
  });

  it("are polled by the agent, which tells their codes, and is silent beside another tester", async () => {
    ecus.engine?.memory.set(0x0301, "confirmed");
    const home = await daemonHome((config) => {
      config.buses = [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port: hub.port, interface: "can0" }];
      const transmit = { condition: "always", requestsPerSecond: 200, silenceSeconds: 300 };
      const obd = {
        addressing: "29-bit",
        codesEverySeconds: 5,
        signals: [{ pids: ["engine_speed", "vehicle_speed"], everyMs: 200 }],
      };
      config.diagnostics = { buses: [{ bus: "can0", transmit, obd }] };
      config.collect = { rules: [{ signals: "obd.*", mode: "on-change" }] };
    });
    const daemon = await startDaemon(home);
    const run = (...args: readonly string[]): Promise<CliRun> => runCli([...args, "--config", home.config], { clock });
    const listed = async () => ((await run("dtc", "list")).stdout.includes("P0301") ? true : undefined);
    await until(listed, { what: "the code is known", timeoutMs: 30_000 });
    const polled = async () => {
      const units = (await obdOf(daemon))?.ecus ?? [];
      return units.length === 2 && units.every(({ polls }) => (polls?.answers ?? 0) > 3) ? units : undefined;
    };
    const units = await until(polled, { what: "both are polled", timeoutMs: 30_000 });
    expect(units.map(({ name, response }) => [name, response])).toEqual([
      ["engine", "0x18daf110"],
      ["transmission", "0x18daf118"],
    ]);
    expect([...shortIds]).toEqual([]);
    const other = new SecondTester(await connect(), clock);
    await other.ask({ ...ENGINE, txId: 0x18da_18f1, rxId: 0x18da_f118 }, [0x01, 0x0c]);
    // Answers like the agent's last ones are taken for these a moment longer.
    await clock.sleep(500);
    const { requests = 0 } = ecus.engine?.unit ?? {};
    await other.ask(ENGINE, [0x01, 0x0c]);
    await other.ask(ENGINE, [0x03]);
    const taken = async () => (((await obdOf(daemon))?.passive.taken ?? 0) >= 2 ? true : undefined);
    await until(taken, { what: "the answers to the other tester are taken", timeoutMs: 20_000 });
    expect((await daemon.status()).diagnostics?.buses[0].withheld?.reason).toBe("other-tester");
    // Those of the other tester, and none of the agent's.
    expect((ecus.engine?.unit.requests ?? 0) - requests).toBe(2);
  });
});
