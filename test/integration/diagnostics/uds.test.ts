import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { CliContext } from "../../../agent/cli/context.ts";
import { openTester } from "../../../agent/cli/diagnostics/open-tester.ts";
import { actingUdsEcu } from "../../../agent/diagnostics/uds/acting-ecu.ts";
import { UdsAsker } from "../../../agent/diagnostics/uds/uds-asker.ts";
import { UdsClient } from "../../../agent/diagnostics/uds/uds-client.ts";
import { ecuCatalogue } from "../../../config/ecus.ts";
import { loadYamlFile } from "../../../config/load.ts";
import { makeKey } from "../../../drivers/os/make-key.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { until } from "../../bench/core/wait.ts";
import type { CanEcuBus } from "../../bench/vehicle/ecus/ecu-bus.ts";
import { openEcuBus } from "../../bench/vehicle/ecus/open-ecu-bus.ts";
import type { UdsEcu } from "../../bench/vehicle/ecus/uds-ecu.ts";
import { BENCH_VIN, VehicleEcus } from "../../bench/vehicle/ecus/vehicle-ecus.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const CATALOGUE = fileURLToPath(new URL("../../../config/ecus.example.yaml", import.meta.url));
const WINDOW_SHORT = 0x9a_2311;
const clock = systemClock();
const signal = new AbortController().signal;

let hub: Hub;
let node: CanEcuBus;
let ecus: VehicleEcus;
let body: UdsEcu;

beforeEach(async () => {
  hub = await startHub();
  node = await openEcuBus({ kind: "hub", host: "127.0.0.1", port: hub.port, interface: "can0" });
  await until(() => hub.clients() >= 1 || undefined, { what: "the control units are on the bus", timeoutMs: 20_000 });
  ecus = new VehicleEcus(node, clock, { bodyFrameBytes: 8, isParked: true });
  if (ecus.body === undefined) throw new Error("the vehicle has no body controller");
  body = ecus.body;
});
afterEach(async () => {
  ecus.stop();
  await node.stop();
  await hub.stop();
});

describe("causeway uds, without the agent", () => {
  const uds = (...args: readonly string[]) => {
    const bus = `socketcand://127.0.0.1:${hub.port}/can0`;
    return runCli(["uds", ...args, "--catalogue", CATALOGUE, "--bus", bus, "--config", "/nowhere.yaml"], { clock });
  };

  it("lists control units, asking nobody", async () => {
    const { stdout } = await uds("ecus");
    expect(stdout).toMatch(/^ECU +BUS +REQUEST +ANSWER/);
    expect(stdout).toMatch(/^body +socketcand:\S+ +740 +748 +7 +1 +body controller$/m);
    expect(stdout).toMatch(/^gateway +socketcand:\S+ +18da10f1 +18daf110/m);
    expect(body.unit.requests).toBe(0);
  });

  it("reads what the catalogue has, and what only its number is known of", async () => {
    const { stdout, exitCode } = await uds("read", "body", "vin", "supply", "f189");
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      `f190  vin                ${BENCH_VIN}\n0101  supply_voltage     14.1               V\n0101  board_temperature  20                 degC\nf189  did_f189           30343132\n`,
    );
    const refused = await uds("read", "body", "9999", "vin", "--json");
    expect(refused.exitCode).toBe(3);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      schemaVersion: 1,
      ecu: "body",
      dids: [{ name: "did_9999", problem: "refused: request out of range (0x31)" }, { name: "vin" }],
    });
    await expect(uds("read", "body", "vinn")).rejects.toThrow("body has no data identifier vinn in the catalogue");
    await expect(uds("read", "bodi")).rejects.toThrow("the catalogue has no control unit bodi");
  });

  it("shows codes with what is kept with them, and a control unit that is silent", async () => {
    body.memory.set(WINDOW_SHORT, "confirmed");
    const table = await uds("dtc", "--snapshots");
    expect(table.exitCode).toBe(3);
    expect(table.stdout).toMatch(/^body +B1A23-11 +failed, .*confirmed.* front left window short to ground$/m);
    expect(table.stdout).toMatch(
      /^ +snapshot 1 +supply_voltage 14\.1 V, board_temperature 20 degC, front_left_door open/m,
    );
    expect(table.stdout).toMatch(/^ +snapshot 2 +odometer \d+ km$/m);
    expect(table.stdout).toMatch(/^ +extended data 1 +occurrence_counter 1$/m);
    expect(table.stdout).toMatch(/^gateway +- +did not answer within \d+ ms$/m);
    const json: unknown = JSON.parse((await uds("dtc", "body", "--json")).stdout);
    expect(json).toMatchObject({ ecus: [{ ecu: "body", codes: [{ code: "B1A23-11", raw: "9a2311" }] }] });
    const supported = await uds("dtc", "body", "--supported");
    expect(supported.stdout.trim().split("\n")).toHaveLength(5);
  });
});

