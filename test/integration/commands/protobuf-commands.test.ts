import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SignedFields } from "../../../agent/commands/canonical.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import type { Execution } from "../../bench/cloud/command-executions.ts";
import { CompanionBackend } from "../../bench/cloud/companion.ts";
import { encodeRequest, hasProtoc, ProtobufCommands, quoted } from "../../bench/cloud/protobuf-commands.ts";
import { until } from "../../bench/core/wait.ts";
import { DoorVehicle, FRAMES, type SignedRequest } from "../../bench/vehicle/door-vehicle.ts";
import { type Daemon, startDaemon } from "../../fakes/daemon/daemon.ts";

const THING = "veh-1";
const PATIENCE_MS = 20_000;

/** The field of ours that an act needs. */
function authorisation({ thing, notBeforeMs, expiresAtMs, counter, signature }: SignedRequest): string {
  const value = quoted(Buffer.from(signature.value, "base64"));
  return `authorisation { thing: "${thing}" not_before_ms: ${notBeforeMs} expires_at_ms: ${expiresAtMs} counter: ${counter} key: "${signature.key}" signature: ${value} }`;
}
const actuator = (signal: number, value: string, manifest = "doors-1"): string =>
  `actuator_command { signal_id: ${signal} decoder_manifest_sync_id: "${manifest}" ${value} }`;
const state = (template: string, operation = "fetch_snapshot_operation {}"): string =>
  `last_known_state_command { state_template_information { state_template_sync_id: "${template}" ${operation} } }`;

