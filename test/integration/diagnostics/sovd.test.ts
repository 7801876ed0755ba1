import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import type { SignedFields } from "../../../agent/commands/canonical.ts";
import { type Broker, publicationTo } from "../../../agent/ports/broker.ts";
import type { CanFrame } from "../../../agent/ports/frame.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { readStatus } from "../../bench/agent/agent-client.ts";
import { startChild } from "../../bench/core/child.ts";
import { until } from "../../bench/core/wait.ts";
import { DoorVehicle, type VehicleHome } from "../../bench/vehicle/door-vehicle.ts";
import { openEcuBus } from "../../bench/vehicle/ecus/open-ecu-bus.ts";
import { VehicleEcus } from "../../bench/vehicle/ecus/vehicle-ecus.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";

const PROGRAM = fileURLToPath(new URL("../../../scripts/causeway", import.meta.url));
const THING = "veh-1";
const BASE = `cms/commands/things/${THING}/executions`;
const PATIENCE_MS = 30_000;
const STANDING = { signals: { speed: "VehicleMotion.Speed" }, maxAgeMs: 30_000, all: ["speed < 0.5"] };
/** Service 1, PID 0 (SAE J1979): which PIDs there are. */
const ASK_PIDS = Uint8Array.of(2, 1, 0, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc);
/** The key of the body controller, worked out by a program beside the agent, as `UdsEcu.keyOf` has it. */
const KEY_PROGRAM = `#!/bin/sh
read seed
printf '%04x\\n' $(( (0x$seed * 3 + 0x1357) & 0xffff ))
`;
const busPort = z.looseObject({ buses: z.tuple([z.looseObject({ port: z.int() })]) });
const message = z.looseObject({ status: z.string(), reason: z.string().optional(), components: z.unknown() });
type Message = z.infer<typeof message>;

