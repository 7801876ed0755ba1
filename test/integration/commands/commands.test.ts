import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import type { Command } from "../../bench/cloud/cloud-commands.ts";
import type { Execution } from "../../bench/cloud/command-executions.ts";
import { until } from "../../bench/core/wait.ts";
import { type CommandCloud, startCommandCloud } from "../../fakes/commands/command-cloud.ts";
import { type DaemonHome, daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const THING = "veh-1";
const PATIENCE_MS = 20_000;

describe("AWS IoT Commands, from the cloud to the vehicle and back", () => {
  let folder: string;
  let cloud: CommandCloud;
  let proxy: TcpProxy;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-commands-"));
    cloud = await startCommandCloud(folder, [THING]);
    proxy = new TcpProxy({ host: "127.0.0.1", port: cloud.mosquitto.port });
    port = await proxy.start();
  });
  afterEach(() => proxy.restore());
  afterAll(async () => {
    await proxy.stop();
    await cloud.stop();
    await rm(folder, { recursive: true });
  });

  /** A vehicle that takes commands from the cloud, and a policy that lets it read signals only. */
  async function vehicle(): Promise<DaemonHome> {
    const issued = await cloud.authority.issue({ commonName: THING, usage: "client" });
    const { certificateFile, keyFile } = writeIdentity(join(folder, "vehicle"), THING, issued);
    const home = await daemonHome((config) => {
      config.broker = {
        host: "localhost",
        port,
        caFile: cloud.mosquitto.caFile,
        reconnect: { minMs: 100, maxMs: 1000 },
      };
      config.identity = { mode: "file", certificateFile, keyFile };
      config.commands = { policyFile: "policy.yaml" };
    });
    const policy = { schemaVersion: 1, allow: [{ action: "signals.*", ratePerMinute: 6000 }] };
    await writeFile(join(home.folder, "policy.yaml"), stringify(policy));
    await appendFile(home.dbc, 'BO_ 257 Silent: 8 Vector__XXX\n SG_ Value : 0|8@1+ (1,0) [0|0] "" Vector__XXX\n');
    return home;
  }

  async function online(home: DaemonHome) {
    const daemon = await startDaemon(home);
    await until(async () => ((await daemon.status()).link.state === "online" ? true : undefined), {
      what: "the vehicle is online",
      timeoutMs: PATIENCE_MS,
    });
    return daemon;
  }

  const command = (action: string, given: unknown, format: Command["format"] = "json", more: object = {}): Command => ({
    format,
    template: JSON.stringify({ schemaVersion: 1, action, arguments: given, ...more }),
  });
  const end = (execution: Execution): Promise<string> =>
    until(
      () =>
        ["CREATED", "IN_PROGRESS"].includes(execution.status) || execution.isServiceTimeout
          ? undefined
          : describeEnd(execution),
      {
        what: `the end of ${execution.executionId}, now ${execution.status}`,
        timeoutMs: PATIENCE_MS,
      },
    );
  const describeEnd = ({ status, reason }: Execution): string =>
    reason === undefined ? status : `${status} ${reason.reasonCode}`;
  const start = (request: Command, executionTimeoutSeconds = 30) =>
    cloud.commands.startExecution({ command: request, thing: THING, executionTimeoutSeconds });

  it("answers each with one final status, in JSON and CBOR, and 100 repeats with the same", async () => {
    await online(await vehicle());
    for (const format of ["json", "cbor"] as const) {
      const read = command("signals.last", { signals: ["Engine.Speed"] }, format);
      const execution = await start(read);
      expect(await end(execution)).toBe("SUCCEEDED");
      expect(execution.history).toEqual(["CREATED", "SUCCEEDED"]);
      expect(JSON.stringify(execution.result)).toMatch(
        /^{"Engine.Speed":{"s":"{\\"value\\":[\d.]+,\\"unit\\":\\"km\/h\\",\\"ageMs\\":\d+}"}}$/,
      );
      for (let time = 0; time < 100; time += 1) await cloud.commands.deliver(execution, read, {}, 30);
    }
    const refused: readonly (readonly [Command, string])[] = [
      [command("doors.lock", {}), "REJECTED NO_COMMAND_DISPATCHER_FOUND"],
      [command("signals.last", { signals: ["Engine.Nothing"] }), "REJECTED ARGUMENT_OUT_OF_RANGE"],
      [command("signals.last", { signals: [] }, "cbor"), "REJECTED ARGUMENT_TYPE_MISMATCH"],
      [command("signals.last", { signals: ["Engine.Speed"] }, "json", { thing: "veh-2" }), "REJECTED WRONG_THING"],
      [
        command("signals.last", { signals: ["Engine.Speed"] }, "json", { expiresAtMs: 1_700_000_000_000 }),
        "TIMED_OUT TIMED_OUT_BEFORE_DISPATCH",
      ],
      [{ format: "json", template: "[]" }, "REJECTED COMMAND_REQUEST_PARSING_FAILED"],
      [{ format: "json", template: `{"text":"${"x".repeat(40_000)}"}` }, "REJECTED TOO_LARGE"],
    ];
    for (const [request, expected] of refused) expect(await end(await start(request))).toBe(expected);
  }, 60_000);

  it("says IN_PROGRESS of a long one, one update after the other, over conflicts and updates that get no answer", async () => {
    await online(await vehicle());
    cloud.commands.updateMs = 100;
    cloud.commands.disturb("conflict", "conflict", "silent");
    const execution = await start(command("signals.read", { signals: ["Silent.Value"], withinMs: 1500 }));
    expect(await end(execution)).toBe("FAILED NO_RESPONSE");
    cloud.commands.updateMs = 0;
    cloud.commands.disturb("silent");
    const silent = await start(command("signals.last", { signals: ["Engine.Speed"] }));
    expect(await end(silent)).toBe("SUCCEEDED");
    const plain = await start(command("signals.read", { signals: ["Silent.Value"], withinMs: 1500 }));
    expect(await end(plain)).toBe("FAILED NO_RESPONSE");
    expect(plain.history).toEqual(["CREATED", "IN_PROGRESS", "FAILED"]);
  }, 60_000);

  it("keeps the answer while offline, and over a kill and a new start", async () => {
    const home = await vehicle();
    const daemon = await online(home);
    const execution = await start(command("signals.read", { signals: ["Silent.Value"], withinMs: 1200 }), 60);
    await until(() => (execution.status === "IN_PROGRESS" ? true : undefined), {
      what: "it runs",
      timeoutMs: PATIENCE_MS,
    });
    await proxy.cut();
    await until(async () => ((await daemon.status()).link.state !== "online" ? true : undefined), {
      what: "the link is lost",
      timeoutMs: PATIENCE_MS,
    });
    const killed = await start(command("signals.last", { signals: ["Engine.Speed"] }), 60);
    daemon.child.signal("SIGKILL");
    await daemon.child.ended;
    await proxy.restore();
    await online(home);
    // The first was running when the process was killed, or had its answer; the second came to the new process.
    expect(["FAILED INDETERMINATE", "FAILED NO_RESPONSE"]).toContain(await end(execution));
    expect(await end(killed)).toBe("SUCCEEDED");
    expect(execution.history.filter((status) => status === "FAILED")).toHaveLength(1);
  }, 60_000);

  it("does nothing for what came while it slept and is too late now", async () => {
    const home = await vehicle();
    const first = await online(home);
    await first.child.stop();
    const issued = { issuedAtMs: Date.now(), timeoutMs: 1000 };
    const late = await start(command("signals.last", { signals: ["Engine.Speed"] }, "json", issued), 60);
    const timely = await start(
      command("signals.last", { signals: ["Engine.Speed"] }, "json", { ...issued, timeoutMs: 60_000 }),
      60,
    );
    await until(() => (Date.now() > issued.issuedAtMs + 1000 ? true : undefined), {
      what: "its time is over",
      timeoutMs: 20_000,
    });
    await online(home);
    expect(await end(late)).toBe("TIMED_OUT TIMED_OUT_BEFORE_DISPATCH");
    expect(await end(timely)).toBe("SUCCEEDED");
  }, 60_000);
});