describe.skipIf(!hasProtoc)(`commands in the protobuf flavour${hasProtoc ? "" : " (protoc is not installed)"}`, () => {
  let folder: string;
  let vehicle: DoorVehicle;
  /** Of the cloud's side of the test that runs. */
  let session: Broker | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-protobuf-"));
    vehicle = await DoorVehicle.start(folder, THING);
  });
  // Two that take the answers of a vehicle at a time would answer each other's.
  afterEach(async () => {
    await session?.stop();
  });
  afterAll(async () => {
    await vehicle.stop();
    await rm(folder, { recursive: true });
  });

  async function online(prefix: string): Promise<{ readonly daemon: Daemon; readonly cloud: ProtobufCommands }> {
    session = await vehicle.cloud.sessionAs("cloud-commands", undefined, `protobuf-${prefix.slice(0, 3)}`);
    session.start();
    const cloud = new ProtobufCommands(session, prefix);
    await cloud.start();
    const home = await vehicle.home((config) => {
      config.commands = {
        policyFile: "policy.yaml",
        catalogueFile: "catalogue.yaml",
        protobuf: { enabled: true, prefix },
      };
    });
    // Hundreds of messages at once may hold up a slow machine for longer than signals may be old on a vehicle.
    const catalogue = join(home.folder, "catalogue.yaml");
    const text = readFileSync(catalogue, "utf8");
    writeFileSync(
      catalogue,
      text.replaceAll("maxAgeMs: 2000", "maxAgeMs: 30000").replaceAll("withinMs: 2000", "withinMs: 20000"),
    );
    const daemon = await startDaemon(home);
    const isReady = async (): Promise<true | undefined> => {
      const { link, buses } = await daemon.status();
      return link.state === "online" && (buses[0]?.decoded ?? 0) > 2 ? true : undefined;
    };
    await until(isReady, { what: "the vehicle is online and hears its bus", timeoutMs: PATIENCE_MS });
    // Online is before its subscriptions: what is asked until then is heard by nobody.
    let asked = 0;
    const isHeard = async (): Promise<true | undefined> => {
      asked += 1;
      const execution = await cloud.startExecution(THING, `heard-${daemon.child.pid}-${asked}`, state("doors"));
      const hasEnded = (): true | undefined => (execution.status === "SUCCEEDED" ? true : undefined);
      return await until(hasEnded, { what: "its answer", timeoutMs: 1000 }).catch(() => undefined);
    };
    await until(isHeard, { what: "the vehicle hears its commands", timeoutMs: PATIENCE_MS });
    return { daemon, cloud };
  }

  const end = (execution: Execution): Promise<string> =>
    until(
      () => {
        const { status, reason } = execution;
        if (status === "CREATED" || status === "IN_PROGRESS") return undefined;
        return reason === undefined ? status : `${status} ${reason.reasonCode}`;
      },
      { what: `the end of ${execution.executionId}`, timeoutMs: PATIENCE_MS },
    );

  it.each(["$aws/commands", "cms/commands"])(
    "behind %s acts once for each id over all channels, and gives numbers for reasons",
    async (prefix) => {
      const { daemon, cloud } = await online(prefix);
      const { unit } = vehicle;
      let number = 0;
      const ask = async (request: (id: string) => string): Promise<string> => {
        number += 1;
        const id = `${prefix.slice(-3)}-${daemon.child.pid}-${number}`;
        return await end(await cloud.startExecution(THING, id, request(id)));
      };
      const used: number[] = [];
      const acting = (action: string, change: Partial<SignedFields> = {}) => {
        const value = `boolean_value: ${action === "doors.lock"}`;
        return (id: string): string => {
          const request = vehicle.signed(action, { id, ...change });
          used.push(request.counter);
          return `${actuator(1001, value)} ${authorisation(request)}`;
        };
      };

      expect(await ask(acting("doors.lock"))).toBe("SUCCEEDED");
      expect(unit.isLocked).toBe(true);
      expect(cloud.answers.at(-1)).toMatch(/key: "DoorStatus.Locked"\n {2}value: "1"/);
      expect(await ask(acting("doors.unlock"))).toBe("SUCCEEDED");
      expect(unit.isLocked).toBe(false);
      await expectOneAct(cloud);

      if (prefix.startsWith("$aws/")) {
        cloud.rejections.push("DataConflict");
        const before = cloud.answers.length;
        expect(await ask(() => state("doors"))).toBe("SUCCEEDED");
        expect(cloud.answers.slice(before)).toHaveLength(2);
      }
      expect(await ask(() => state("doors"))).toBe("SUCCEEDED");
      expect(cloud.answers.at(-1)).toMatch(/key: "VehicleMotion.Speed"\n {2}value: "{\\"value\\":0,/);

      const before = { ...unit.frames };
      const past = `issued_timestamp_ms: ${Date.now() - 5000} timeout_ms: 1000`;
      const rejections: readonly (readonly [(id: string) => string, string])[] = [
        [() => `${actuator(1001, "boolean_value: true")} ${past}`, "FAILED 65538"],
        [acting("doors.lock", { thing: "veh-2" }), "FAILED 65537"],
        [acting("doors.lock", { counter: used[0] }), "FAILED 65542"],
        [acting("doors.lock", { expiresAtMs: Date.now() - 1 }), "TIMED_OUT 18"],
        [() => `${state("doors")} ${past}`, "TIMED_OUT 18"],
        [() => actuator(1001, "boolean_value: true", "doors-2"), "FAILED 2"],
        [() => actuator(1002, "boolean_value: true"), "FAILED 3"],
        [() => actuator(1001, "double_value: 1"), "FAILED 7"],
        [() => actuator(1001, ""), "FAILED 7"],
        [() => state("windows"), "FAILED 6"],
        [() => state("windows", "activate_operation {}"), "FAILED 6"],
        [() => state("doors", "activate_operation {}"), "FAILED 65544"],
        [() => "", "FAILED 4"],
      ];
      for (const [request, expected] of rejections) expect(await ask(request)).toBe(expected);
      const signedFor = vehicle.signed("doors.unlock", { id: "another" });
      expect(await ask(() => `${actuator(1001, "boolean_value: true")} ${authorisation(signedFor)}`)).toBe(
        "FAILED 65539",
      );
      const foreign = cloud.executions.create("foreign", THING);
      await cloud.deliver(foreign, encodeRequest(`command_id: "another" ${state("doors")}`));
      expect(await end(foreign)).toBe("FAILED 4");
      expect(unit.frames).toEqual(before);
    },
    120_000,
  );

  it("sends a state template that is activated: all last known values in one record, and then what changes", async () => {
    vehicle.unit.isLocked = false;
    vehicle.unit.speed = 0;
    const { daemon, cloud } = await online("cms/commands");
    const reader = createRecordReader(readDescriptor());
    const consumer = await vehicle.cloud.sessionAs("consumer", undefined, "state-consumer");
    const records: string[] = [];
    consumer.start();
    await consumer.online(AbortSignal.timeout(PATIENCE_MS));
    await consumer.subscribe(`dt/causeway/${THING}/event`, ({ payload }) => {
      const { body } = reader.decode(payload);
      if (body.kind !== "rows" || body.campaign?.id !== "state-doors") return;
      records.push(body.rows.map(({ name, value }) => `${name}=${value}`).join(" "));
    });
    let number = 0;
    const ask = async (request: string): Promise<string> => {
      number += 1;
      const inTime = `issued_timestamp_ms: ${Date.now()} timeout_ms: 30000`;
      return await end(
        await cloud.startExecution(THING, `state-${daemon.child.pid}-${number}`, `${request} ${inTime}`),
      );
    };
    const sent = (record: RegExp): Promise<true> =>
      until(() => (record.test(records.at(-1) ?? "") ? true : undefined), {
        what: `the record ${record} of the template`,
        timeoutMs: PATIENCE_MS,
      });

    const isKnown = async (): Promise<true | undefined> => {
      await ask(state("doors"));
      const answer = cloud.answers.at(-1) ?? "";
      return ["DoorStatus.Locked", "VehicleMotion.Speed"].every((name) =>
        new RegExp(`key: "${name}"\\n {2}value: "{\\\\"value\\\\":0,`).test(answer),
      )
        ? true
        : undefined;
    };
    await until(isKnown, { what: "the vehicle has heard both signals", timeoutMs: PATIENCE_MS });
    expect(await ask(state("doors", "activate_operation { deactivate_after_seconds: 600 }"))).toBe("SUCCEEDED");
    expect(cloud.answers.at(-1)).not.toContain("reason_code");
    await sent(/^DoorStatus\.Locked=0 VehicleMotion\.Speed=0$/);
    vehicle.unit.speed = 33;
    await sent(/^VehicleMotion\.Speed=33$/);
    expect(await ask(state("doors", "activate_operation {}"))).toBe("SUCCEEDED 16");
    await sent(/^DoorStatus\.Locked=0 VehicleMotion\.Speed=33$/);
    expect(await ask(state("doors", "deactivate_operation {}"))).toBe("SUCCEEDED");
    expect(await ask(state("doors", "deactivate_operation {}"))).toBe("SUCCEEDED 17");
    vehicle.unit.speed = 0;
    await consumer.stop();
  }, 60_000);

  /** One id a hundred times on each channel, in turns; each channel has the first turn once. Only what comes first acts. */
  async function expectOneAct(protobuf: ProtobufCommands): Promise<void> {
    const { unit, cloud } = vehicle;
    const app = await cloud.sessionAs("consumer");
    app.start();
    await app.online(AbortSignal.timeout(PATIENCE_MS));
    const backend = new CompanionBackend(app);
    await backend.start();
    for (const first of ["protobuf", "aws", "companion"]) {
      const id = `${first}-${unit.frames.commands}`;
      const request = vehicle.signed("doors.lock", { id });
      const before = unit.frames.commands;
      const act = `${actuator(1001, "boolean_value: true")} ${authorisation(request)}`;
      const payload = encodeRequest(`command_id: "${id}" ${act}`);
      const executions = {
        protobuf: protobuf.executions.create(id, THING),
        aws: cloud.commands.executions.create(`${id}-json`, THING),
      };
      const command = { format: "json", template: JSON.stringify(request) } as const;
      const turns: Record<string, () => Promise<unknown>> = {
        protobuf: () => protobuf.deliver(executions.protobuf, payload),
        aws: () => cloud.commands.deliver(executions.aws, command, {}, 60),
        companion: () => backend.send(THING, request, `${id}-app`),
      };
      const order = Object.keys(turns).toSorted((left, right) => Number(right === first) - Number(left === first));
      for (let time = 0; time < 100; time += 1) for (const door of order) await turns[door]?.();
      const ends = { protobuf: await end(executions.protobuf), aws: await end(executions.aws) };
      // JSON is the same request on both of its channels; in protobuf it is another spelling, and its id and counter are used up.
      const isJson = ends.aws === "SUCCEEDED";
      expect(`${ends.protobuf}, ${ends.aws}`).toMatch(
        isJson ? /^FAILED 65(542|548), SUCCEEDED$/ : /^SUCCEEDED, REJECTED (ID_REUSED|COUNTER_REPLAYED)$/,
      );
      await until(() => (backend.commands.get(`${id}-app`)?.finalAnswers ? true : undefined), {
        what: "the app's answer",
        timeoutMs: PATIENCE_MS,
      });
      expect(backend.commands.get(`${id}-app`)?.status).toBe(isJson ? "SUCCEEDED" : "REJECTED");
      expect(unit.frames.commands - before).toBe(FRAMES);
    }
    expect(unit.frames.wrong).toBe(0);
    await backend.stop();
    await app.stop();
  }
});