describe("an act that needs security", () => {
  it("is let in by the integrator's program, and leaves its session", async () => {
    const program = join(temporaryFolder(), "body-key");
    // Seed * 3 + 0x1357, 16 bits, as the body controller wants it.
    writeFileSync(program, `#!/bin/sh\nread seed\nprintf '%04x\\n' $(( (0x$seed * 3 + 0x1357) & 0xffff ))\n`);
    chmodSync(program, 0o755);
    const { value } = await loadYamlFile(CATALOGUE, ecuCatalogue);
    const [ecu] = value.ecus.map((one) => ({ ...one, security: one.security.map((level) => ({ ...level, program })) }));
    const opened = await openTester(contextOf(), `socketcand://127.0.0.1:${hub.port}/can0`);
    const client = new UdsClient(new UdsAsker({ tester: opened.tester, ecu, who: "technician", clock }), makeKey);
    const routine = actingUdsEcu({ ecu, client: () => client, onCleared: () => undefined }).routine("window_test");
    const prepared = routine?.prepare({ runs: 2 });
    const end = prepared?.kind === "prepared" ? await prepared.run(() => undefined, signal) : undefined;
    expect(end).toEqual({
      kind: "done",
      value: { values: { window_current: { value: 3.15, unit: "A" } }, verdict: "in_spec" },
    });
    expect(body.counts).toMatchObject({ unlocks: 1, windowTests: 1 });
    expect(body.session).toBe(1);
    await opened.close();
  });
});

/** What a verb has around it, without a configuration. */
function contextOf(): CliContext {
  const nothing = { write: () => undefined, isTerminal: false, columns: () => 80, rows: () => 24 };
  const options = { config: "/nowhere.yaml", json: false, quiet: true, color: false, input: false, verbose: false };
  return {
    version: "0.0.0",
    terminal: { stdout: nothing, stderr: nothing, stdin: (async function* () {})() },
    clock,
    signal,
    environment: {},
    options: () => ({ ...options, timeoutMs: 10_000 }),
    finish: () => undefined,
  };
}

/** What the agent has of the ECU, as soon as it has four values. */
async function watched(config: string): Promise<Readonly<Record<string, unknown>>> {
  const end = new AbortController();
  const found: Record<string, unknown> = {};
  const onStdout = (line: string): void => {
    const seen = lineSchema.parse(JSON.parse(line));
    for (const signal of seen.signals) found[signal.name] = signal;
    if (Object.keys(found).length === 4) end.abort();
  };
  await runCli(["signals", "watch", "uds.body.*", "--json", "--config", config], {
    clock,
    signal: end.signal,
    onStdout,
  });
  return found;
}

const lineSchema = z.object({ signals: z.array(z.looseObject({ name: z.string() })) });

describe("an agent with a catalogue", () => {
  it("reads values as signals and codes with snapshots, and verbs read through it", async () => {
    const home = await daemonHome((config) => {
      const { port } = hub;
      config.buses = [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port, interface: "can0" }];
      config.diagnostics = {
        catalogueFile: CATALOGUE,
        buses: [
          {
            bus: "can0",
            technician: ["clear"],
            transmit: { condition: "always", requestsPerSecond: 100, busLoadShare: 0.5 },
            uds: {
              ecus: ["body"],
              signals: [{ ecu: "body", dids: ["supply", "doors"], everyMs: 200 }],
              codesEverySeconds: 5,
            },
          },
        ],
      };
    });
    const daemon = await startDaemon(home);
    await until(() => body.unit.requests > 3 || undefined, { what: "the agent asks", timeoutMs: 15_000 });
    expect(await watched(home.config)).toMatchObject({
      supply_voltage: { physical: 14.1, unit: "V", message: "uds.body" },
      board_temperature: { physical: 20 },
      front_left_door: { physical: 1, text: "open" },
      front_right_door: { physical: 0, text: "closed" },
    });
    const run = (...args: readonly string[]) => runCli([...args, "--config", home.config], { clock });
    const { stdout } = await run("uds", "read", "body", "vin");
    expect(stdout).toBe(`f190  vin  ${BENCH_VIN}\n`);
    expect((await daemon.status()).diagnostics?.buses).toMatchObject([
      { bus: "can0", counts: { silent: 0, faults: 0 } },
    ]);
    body.memory.set(WINDOW_SHORT, "confirmed");
    await until(async () => ((await run("dtc", "list")).stdout.includes("B1A23-11") ? true : undefined), {
      what: "the code is known",
      timeoutMs: 20_000,
    });
    const frozen = await run("dtc", "freeze", "B1A23-11");
    for (const name of ["supply_voltage", "odometer@2", "occurrence_counter"]) expect(frozen.stdout).toContain(name);
    await run("dtc", "clear", "body", "--yes");
    expect(body.memory.withStatus(0xff)).toEqual([]);
    expect((await run("dtc", "list", "--fresh")).stdout).not.toContain("B1A23-11");
  });
});
