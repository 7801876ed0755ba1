import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { until } from "../../bench/core/wait.ts";
import { openEcuBus } from "../../bench/vehicle/ecus/open-ecu-bus.ts";
import { SecondTester } from "../../bench/vehicle/ecus/second-tester.ts";
import { BENCH_VIN, VehicleEcus } from "../../bench/vehicle/ecus/vehicle-ecus.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { type Daemon, type DaemonHome, daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const clock = systemClock();
let hub: Hub;
let ecus: VehicleEcus;
let stops: (() => Promise<void>)[];

/** A connection of its own to the hub, which does not echo. */
async function connect() {
  const bus = await openEcuBus({ kind: "hub", host: "127.0.0.1", port: hub.port, interface: "can0" });
  stops.unshift(() => bus.stop());
  return bus;
}

beforeEach(async () => {
  hub = await startHub();
  stops = [() => hub.stop()];
  ecus = new VehicleEcus(await connect(), clock, { obdIds: 11, startSeconds: 60 });
  stops.unshift(async () => ecus.stop());
});
afterEach(async () => {
  for (const stop of stops) await stop();
});

/** A vehicle whose bus is the hub, with these settings of its diagnostics. */
async function vehicle(diagnostics: Record<string, unknown>): Promise<DaemonHome> {
  return await daemonHome((config) => {
    config.buses = [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port: hub.port, interface: "can0" }];
    config.diagnostics = { buses: [{ bus: "can0", ...diagnostics }] };
    config.collect = { rules: [{ signals: "obd.*", mode: "on-change" }] };
  });
}

const obdOf = async (daemon: Daemon): Promise<NonNullable<NonNullable<Status["diagnostics"]>["obd"]>[number]> => {
  const { diagnostics } = await daemon.status();
  const [obd] = diagnostics?.obd ?? [];
  if (obd === undefined) throw new Error("the status tells nothing of OBD-II");
  return obd;
};

/** What `causeway signals watch` shows first. */
async function watched(home: DaemonHome, pattern: string): Promise<string> {
  const ending = new AbortController();
  const args = ["--config", home.config, "signals", "watch", pattern];
  const { stdout } = await runCli(args, { clock, signal: ending.signal, onStdout: () => ending.abort() });
  return stdout;
}

describe("the agent beside the bench's control units, on a hub", () => {
  it("finds them, has their values as signals, and takes what they answer to another tester", async () => {
    const home = await vehicle({
      transmit: { condition: "always", requestsPerSecond: 200, silenceSeconds: 300 },
      obd: { signals: [{ pids: ["engine_speed", "vehicle_speed", "coolant_temperature"], everyMs: 200 }] },
    });
    const daemon = await startDaemon(home);
    const polled = async () => {
      const { ecus: units } = await obdOf(daemon);
      return units.length === 2 && units.every(({ polls }) => (polls?.answers ?? 0) > 3) ? units : undefined;
    };
    const units = await until(polled, { what: "both are polled", timeoutMs: 30_000 });
    expect(units.map(({ name, response }) => [name, response])).toEqual([
      ["engine", "0x7e8"],
      ["transmission", "0x7e9"],
    ]);
    const signals = await watched(home, "obd.*");
    expect(signals).toMatch(/obd\.engine\.engine_speed +[\d.]+ +rpm/);
    expect(signals).toMatch(/obd\.engine\.coolant_temperature +[\d.]+ +degC/);
    expect(signals).toMatch(/obd\.transmission\.vehicle_speed +\d+ +km\/h/);
    expect(signals).toMatch(/obd\.engine\.mil +0 +"off"/);
    // A technician's verb goes through the agent, which has the bus.
    const obd = (...args: readonly string[]) => runCli(["--config", home.config, "obd", ...args], { clock });
    expect((await obd("read", "--ecu", "engine", "vehicle_speed")).stdout).toMatch(
      /engine +0x0d +vehicle_speed +\d+ +km\/h/,
    );
    expect((await obd("vin")).stdout).toContain(BENCH_VIN);
    const before = ecus.engine?.unit.requests ?? 0;
    const other = new SecondTester(await connect(), clock);
    // Live data of the gearbox, which this agent may not ask for any more.
    await other.ask({ txId: 0x7e1, rxId: 0x7e9, extended: false }, [0x01, 0x0c]);
    await other.ask({ txId: 0x7e0, rxId: 0x7e8, extended: false }, [0x03]);
    await until(async () => ((await obdOf(daemon)).passive.taken >= 2 ? true : undefined), {
      what: "the answers to the other tester are taken",
      timeoutMs: 20_000,
    });
    const { diagnostics } = await daemon.status();
    expect(diagnostics?.buses[0].withheld?.reason).toBe("other-tester");
    expect((ecus.engine?.unit.requests ?? 0) - before).toBeLessThanOrEqual(6);
    expect(daemon.lines.join("\n")).not.toContain(BENCH_VIN);
  });

  it("reads codes that come, with the freeze frame, and sends nothing where nothing is allowed", async () => {
    ecus.engine?.memory.set(0x0301, "confirmed");
    const transmit = { condition: "always", requestsPerSecond: 200 };
    const home = await vehicle({ transmit, obd: { codesEverySeconds: 5 } });
    const daemon = await startDaemon(home);
    const listed = async () => {
      const { stdout } = await runCli(["--config", home.config, "dtc", "list"], { clock }).catch(() => ({
        stdout: "",
      }));
      return stdout.includes("P0301") ? stdout : undefined;
    };
    expect(await until(listed, { what: "the code is known", timeoutMs: 30_000 })).toMatch(/engine .*P0301/);
    expect(daemon.lines.join("\n")).not.toContain(BENCH_VIN);
    await daemon.child.stop();
    const silent = await vehicle({ obd: {} });
    const requests = ecus.engine?.unit.requests ?? 0;
    const quiet = await startDaemon(silent);
    const { diagnostics } = await quiet.status();
    expect(diagnostics?.buses[0].withheld?.reason).toBe("off");
    expect(ecus.engine?.unit.requests).toBe(requests);
  });

  it("is not needed for the verbs, which open the bus themselves", async () => {
    const address = `socketcand://127.0.0.1:${hub.port}/can0`;
    const obd = (...args: readonly string[]) =>
      runCli(["--config", "/nowhere/agent.yaml", "obd", ...args, "--bus", address], { clock });
    expect((await obd("scan")).stdout).toMatch(/\nengine +0x7e0 +0x7e8 /);
    expect((await obd("readiness")).stdout).toContain("engine: malfunction lamp off, 0 confirmed trouble codes");
    ecus.engine?.unit.faults.set({ silent: true });
    ecus.gearbox?.unit.faults.set({ silent: true });
    await expect(obd("vin")).rejects.toMatchObject({ code: "ecu.silent", message: "no ECU answered OBD-II on can0" });
  });
});
