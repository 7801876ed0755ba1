import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { chainProblems } from "../../../agent/commands/audit.ts";
import type { SignedFields } from "../../../agent/commands/canonical.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import type { Command } from "../../bench/cloud/cloud-commands.ts";
import { CompanionBackend } from "../../bench/cloud/companion.ts";
import { until } from "../../bench/core/wait.ts";
import type { DoorUnit } from "../../bench/vehicle/door-unit.ts";
import { DoorVehicle, FRAMES, type VehicleHome } from "../../bench/vehicle/door-vehicle.ts";
import type { CommandCloud } from "../../fakes/commands/command-cloud.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { type Daemon, startOnline } from "../../fakes/daemon/daemon.ts";

const THING = "veh-1";
const PATIENCE_MS = 20_000;
const commandReply = z.object({ id: z.string(), status: z.string(), answer: z.unknown().optional() });

describe("lock and unlock, from a phone and from the cloud, on a bus with a door unit", () => {
  let folder: string;
  let vehicle: DoorVehicle;
  let cloud: CommandCloud;
  let unit: DoorUnit;
  let app: Broker;
  let backend: CompanionBackend;
  let address: string;
  /** Payloads of the control stream. */
  const records: Uint8Array[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-actuation-"));
    vehicle = await DoorVehicle.start(folder, THING);
    ({ cloud, unit } = vehicle);
    app = await cloud.sessionAs("consumer");
    app.start();
    await app.online(AbortSignal.timeout(10_000));
    await app.subscribe("dt/causeway/+/control", ({ payload }) => void records.push(payload));
    backend = new CompanionBackend(app);
    address = `http://127.0.0.1:${await backend.start()}/vehicles/${THING}/commands`;
  });
  afterAll(async () => {
    await backend.stop();
    await app.stop();
    await vehicle.stop();
    await rm(folder, { recursive: true });
  });

  const online = (home: VehicleHome): Promise<Daemon> => startOnline(home, PATIENCE_MS);

  /** Every signal of the door unit has come again. */
  async function heard(daemon: Daemon): Promise<void> {
    const decoded = async (): Promise<number> => (await daemon.status()).buses[0]?.decoded ?? 0;
    const before = await decoded();
    const isHeard = async (): Promise<true | undefined> => ((await decoded()) >= before + 9 ? true : undefined);
    await until(isHeard, { what: "the bus is heard", timeoutMs: PATIENCE_MS });
  }

  const signed = (action: string, change: Partial<SignedFields> = {}) => vehicle.signed(action, change);

  const post = async (body: unknown): Promise<string> => {
    const response = await fetch(address, { method: "POST", body: JSON.stringify(body) });
    const sent = commandReply.parse(await response.json());
    expect([response.status, sent.status]).toEqual([202, "SENT"]);
    return sent.id;
  };
  const confirmed = (id: string): Promise<z.infer<typeof commandReply>> =>
    until(
      async () => {
        const reply = commandReply.parse(await (await fetch(`${address}/${id}`)).json());
        return reply.status === "SENT" || reply.status === "IN_PROGRESS" ? undefined : reply;
      },
      { what: `the answer to ${id}`, timeoutMs: PATIENCE_MS },
    );
  const inCloud = async (body: unknown, format: Command["format"] = "json"): Promise<string> => {
    const execution = await cloud.commands.startExecution({
      command: { format, template: JSON.stringify(body) },
      thing: THING,
      executionTimeoutSeconds: 60,
    });
    await until(() => (execution.status === "CREATED" || execution.status === "IN_PROGRESS" ? undefined : true), {
      what: "the end",
      timeoutMs: PATIENCE_MS,
    });
    return execution.reason === undefined ? execution.status : `${execution.status} ${execution.reason.reasonCode}`;
  };

  /** The audit trail that the cloud has is one chain from the first entry on, with the kill in the middle. */
  async function expectWholeTrail(): Promise<void> {
    const reader = createRecordReader(readDescriptor());
    const entries = () => records.map((payload) => reader.decode(payload).body).filter((body) => body.kind === "audit");
    const isSettled = () => entries().some(({ entry }) => entry.includes('"event":"settled"'));
    await until(() => (isSettled() ? true : undefined), { what: "the trail has come", timeoutMs: PATIENCE_MS });
    expect(chainProblems(entries())).toEqual([]);
    expect(entries()[0]?.number).toBe(1);
    const local = entries().filter(
      ({ entry }) => entry.includes('"command":"local-1"') && entry.includes('"received"'),
    );
    const reply = `"reply":{"channel":"local","claimedBy":"${userInfo().username}"}`;
    expect(local.map(({ entry }) => entry.includes(reply))).toEqual([true]);
    const files = records.map((payload, at) => {
      const file = join(folder, `record-${at}.bin`);
      writeFileSync(file, payload);
      return file;
    });
    const { stdout, exitCode } = await runCli(["audit", "verify", ...files]);
    expect([stdout, exitCode]).toEqual([
      `entries 1 to ${Math.max(...entries().map(({ number }) => number))}: one unbroken chain\n`,
      0,
    ]);
  }

  /** A technician's own request takes the same line, through admin.sock. */
  async function technician(home: VehicleHome): Promise<void> {
    const file = join(home.folder, "request.json");
    const cli = async (body: unknown, ...args: readonly string[]): Promise<string> => {
      writeFileSync(file, JSON.stringify(body));
      const { stdout, exitCode } = await runCli(["commands", ...args, "--config", home.config]);
      return `${exitCode} ${stdout}`;
    };
    const lock = signed("doors.lock", { id: "local-1" });
    expect(await cli(lock, "run", "--dry-run", file)).toBe("0 doors.lock (R3) would be carried out\n");
    expect(await cli({ schemaVersion: 1, action: "doors.lock" }, "run", "--dry-run", file)).toBe(
      "1 it would be refused: SIGNATURE_MISSING: doors.lock needs a signature\n",
    );
    expect(await cli(lock, "run", file)).toBe("0 SUCCEEDED\n");
    expect(await cli(lock, "run", "--dry-run", file)).toMatch(/^1 it would be refused: ID_REUSED/);
    expect(await cli(lock, "run", file)).toBe("0 SUCCEEDED\n");
    expect(await cli({}, "run", file)).toMatch(/^1 REJECTED: COMMAND_REQUEST_PARSING_FAILED: /);
    expect(await cli({}, "list", "--limit", "3")).toMatch(
      /^0 id +action +channel +end +answer\n.*local-1 +doors\.lock +local +SUCCEEDED/s,
    );
    expect(await cli({}, "show", "local-1")).toBe(
      "0 local-1 doors.lock: SUCCEEDED, reported\n  DoorStatus.Locked = 1\n",
    );
    expect(await cli({}, "show", "local-2")).toBe("2 ");
    expect(await cli({}, "acknowledge")).toBe("2 the ledger is whole\n");
    const { stdout } = await runCli(["status", "--config", home.config]);
    expect(stdout).toMatch(/^commands +0 running, \d+ of 20.000 remembered, \d+ of them refused or repeats$/m);
  }

  it("succeeds when the vehicle says so, acts once for each id over all channels, and leaves the bus alone otherwise", async () => {
    const home = await vehicle.home();
    const daemon = await online(home);

    const locked = await confirmed(await post(signed("doors.lock")));
    expect(locked).toMatchObject({ status: "SUCCEEDED", answer: { result: { "DoorStatus.Locked": "1" } } });
    expect([unit.isLocked, unit.frames.commands, unit.frames.wrong]).toEqual([true, FRAMES, 0]);
    for (const format of ["json", "cbor"] as const) {
      expect(await inCloud(signed("doors.unlock"), format)).toBe("SUCCEEDED");
      expect(unit.isLocked).toBe(false);
      expect(await inCloud(signed("doors.lock"), format)).toBe("SUCCEEDED");
    }
    expect(unit.frames.commands).toBe(5 * FRAMES);

    // Composed of two actions of the catalogue.
    expect(await inCloud(signed("horn-and-lights"))).toBe("SUCCEEDED");
    expect([unit.flashes, unit.isFlashing, unit.frames.wrong]).toEqual([2, false, 0]);

    // One request again and again, on every channel and under many names.
    const again = signed("doors.unlock");
    expect(await inCloud(again)).toBe("SUCCEEDED");
    for (let time = 0; time < 50; time += 1) await backend.send(THING, again, `name-${time % 5}`);
    for (let time = 0; time < 10; time += 1) expect(await inCloud(again)).toBe("SUCCEEDED");
    await until(() => (backend.commands.get("name-4")?.status === "SUCCEEDED" ? true : undefined), {
      what: "repeats are answered",
      timeoutMs: PATIENCE_MS,
    });
    expect(unit.frames.commands).toBe(6 * FRAMES);

    await technician(home);
    expect(unit.frames.commands).toBe(7 * FRAMES);

    // What is refused moves nothing.
    const before = { ...unit.frames };
    const rejections: readonly (readonly [unknown, string])[] = [
      [
        { schemaVersion: 1, action: "doors.unlock", issuedAtMs: Date.now(), timeoutMs: 5000 },
        "REJECTED SIGNATURE_MISSING",
      ],
      [{ ...signed("doors.lock"), action: "doors.unlock" }, "REJECTED SIGNATURE_INVALID"],
      [signed("doors.unlock", { counter: 1 }), "REJECTED COUNTER_REPLAYED"],
      [signed("doors.unlock", { expiresAtMs: Date.now() - 1 }), "TIMED_OUT TIMED_OUT_BEFORE_DISPATCH"],
      [signed("doors.unlock", { thing: "veh-2" }), "REJECTED WRONG_THING"],
      [signed("doors.open"), "REJECTED NO_COMMAND_DISPATCHER_FOUND"],
      [signed("doors.unlock", { arguments: { Lock: 1 } }), "REJECTED ARGUMENT_TYPE_MISMATCH"],
    ];
    for (const [body, expected] of rejections) expect(await inCloud(body)).toBe(expected);
    unit.speed = 50;
    await heard(daemon);
    expect(await inCloud(signed("doors.unlock"))).toBe("REJECTED PRECONDITION_FAILED");
    expect(unit.frames).toEqual(before);

    // A unit that does not obey: the vehicle does not say what was not done.
    unit.speed = 0;
    unit.obeys = false;
    await heard(daemon);
    expect(unit.isLocked).toBe(true);
    expect(await inCloud(signed("doors.unlock"))).toBe("FAILED NO_RESPONSE");
    unit.obeys = true;
    expect((await daemon.status()).buses[0]?.transmitted).toBe(unit.frames.commands + unit.frames.finds);

    // Killed while it acts: not done again, whoever asks.
    const { commands } = unit.frames;
    unit.obeys = false;
    const killed = signed("doors.lock");
    const execution = await cloud.commands.startExecution({
      command: { format: "json", template: JSON.stringify(killed) },
      thing: THING,
      executionTimeoutSeconds: 60,
    });
    await until(() => (unit.frames.commands > commands ? true : undefined), {
      what: "it acts",
      timeoutMs: PATIENCE_MS,
      everyMs: 2,
    });
    daemon.child.signal("SIGKILL");
    await daemon.child.ended;
    unit.obeys = true;
    await online(home);
    await until(() => (execution.status === "FAILED" ? true : undefined), {
      what: "it is settled",
      timeoutMs: PATIENCE_MS,
    });
    expect(execution.reason?.reasonCode).toBe("INDETERMINATE");
    const settled = unit.frames.commands;
    expect(settled).toBeLessThanOrEqual(commands + FRAMES);
    for (let time = 0; time < 5; time += 1) expect(await inCloud(killed)).toBe("FAILED INDETERMINATE");
    expect(unit.frames.commands).toBe(settled);
    await expectWholeTrail();
  }, 120_000);

  it("refuses at bus-off and says so, fails when it comes on the way, and sends nothing of that when the bus is back", async () => {
    const daemon = await online(await vehicle.home());
    await heard(daemon);
    unit.speed = 0;
    unit.obeys = true;
    const stateIs = (wanted: string, cause: () => void): Promise<true> =>
      until(
        async () => {
          cause();
          return (await daemon.status()).buses[0]?.state === wanted ? true : undefined;
        },
        { what: `the bus is ${wanted}`, timeoutMs: PATIENCE_MS, everyMs: 20 },
      );
    const reasonOf = async (action: string): Promise<string> => {
      const execution = await cloud.commands.startExecution({
        command: { format: "json", template: JSON.stringify(signed(action)) },
        thing: THING,
        executionTimeoutSeconds: 60,
      });
      await until(() => execution.reason, { what: "the end", timeoutMs: PATIENCE_MS });
      return `${execution.status} ${execution.reason?.reasonCode}: ${execution.reason?.reasonDescription}`;
    };

    const { commands } = unit.frames;
    await stateIs("bus-off", () => vehicle.busOff());
    expect(await reasonOf("doors.lock")).toMatch(
      /^REJECTED UNAVAILABLE: bus can0 is bus-off: the controller left the bus/,
    );
    await stateIs("up", () => vehicle.busBack());
    await heard(daemon);
    expect(unit.frames.commands).toBe(commands);

    let leaving: NodeJS.Timeout | undefined;
    unit.onCommand = () => {
      leaving ??= setInterval(() => vehicle.busOff(), 1);
    };
    expect(await reasonOf("doors.lock")).toMatch(/^FAILED UNAVAILABLE: after [12] frames: bus can0 is bus-off/);
    clearInterval(leaving);
    unit.onCommand = () => undefined;
    const sent = unit.frames.commands;
    expect(sent - commands).toBeLessThan(FRAMES);
    await stateIs("up", () => vehicle.busBack());
    await heard(daemon);
    expect(unit.frames.commands).toBe(sent);
    expect(await inCloud(signed("doors.lock"))).toBe("SUCCEEDED");
    expect(unit.frames.commands).toBe(sent + FRAMES);
  }, 120_000);
});
