import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CliContext } from "../../../agent/cli/context.ts";
import { type OpenTester, openTester } from "../../../agent/cli/diagnostics/open-tester.ts";
import type { Ask, Reply } from "../../../agent/diagnostics/tester/tester-bus.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { until } from "../../bench/core/wait.ts";
import type { CanEcuBus } from "../../bench/vehicle/ecus/ecu-bus.ts";
import { openEcuBus } from "../../bench/vehicle/ecus/open-ecu-bus.ts";
import { SecondTester } from "../../bench/vehicle/ecus/second-tester.ts";
import { BENCH_VIN, VehicleEcus } from "../../bench/vehicle/ecus/vehicle-ecus.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { type CliRun, runCli } from "../../fakes/daemon/cli-runner.ts";
import { daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const clock = systemClock();
const signal = new AbortController().signal;
/** What a tester of legislated OBD sends to the engine: only the agent does here. */
const ENGINE_REQUEST = 0x7e0;
const SILENCE_SECONDS = 2;

/** The bus with its control units, and a witness that hears every frame. */
type Vehicle = {
  readonly hub: Hub;
  readonly ecus: VehicleEcus;
  readonly connect: () => Promise<CanEcuBus>;
  /** When frames to the engine were on the bus, ms. */
  readonly heard: number[];
  stop(): Promise<void>;
};

let vehicle: Vehicle;
beforeEach(async () => {
  const hub = await startHub();
  const opened: CanEcuBus[] = [];
  const connect = async (): Promise<CanEcuBus> => {
    const bus = await openEcuBus({ kind: "hub", host: "127.0.0.1", port: hub.port, interface: "can0" });
    opened.push(bus);
    const count = opened.length;
    await until(() => hub.clients() >= count || undefined, { what: "a node is on the bus", timeoutMs: 20_000 });
    return bus;
  };
  const ecus = new VehicleEcus(await connect(), clock, { obdIds: 11 });
  const heard: number[] = [];
  (await connect()).listen(({ id }) => id === ENGINE_REQUEST && heard.push(clock.monotonicMs()));
  const stop = async (): Promise<void> => {
    ecus.stop();
    for (const bus of opened) await bus.stop();
    await hub.stop();
  };
  vehicle = { hub, ecus, connect, heard, stop };
});
afterEach(() => vehicle.stop());

/** What a verb has around it, with this configuration. */
function contextWith(config: string): CliContext {
  const nothing = { write: () => undefined, isTerminal: false, columns: () => 80, rows: () => 24 };
  return {
    version: "0.0.0",
    terminal: { stdout: nothing, stderr: nothing, stdin: (async function* () {})() },
    clock,
    signal,
    environment: {},
    options: () => ({
      config,
      json: false,
      quiet: true,
      color: false,
      input: false,
      timeoutMs: 10_000,
      verbose: false,
    }),
    finish: () => undefined,
  };
}

async function homeOf(technician: readonly string[] = []) {
  const transmit = { condition: "always", requestsPerSecond: 100, busLoadShare: 0.5, silenceSeconds: SILENCE_SECONDS };
  return await daemonHome((config) => {
    const { port } = vehicle.hub;
    config.buses = [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port, interface: "can0" }];
    config.diagnostics = { buses: [{ bus: "can0", transmit, technician }] };
  });
}

const askOf = (...pdu: readonly number[]): Ask => ({
  ecu: { name: "engine", address: { txId: ENGINE_REQUEST, rxId: 0x7e8, extended: false } },
  pdu: Uint8Array.from(pdu),
  who: "technician",
});

async function vinOf({ tester }: OpenTester): Promise<string> {
  const reply = await tester.ask(askOf(9, 2), signal);
  return reply.kind === "answer" ? Buffer.from(reply.pdu.subarray(3)).toString("latin1") : reply.kind;
}

/** Asks without a pause until it is to end; gives what became of the requests. */
function hurry({ tester }: OpenTester, ending: AbortSignal): Promise<readonly Reply[]> {
  const replies: Reply[] = [];
  const run = async (): Promise<readonly Reply[]> => {
    while (!ending.aborted) {
      replies.push(await tester.ask(askOf(1, 0x0c), signal));
      await clock.sleep(5, ending);
    }
    return replies;
  };
  return run();
}