describe("diagnostics as a cloud asks for them, with control units on the bus", () => {
  let vehicle: DoorVehicle;
  let ecus: VehicleEcus;
  let cloud: Broker;
  const told = new Map<string, Message[]>();
  const closers: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "causeway-sovd-"));
    closers.push(() => rm(folder, { recursive: true }));
    vehicle = await DoorVehicle.start(folder, THING);
    closers.push(() => vehicle.stop());
    cloud = await vehicle.cloud.sessionAs("cloud-commands", undefined, "sovd");
    closers.push(() => cloud.stop());
    cloud.start();
    await cloud.online(AbortSignal.timeout(PATIENCE_MS));
    await cloud.subscribe(`${BASE}/+/sovd/response`, ({ topic, payload }) => {
      const id = topic.split("/").at(-3) ?? "";
      const one = message.parse(JSON.parse(new TextDecoder().decode(payload)));
      told.set(id, [...(told.get(id) ?? []), one]);
    });
    const home = await homeOf(vehicle);
    const { port } = busPort.parse(parse(readFileSync(home.config, "utf8"))).buses[0];
    const bus = await openEcuBus({ kind: "hub", host: "127.0.0.1", port, interface: "can0" });
    closers.push(() => bus.stop());
    ecus = new VehicleEcus(bus, systemClock(), { obdIds: 11, bodyFrameBytes: 8, isParked: true });
    closers.push(async () => ecus.stop());
    const args = ["run", "--config", home.config];
    const agent = await startChild({ command: PROGRAM, args, logFile: join(home.folder, "agent.log") });
    closers.push(async () => void (await agent.stop()));
    const isReady = async (): Promise<true | undefined> => {
      const now = await readStatus(home.socket);
      return now?.link.state === "online" && (now.buses[0]?.decoded ?? 0) > 2 ? true : undefined;
    };
    await until(isReady, { what: "the vehicle is online and hears its bus", timeoutMs: PATIENCE_MS });
    // Online is before its subscriptions: what is asked until then is heard by nobody.
    await until(async () => (await ask("no_such_command", {}, 1000).catch(() => undefined)) && true, {
      what: "the vehicle is heard",
      timeoutMs: PATIENCE_MS,
    });
  });
  afterEach(() => {
    vehicle.unit.speed = 0;
  });
  afterAll(async () => {
    for (const close of closers.toReversed()) await close();
  });

  let asked = 0;

  /** Publishes a request; gives its messages once the last one is there. */
  async function ask(
    command: string,
    members: Readonly<Record<string, unknown>>,
    timeoutMs = PATIENCE_MS,
  ): Promise<readonly Message[]> {
    asked += 1;
    const id = `request-${asked}`;
    const body = { command_type: command, correlation_id: id, issued_at_ms: Date.now(), ...members };
    const payload = new TextEncoder().encode(JSON.stringify(body));
    await cloud.publish(publicationTo(`${BASE}/${id}/sovd/request`, payload, "application/json"));
    const hasEnded = (): readonly Message[] | undefined => {
      const messages = told.get(id) ?? [];
      return messages.some(({ status }) => status !== "PROGRESS") ? messages : undefined;
    };
    return await until(hasEnded, { what: `the answer to ${command}`, timeoutMs, everyMs: 10 });
  }

  async function answer(command: string, members: Readonly<Record<string, unknown>>): Promise<Message> {
    const last = (await ask(command, members)).at(-1);
    if (last === undefined) throw new Error("no answer");
    return last;
  }

  /** The members that sign an action. */
  function signed(action: string, change: Partial<SignedFields> = {}): Readonly<Record<string, unknown>> {
    const { id, thing, counter, notBeforeMs, expiresAtMs, signature } = vehicle.signed(action, change);
    return { id, thing, counter, not_before_ms: notBeforeMs, expires_at_ms: expiresAtMs, signature };
  }

  it("reads codes of all control units, one PROGRESS each, with what was frozen", async () => {
    ecus.engine?.memory.set(0x0301, "confirmed");
    ecus.body?.memory.set(0x9a_2311, "confirmed");
    const messages = await ask("read_dtcs", { components: ["*"], include_freeze_frame: true });
    expect(messages.slice(0, -1).map(({ status }) => status)).toEqual(messages.slice(1).map(() => "PROGRESS"));
    const last = messages.at(-1);
    expect(last?.status).toBe("SUCCEEDED");
    expect(last?.components).toMatchObject({
      ECU_ENGINE: { id: "ECU_ENGINE", dtcs: [{ code: "P0301", status: "confirmed" }] },
      body: { id: "body", dtcs: [{ code: "B1A23-11", status: "confirmed" }] },
    });
    expect(JSON.stringify(last?.components)).toContain('"engine_speed":{"value":');
  });

  it("reads identity and data of the catalogue, and nothing that is not in it", async () => {
    expect(await answer("read_identity", { components: ["body"] })).toMatchObject({ status: "SUCCEEDED" });
    expect(await answer("read_data", { components: ["body"], parameters: { did: "0101" } })).toMatchObject({
      status: "SUCCEEDED",
      components: { body: { did: "0101", name: "supply" } },
    });
    expect(await answer("read_data", { components: ["body"], parameters: { did: "F1FF" } })).toMatchObject({
      status: "FAILED",
    });
  });

  it("clears nothing without a signature, or while the vehicle moves, and once with one", async () => {
    ecus.engine?.memory.set(0x0301, "confirmed");
    const requests = (): number => ecus.engine?.unit.asked.get(0x04) ?? 0;
    const clear = { components: ["ECU_ENGINE"] };
    expect((await answer("clear_dtcs", clear)).reason).toMatch(/^SIGNATURE_MISSING/);
    const ofEngine = { arguments: { ecus: ["engine"] } };
    vehicle.unit.speed = 42;
    const isMoving = async (): Promise<true | undefined> => {
      const one = await answer("clear_dtcs", { ...clear, ...signed("dtc.clear", ofEngine) });
      return one.status === "PRECONDITION_FAILED_MOVING" ? true : undefined;
    };
    await until(isMoving, { what: "a refusal while it moves", timeoutMs: PATIENCE_MS });
    const before = requests();
    vehicle.unit.speed = 0;
    const cleared = async (): Promise<Message | undefined> => {
      const one = await answer("clear_dtcs", { ...clear, ...signed("dtc.clear", ofEngine) });
      return one.status === "SUCCEEDED" ? one : undefined;
    };
    const one = await until(cleared, { what: "a cleared engine", timeoutMs: PATIENCE_MS });
    expect(one.components).toMatchObject({ ECU_ENGINE: { status: "CLEARED" } });
    expect(requests()).toBe(before + 1);
    expect(ecus.engine?.memory.withStatus(0x08)).toEqual([]);
  });

  it("runs routines that are asked for briskly one after the other, each with its verdict", async () => {
    const run = (): Promise<Message> =>
      answer("run_routine", {
        routine_id: "window_test",
        parameters: { runs: 1 },
        ...signed("window_test", { arguments: { runs: 1 } }),
      });
    const before = ecus.body?.counts.windowTests ?? 0;
    const ends = await Promise.all([run(), run(), run()]);
    expect(ends.map(({ status, reason }) => [status, reason])).toEqual(ends.map(() => ["SUCCEEDED", undefined]));
    for (const end of ends) expect(end).toMatchObject({ routine_id: "window_test", result: { window_current: {} } });
    expect(ecus.body?.counts.windowTests).toBe(before + 3);
  });

  it("resets a control unit and moves an output for signed commands of a technician, and only while it stands", async () => {
    const run = async (action: string) => {
      const file = join(dirname(configFile), `${action}.json`);
      writeFileSync(file, JSON.stringify(vehicle.signed(action)));
      return await runCli(["commands", "run", file, "--config", configFile], { clock: systemClock() });
    };
    const counts = (): unknown => ({ horns: ecus.body?.counts.horns, resets: ecus.body?.counts.resets });
    vehicle.unit.speed = 42;
    const refused = async () => ((await run("horn")).exitCode === 1 ? true : undefined);
    await until(refused, { what: "a refusal while it moves", timeoutMs: PATIENCE_MS });
    const before = ecus.body?.counts.horns ?? 0;
    vehicle.unit.speed = 0;
    const sounded = async () => ((await run("horn")).exitCode === 0 ? true : undefined);
    await until(sounded, { what: "the horn", timeoutMs: PATIENCE_MS });
    expect((await run("body.restart")).exitCode).toBe(0);
    expect(counts()).toEqual({ horns: before + 1, resets: 1 });
    expect(ecus.body?.isHornOn).toBe(false);
  });

  it("sends nothing beside another tester, and says so", async () => {
    const requests = (): number => ecus.engine?.unit.requests ?? 0;
    const { port } = busPort.parse(parse(readFileSync(configFile, "utf8"))).buses[0];
    const other = await openEcuBus({ kind: "hub", host: "127.0.0.1", port, interface: "can0" });
    closers.push(() => other.stop());
    const heard: CanFrame[] = [];
    other.listen((frame) => heard.push(frame));
    const isAnswer = ({ id, data }: CanFrame): boolean => id === 0x7e8 && data[1] === 0x41;
    const isAnswered = (): true | undefined => heard.splice(0).some(isAnswer) || undefined;
    const askAll = async (): Promise<void> => {
      await other.send({ id: 0x7df, flags: 0, data: ASK_PIDS, receivedAtUs: 0 });
      await until(isAnswered, { what: "the engine's answer to the other tester", timeoutMs: PATIENCE_MS, everyMs: 10 });
    };
    await askAll();
    // A control unit that is late on a busy machine makes a request fail as well.
    const isSilent = async (): Promise<true | undefined> => {
      const { status, reason = "" } = await answer("read_dtcs", { components: ["ECU_ENGINE"] });
      return status === "FAILED" && /another tester/.test(reason) ? true : undefined;
    };
    await until(isSilent, { what: "a refusal because of another tester", timeoutMs: PATIENCE_MS });
    // The engine answers in turn: none of the agent's earlier requests is on its way any more.
    await askAll();
    const before = requests();
    await answer("read_dtcs", { components: ["ECU_ENGINE"] });
    expect(requests()).toBe(before);
  });
});

