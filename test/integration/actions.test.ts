import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRecordReader, type DecodedRecord } from "../../agent/data/records.ts";
import type { Broker } from "../../agent/ports.ts";
import { readDescriptor } from "../../config/proto/descriptor.ts";
import type { Execution } from "../bench/cloud/command-executions.ts";
import { DoorVehicle, type VehicleHome } from "../bench/door-vehicle.ts";
import { until } from "../bench/wait.ts";
import { type Daemon, startDaemon } from "../fakes/daemon.ts";

const THING = "veh-1";
const PATIENCE_MS = 20_000;

describe("what a command can ask of the agent itself, from the cloud to the records", () => {
  const reader = createRecordReader(readDescriptor());
  let folder: string;
  let vehicle: DoorVehicle;
  let consumer: Broker;
  const records: DecodedRecord[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-actions-"));
    vehicle = await DoorVehicle.start(folder, THING);
    consumer = await vehicle.cloud.sessionAs("consumer");
    consumer.start();
    await consumer.online(AbortSignal.timeout(PATIENCE_MS));
    await consumer.subscribe(`dt/causeway/${THING}/+`, ({ topic, payload }) => {
      if (!topic.endsWith("/presence")) records.push(reader.decode(payload));
    });
  });
  afterAll(async () => {
    await consumer.stop();
    await vehicle.stop();
    await rm(folder, { recursive: true });
  });

  async function online(home: VehicleHome): Promise<Daemon> {
    const daemon = await startDaemon(home);
    const isReady = async (): Promise<true | undefined> => {
      const { link, buses } = await daemon.status();
      return link.state === "online" && (buses[0]?.decoded ?? 0) > 2 ? true : undefined;
    };
    await until(isReady, { what: "the vehicle is online and hears its bus", timeoutMs: PATIENCE_MS });
    return daemon;
  }

  /** The end of a command, in the cloud: its status and reason, and its result. */
  async function ask(action: string, given: object = {}): Promise<readonly [end: string, result: Execution["result"]]> {
    const body = { schemaVersion: 1, action, arguments: given, issuedAtMs: Date.now(), timeoutMs: 60_000 };
    const execution = await vehicle.cloud.commands.startExecution({
      command: { format: "json", template: JSON.stringify(body) },
      thing: THING,
      executionTimeoutSeconds: 60,
    });
    const isOver = (): true | undefined => (/CREATED|IN_PROGRESS/.test(execution.status) ? undefined : true);
    await until(isOver, { what: `the end of ${action}`, timeoutMs: PATIENCE_MS });
    const { status, reason, result } = execution;
    return [reason === undefined ? status : `${status} ${reason.reasonCode}`, result];
  }

  it("sends a support bundle as records", async () => {
    await online(await vehicle.home());
    const [end, result] = await ask("support.collect");
    expect(end).toBe("SUCCEEDED");
    expect(result).toMatchObject({ records: { s: "1" } });
    const file = await until(() => records.map(({ body }) => body).find((body) => body.kind === "file"), {
      what: "the bundle has come",
      timeoutMs: PATIENCE_MS,
    });
    expect(result).toMatchObject({ file: { s: file.name }, sha256: { s: file.sha256 } });
    expect(createHash("sha256").update(file.content).digest("hex")).toBe(file.sha256);
    expect(JSON.parse(gunzipSync(file.content).toString())).toMatchObject({ about: { thing: THING } });
    expect(await ask("support.collect", { path: "/etc/passwd" })).toEqual(["REJECTED ARGUMENT_TYPE_MISMATCH", {}]);
  }, 60_000);
});