describe("an agent that asks control units on a bus", () => {
  it("is reached by technicians, reads, and changes nothing that they may not", async () => {
    const home = await homeOf(["clear"]);
    const daemon = await startDaemon(home);
    await until(async () => (await daemon.status()).buses[0].state === "up" || undefined, {
      what: "the bus is up",
      timeoutMs: 20_000,
    });
    const open = await openTester(contextWith(home.config), undefined);
    expect(open.tap).toBeUndefined();
    expect(await vinOf(open)).toBe(BENCH_VIN);
    const all = { txId: 0x7df, extended: false, responses: [{ id: 0x7e8, mask: 0x7f8, extended: false }] };
    const found = await open.tester.askAll(all, Uint8Array.of(1, 0), 200, "technician", signal);
    expect(found.kind === "answers" && found.answers.map(({ rxId }) => rxId)).toEqual([0x7e8, 0x7e9]);
    expect(await open.tester.ask(askOf(0x11, 1), signal)).toMatchObject({ kind: "withheld", reason: "off" });
    vehicle.ecus.isParked = true;
    expect((await open.tester.ask(askOf(4), signal)).kind).not.toBe("withheld");
    const { diagnostics } = await daemon.status();
    expect(diagnostics?.buses).toMatchObject([{ bus: "can0", counts: { requests: 3, silences: 0 } }]);
  });

  it("sends the PDUs of causeway isotp, and lets nobody answer beside it", async () => {
    const home = await homeOf(["clear"]);
    const daemon = await startDaemon(home);
    await until(async () => (await daemon.status()).buses[0].state === "up" || undefined, {
      what: "the bus is up",
      timeoutMs: 20_000,
    });
    const run = (...args: readonly string[]): Promise<CliRun> =>
      runCli(["isotp", ...args, "-s", "7E0", "-d", "7E8", "--config", home.config], { clock });
    expect((await run("send", "can0", "-p", "cc", "-w", "1000", "0902")).stdout).toBe(
      `${Buffer.from(`I\u0002\u0001${BENCH_VIN}`)
        .toString("hex")
        .toUpperCase()
        .replaceAll(/(..)(?=.)/g, "$1 ")}\n`,
    );
    await expect(run("send", "can0", "1101")).rejects.toThrow("technician");
    await expect(run("recv", "can0")).rejects.toThrow("beside it");
    expect((await daemon.status()).diagnostics?.buses).toMatchObject([{ counts: { requests: 1 } }]);
  });

  it("falls silent within 100 ms of another tester, says so, and speaks again when that has gone", async () => {
    const home = await homeOf();
    const daemon = await startDaemon(home);
    const other = new SecondTester(await vehicle.connect(), clock);
    const open = await openTester(contextWith(home.config), "can0");
    const ending = new AbortController();
    const hurrying = hurry(open, ending.signal);
    await until(() => vehicle.heard.length > 20 || undefined, { what: "the agent asks", timeoutMs: 20_000 });
    const spokeMs = clock.monotonicMs();
    await other.ask({ txId: 0x7e1, rxId: 0x7e9, extended: false }, [1, 0x0c]);
    await clock.sleep(1000);
    await other.askAll([0x3e, 0x80]);
    const lastMs = clock.monotonicMs();
    const late = vehicle.heard.filter((ms) => ms > spokeMs + 100);
    expect(late).toEqual([]);
    expect((await daemon.status()).diagnostics?.buses[0]).toMatchObject({ withheld: { reason: "other-tester" } });
    await until(() => (vehicle.heard.at(-1) ?? 0) > lastMs || undefined, { what: "it asks again", timeoutMs: 20_000 });
    const againMs = vehicle.heard.find((ms) => ms > lastMs) ?? 0;
    ending.abort();
    const replies = await hurrying;
    expect(againMs - lastMs).toBeGreaterThan(SILENCE_SECONDS * 1000 - 100);
    expect(replies.some((reply) => reply.kind === "withheld" && reply.reason === "other-tester")).toBe(true);
    const events = daemon.lines.flatMap((line) => /"event":"(diagnostics\.other[^"]*)"/.exec(line)?.[1] ?? []);
    expect(events).toEqual(["diagnostics.other-tester", "diagnostics.other-tester-gone"]);
  });
});

describe("a verb without the agent", () => {
  it("asks by itself, with the rights and manners of the configuration", async () => {
    const home = await homeOf();
    const open = await openTester(contextWith(home.config), "can0");
    expect(open.tap).toBeDefined();
    expect(await vinOf(open)).toBe(BENCH_VIN);
    expect(await open.tester.ask(askOf(4), signal)).toMatchObject({ kind: "withheld", reason: "off" });
    await new SecondTester(await vehicle.connect(), clock).askAll([1, 0]);
    await until(() => open.tester.state().other, { what: "the other tester is seen", timeoutMs: 20_000 });
    expect(await open.tester.ask(askOf(3), signal)).toMatchObject({ kind: "withheld", reason: "other-tester" });
    await open.close();
  });

  it("asks on an address that is in no configuration, and sends nothing on a bus that is without transmit", async () => {
    const free = await openTester(
      contextWith("/nowhere/agent.yaml"),
      `socketcand://127.0.0.1:${vehicle.hub.port}/can0`,
    );
    expect(await vinOf(free)).toBe(BENCH_VIN);
    await free.close();
    const asked = vehicle.heard.length;
    const { config } = await daemonHome((settings) => {
      const { port } = vehicle.hub;
      settings.buses = [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port, interface: "can0" }];
      settings.diagnostics = { buses: [{ bus: "can0" }] };
    });
    const listening = await openTester(contextWith(config), "can0");
    expect(await listening.tester.ask(askOf(3), signal)).toMatchObject({ kind: "withheld", reason: "off" });
    expect(vehicle.heard).toHaveLength(asked);
  });

  it("asks only while the condition holds, by the signals of that bus", async () => {
    const { config } = await daemonHome((settings) => {
      const { port } = vehicle.hub;
      settings.buses = [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port, interface: "can0" }];
      const condition = { signals: { speed: "Engine.Speed" }, all: ["speed < 1.0"] };
      settings.diagnostics = { buses: [{ bus: "can0", transmit: { condition } }] };
    });
    const open = await openTester(contextWith(config), "can0");
    expect(await open.tester.ask(askOf(3), signal)).toMatchObject({ kind: "withheld", reason: "condition" });
    expect(vehicle.heard).toEqual([]);
    vehicle.hub.inject("can0", { id: 0x100, flags: 0, data: new Uint8Array(8), receivedAtUs: 0 });
    await until(async () => ((await open.tester.ask(askOf(3), signal)).kind === "answer" ? true : undefined), {
      what: "the condition holds",
      timeoutMs: 20_000,
    });
    await open.close();
  });
});