let configFile = "";

/** The vehicle with its doors, and the control units that its configuration and catalogue name. */
async function homeOf(vehicle: DoorVehicle): Promise<VehicleHome> {
  const home = await vehicle.home((config) => {
    config.commands = {
      policyFile: "policy.yaml",
      catalogueFile: "catalogue.yaml",
      sovd: { enabled: true, components: { ECU_ENGINE: "engine" } },
    };
    config.diagnostics = {
      catalogueFile: "ecus.yaml",
      buses: [
        {
          bus: "can0",
          transmit: { condition: "always", requestsPerSecond: 200, busLoadShare: 0.5 },
          obd: { ecus: [{ name: "engine", response: 0x7e8 }], codesEverySeconds: 3600 },
          uds: { ecus: ["body"], codesEverySeconds: 3600 },
        },
      ],
    };
  });
  configFile = home.config;
  const program = join(home.folder, "body-key");
  writeFileSync(program, KEY_PROGRAM);
  chmodSync(program, 0o755);
  copyFileSync(join(import.meta.dirname, "../../../config/ecus.example.yaml"), join(home.folder, "ecus.yaml"));
  const ecusFile = join(home.folder, "ecus.yaml");
  writeFileSync(ecusFile, readFileSync(ecusFile, "utf8").replace("/usr/lib/example/body-key", program));
  const catalogue = z.looseObject({ actions: z.array(z.unknown()) });
  const file = join(home.folder, "catalogue.yaml");
  const text = catalogue.parse(parse(readFileSync(file, "utf8")));
  const actions = [
    ...text.actions,
    { name: "dtc.clear", kind: "clear-codes", ecus: ["engine", "body"], condition: STANDING },
    { name: "window_test", kind: "routine", ecu: "body", routine: "window_test", condition: STANDING },
    { name: "horn", kind: "control-output", ecu: "body", output: "horn", holdMs: 200, condition: STANDING },
    { name: "body.restart", kind: "reset-ecu", ecu: "body", reset: "restart", condition: STANDING },
  ];
  writeFileSync(file, stringify({ ...text, actions }));
  return home;
}
