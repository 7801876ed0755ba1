import { mkdtemp, rm } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { until } from "../../bench/core/wait.ts";
import { type CommandCloud, startCommandCloud } from "../../fakes/commands/command-cloud.ts";
import { type Daemon, daemonHome, runProgram, startDaemon } from "../../fakes/daemon/daemon.ts";

const THING = "veh-1";
const SHOWN = { timeoutMs: 30_000 };

describe("the shadow of the vehicle's state", { timeout: 60_000 }, () => {
  let folder: string;
  let cloud: CommandCloud;
  let proxy: TcpProxy;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-state-"));
    cloud = await startCommandCloud(folder, [THING]);
    proxy = new TcpProxy({ host: "127.0.0.1", port: cloud.mosquitto.port });
    port = await proxy.start();
  });
  afterAll(async () => {
    await proxy.stop();
    await cloud.stop();
    await rm(folder, { recursive: true });
  });

  const reported = () => cloud.shadows.shadow(THING, "state")?.state.reported;
  const updates = () => cloud.shadows.requests.filter(({ operation }) => operation === "update").length;
  const inStep = (daemon: Daemon, reads: number) =>
    until(
      async () => {
        const { shadows } = await daemon.status();
        return shadows?.state?.state === "in-step" && shadows.state.reads >= reads ? shadows.state : undefined;
      },
      { what: "the shadow is in step", ...SHOWN },
    );

  it("says how the vehicle is, once, after a deletion again, and nothing over a restart where it is told", async () => {
    const issued = await cloud.authority.issue({ commonName: THING, usage: "client" });
    const { certificateFile, keyFile } = writeIdentity(join(folder, THING), THING, issued);
    const home = await daemonHome((config) => {
      const reconnect = { minMs: 100, maxMs: 1000 };
      config.broker = { host: "localhost", port, caFile: cloud.mosquitto.caFile, reconnect };
      config.identity = { mode: "file", certificateFile, keyFile };
      config.shadows = { state: { minSeconds: 1 } };
    });
    cloud.shadows.disturb({ code: 429, message: "too many" });
    const first = await startDaemon(home);
    expect(await inStep(first, 2)).toMatchObject({ name: "state", failures: 1, omitted: [] });
    const told = reported();
    expect(told).toMatchObject({
      agent: { version: (await first.status()).version },
      os: { kernel: release() },
      configuration: { source: "files", problems: 0 },
      campaigns: { refused: 0 },
    });
    const keys = ["agent", "buses", "campaigns", "certificate", "clock", "configuration", "os"];
    expect(Object.keys(told ?? {}).toSorted()).toEqual(keys);
    const page = await runProgram(["status", "--config", home.config]);
    expect(page.stdout).toContain("shadow     state in step");

    await proxy.cut();
    await cloud.shadows.delete(THING, "state");
    await proxy.restore();
    await until(() => (reported() === undefined ? undefined : true), { what: "it is told again", ...SHOWN });
    await inStep(first, 3);
    expect(reported()).toEqual(told);

    await first.child.stop();
    const before = updates();
    const second = await startDaemon(home);
    await inStep(second, 1);
    expect(updates()).toBe(before);
    expect(second.lines.join("\n")).not.toContain("shadow.request-failed");
  });
});
