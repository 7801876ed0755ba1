import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Broker, ReceivedPublish } from "../../../agent/ports/broker.ts";
import type { TunnelEvent } from "../../../agent/telemetry/record/encode/tunnel-event.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { tokenDigest } from "../../../agent/tunnels/tunnel-records.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import type { Execution } from "../../bench/cloud/command-executions.ts";
import { until } from "../../bench/core/wait.ts";
import { DoorVehicle, type VehicleHome } from "../../bench/vehicle/door-vehicle.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { type Daemon, startOnline } from "../../fakes/daemon/daemon.ts";
import { startTunnelRig } from "../../fakes/tunnels/tunnel-rig.ts";

const THING = "veh-1";
const PATIENCE_MS = 20_000;

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** What a server at this port sends back. */
function echoed(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("error", reject);
    socket.on("data", (bytes) => {
      resolve(bytes.toString());
      socket.destroy();
    });
  });
}

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
    const keep = ({ topic, payload }: ReceivedPublish): void => {
      if (!topic.endsWith("/presence")) records.push(reader.decode(payload));
    };
    for (const filter of ["+", "schema/+"]) await consumer.subscribe(`dt/causeway/${THING}/${filter}`, keep);
  });
  afterAll(async () => {
    await consumer.stop();
    await vehicle.stop();
    await rm(folder, { recursive: true });
  });

  const online = (home: VehicleHome): Promise<Daemon> => startOnline(home, PATIENCE_MS);

  /** The end of a command, in the cloud: its status and reason, and its result. */
  async function ask(action: string, given: object = {}): Promise<readonly [end: string, result: Execution["result"]]> {
    return await end(action, { schemaVersion: 1, action, arguments: given, issuedAtMs: Date.now(), timeoutMs: 60_000 });
  }

  /** The end of a request as it is. */
  async function end(action: string, body: object): ReturnType<typeof ask> {
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

  it("sends a support bundle and lines of its log as records", async () => {
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
    const [, uploaded] = await ask("logs.upload", { level: "info", maxBytes: 16_384 });
    const find = () =>
      records.map(({ body }) => body).find((body) => body.kind === "file" && body.name.startsWith("log-"));
    const log = await until(find, { what: "the log has come", timeoutMs: PATIENCE_MS });
    if (log.kind !== "file") throw new Error("no file");
    expect(uploaded).toMatchObject({ file: { s: log.name }, sha256: { s: log.sha256 }, omitted: { s: "0" } });
    const lines = gunzipSync(log.content).toString();
    expect(lines).toContain('"event":"agent.started"');
    expect(await ask("support.collect", { path: "/etc/passwd" })).toEqual(["REJECTED ARGUMENT_TYPE_MISMATCH", {}]);
  }, 60_000);

  it("opens a tunnel for a signed command or a notification, and tells its token nobody", async () => {
    const echo = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    const rig = await startTunnelRig();
    try {
      const port = portOf(echo);
      const home = await vehicle.home((config) => {
        const endpoint = `localhost:${rig.relay.port}`;
        const place = { services: { SSH: port }, regions: ["eu-central-1"], endpoint, caFile: rig.caFile };
        config.tunnels = { ...place, notify: true, consent: true, maxTunnels: 2 };
      });
      const daemon = await online(home);
      const opened = await rig.relay.open();
      const given = { token: opened.accessToken, region: "eu-central-1" };
      expect(await ask("tunnel.open", given)).toEqual(["REJECTED SIGNATURE_MISSING", {}]);
      const signed = (): object => vehicle.signed("tunnel.open", { arguments: given });
      expect(await end("tunnel.open", signed())).toEqual(["REJECTED PRECONDITION_FAILED", {}]);
      expect((await runCli(["--config", home.config, "tunnel", "allow"])).stdout).toBe(
        "tunnels may be opened for 30 min\n",
      );
      expect(await end("tunnel.open", signed())).toEqual(["SUCCEEDED", {}]);
      expect(await echoed(opened.ports.get("SSH") ?? 0, "through the tunnel")).toBe("through the tunnel");
      const other = await rig.relay.open();
      const notification = { clientAccessToken: other.accessToken, clientMode: "destination", region: "eu-central-1" };
      const document = JSON.stringify({ ...notification, services: ["SSH"] });
      await vehicle.cloud.publish(`$aws/things/${THING}/tunnels/notify`, Buffer.from(document));
      await until(() => (rig.relay.isConnected(other.accessToken) ? true : undefined), {
        what: "the tunnel of the notification",
        timeoutMs: PATIENCE_MS,
      });
      const { tunnels } = await daemon.status();
      expect(tunnels).toMatchObject({ open: [{ bytesIn: 18, bytesOut: 18 }, { connections: 0 }], opened: 2 });
      const list = (await runCli(["--config", home.config, "tunnel", "list"])).stdout;
      expect((await runCli(["--config", home.config, "tunnel", "close"])).stdout).toBe("2 tunnels ended\n");
      const told = (): readonly TunnelEvent[] =>
        records.flatMap(({ body }) => (body.kind === "tunnel-event" ? [body] : []));
      const ends = (): readonly TunnelEvent[] => told().filter(({ reason }) => reason === "closed");
      await until(() => (ends().length === 2 ? true : undefined), { what: "their ends", timeoutMs: PATIENCE_MS });
      expect(ends()[0]).toMatchObject({ tunnel: tokenDigest(opened.accessToken), bytesIn: 18, bytesOut: 18 });
      const by = (whom: string): string =>
        told()
          .flatMap(({ event, origin }) => (origin === whom ? [event] : []))
          .join();
      expect(by("command")).toBe("opened,connection-opened,connection-ended,ended");
      expect(by("notification")).toBe("opened,ended");
      expect((await ask("support.collect"))[0]).toBe("SUCCEEDED");
      const bundle = await until(() => records.map(({ body }) => body).findLast((body) => body.kind === "file"), {
        what: "the bundle has come",
        timeoutMs: PATIENCE_MS,
      });
      const all = [gunzipSync(bundle.content).toString(), daemon.lines.join(), list, JSON.stringify(records)];
      for (const { accessToken } of [opened, other]) expect(all.join()).not.toContain(accessToken);
      expect(rig.relay.violations).toEqual([]);
    } finally {
      echo.close();
      await rig.stop();
    }
  }, 60_000);

  it("changes what is collected, whole or not at all, also over a kill", async () => {
    const home = await vehicle.home();
    const daemon = await online(home);
    const configured = { rules: { s: "[]" }, isChanged: { b: false } };
    expect(await ask("collection.show")).toEqual(["SUCCEEDED", configured]);
    const refused: readonly (readonly [object, string])[] = [
      [
        {
          rules: [
            { signals: "*", mode: "off" },
            { signals: "Nothing.*", mode: "off" },
          ],
        },
        "ARGUMENT_OUT_OF_RANGE",
      ],
      [
        {
          rules: [
            { signals: "*", mode: "off" },
            { signals: "*", mode: "sometimes" },
          ],
        },
        "ARGUMENT_TYPE_MISMATCH",
      ],
      [{ rules: [], restore: true }, "ARGUMENT_TYPE_MISMATCH"],
      [{}, "ARGUMENT_TYPE_MISMATCH"],
    ];
    for (const [given, reason] of refused) {
      expect(await ask("collection.change", given)).toEqual([`REJECTED ${reason}`, {}]);
    }
    expect(await ask("collection.show")).toEqual(["SUCCEEDED", configured]);

    const rules = [
      { signals: "*", mode: "off" },
      { signals: "VehicleMotion.Speed", mode: "every", ms: 0 },
    ];
    expect(await ask("collection.change", { rules })).toEqual([
      "SUCCEEDED",
      { rules: { s: "2" }, isChanged: { b: true } },
    ]);
    const changed = ["SUCCEEDED", { rules: { s: JSON.stringify(rules) }, isChanged: { b: true } }];
    expect(await ask("collection.show")).toEqual(changed);
    expect(await signalsAfterNow()).toEqual(["VehicleMotion.Speed"]);

    daemon.child.signal("SIGKILL");
    await daemon.child.ended;
    await online(home);
    expect(await ask("collection.show")).toEqual(changed);
    expect(await signalsAfterNow()).toEqual(["VehicleMotion.Speed"]);

    expect((await ask("collection.change", { restore: true }))[0]).toBe("SUCCEEDED");
    expect(await ask("collection.show")).toEqual(["SUCCEEDED", configured]);
  }, 60_000);

  it("sets a listed key of the configuration for the next start, and nothing else", async () => {
    const home = await vehicle.home((config) => {
      config.commands = { policyFile: "policy.yaml", settable: ["collect.batchMs", "log.level"] };
    });
    const shown = async (): Promise<unknown> => {
      const { stdout } = await runCli(["config", "show", "--json", "--config", home.config]);
      return JSON.parse(stdout);
    };
    const daemon = await online(home);
    const set = async (key: string, value: unknown): Promise<string> => (await ask("config.set", { key, value }))[0];
    expect(await set("collect.batchMs", 100)).toBe("SUCCEEDED");
    expect(await set("log.level", "debug")).toBe("SUCCEEDED");
    expect(await set("collect.batchMs", 1)).toBe("REJECTED ARGUMENT_OUT_OF_RANGE");
    expect(await set("log.level", "loud")).toBe("REJECTED ARGUMENT_OUT_OF_RANGE");
    expect(await set("broker.host", "elsewhere.example")).toBe("REJECTED ACCESS_DENIED");
    expect(await set("collect.timeResolutionUs", 1)).toBe("REJECTED ACCESS_DENIED");
    expect(await set("log.level", { deep: true })).toBe("REJECTED ARGUMENT_TYPE_MISMATCH");
    expect(await shown()).toMatchObject({ config: { collect: { batchMs: 100 }, log: { level: "debug" } } });
    expect(await set("log.level", null)).toBe("SUCCEEDED");
    daemon.child.signal("SIGKILL");
    await daemon.child.ended;
    await online(home);
    expect(await shown()).toMatchObject({ config: { collect: { batchMs: 100 }, log: { level: "info" } } });

    // A file that is damaged, or does not fit any more, is said, and the configuration's own files count.
    for (const text of ['{"schemaVersion":1,"settings":{"collect.batchMs":1}}', '{"schemaVersion":1,"sett', "{}"]) {
      writeFileSync(join(home.folder, "state", "settings.json"), text);
      expect(await shown()).toMatchObject({ config: { collect: { batchMs: 1000 } } });
    }
  }, 60_000);

  it("captures the frames of a bus for the time that was asked for, as records", async () => {
    await online(await vehicle.home());
    const refused = [{ seconds: 0 }, { seconds: 61 }, { seconds: 1, bus: "can1" }];
    const reasons = ["ARGUMENT_TYPE_MISMATCH", "ARGUMENT_TYPE_MISMATCH", "ARGUMENT_OUT_OF_RANGE"];
    for (const [at, given] of refused.entries()) {
      expect(await ask("capture.frames", given)).toEqual([`REJECTED ${reasons[at]}`, {}]);
    }
    const startUs = Date.now() * 1000;
    const [end, result] = await ask("capture.frames", { seconds: 1, bus: "can0" });
    const endUs = Date.now() * 1000;
    expect([end, result.discarded]).toEqual(["SUCCEEDED", { s: "0" }]);
    const captured = await until(() => records.map(({ body }) => body).find((body) => body.kind === "frames"), {
      what: "the frames have come",
      timeoutMs: PATIENCE_MS,
    });
    expect(result).toMatchObject({ capture: { s: captured.capture }, frames: { s: String(captured.frames.length) } });
    // The unit sends three frames 20 times a second.
    expect(captured.frames.length).toBeGreaterThan(20);
    expect(new Set(captured.frames.map(({ id }) => id))).toEqual(new Set([0x601, 0x602, 0x604]));
    expect(captured.frames.every(({ receivedAtUs }) => receivedAtUs > startUs && receivedAtUs < endUs)).toBe(true);
    expect(records.find(({ body }) => body.kind === "frames")?.stream).toBe("capture");
  }, 60_000);

  /** Names of the signals that records which are made from now on hold. */
  async function signalsAfterNow(): Promise<readonly string[]> {
    const nowUs = Date.now() * 1000;
    const columns = () =>
      records
        .flatMap(({ body }) => (body.kind === "samples" ? body.columns : []))
        .filter(({ timesUs }) => (timesUs[0] ?? 0) > nowUs);
    await until(() => (columns().length > 3 ? true : undefined), { what: "samples come", timeoutMs: PATIENCE_MS });
    const table = records.map(({ body }) => body).find((body) => body.kind === "table");
    const nameOf = (index: number): string => {
      const found = table?.signals.find((signal) => signal.index === index);
      return `${found?.message}.${found?.name}`;
    };
    return [...new Set(columns().map(({ signal }) => nameOf(signal)))];
  }
});
