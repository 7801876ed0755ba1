import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { until } from "../../bench/core/wait.ts";
import { type CommandCloud, startCommandCloud } from "../../fakes/commands/command-cloud.ts";
import { daemonHome, runProgram } from "../../fakes/daemon/daemon.ts";
import { superviseDaemon } from "../../fakes/daemon/supervised-daemon.ts";
import { ReleaseSigner } from "../../fakes/updates/release.ts";

const THING = "veh-1";

describe("settings from a shadow", { timeout: 120_000 }, () => {
  let folder: string;
  let cloud: CommandCloud;
  let proxy: TcpProxy;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-config-"));
    cloud = await startCommandCloud(folder, [THING]);
    proxy = new TcpProxy({ host: "127.0.0.1", port: cloud.mosquitto.port });
    port = await proxy.start();
  });
  afterAll(async () => {
    await proxy.stop();
    await cloud.stop();
    await rm(folder, { recursive: true });
  });

  async function vehicleHome() {
    const { rootFile } = new ReleaseSigner(join(folder, "desk"));
    const issued = await cloud.authority.issue({ commonName: THING, usage: "client" });
    const { certificateFile, keyFile } = writeIdentity(join(folder, THING), THING, issued);
    return await daemonHome((config) => {
      const reconnect = { minMs: 100, maxMs: 1000 };
      config.broker = { host: "localhost", port, caFile: cloud.mosquitto.caFile, reconnect };
      config.identity = { mode: "file", certificateFile, keyFile };
      config.ota = {
        rootFile,
        hardware: "gateway-2",
        gate: { condition: { signals: {}, all: ["true"] }, holdSeconds: 0 },
        jobs: { enabled: false },
        healthCheck: { withinSeconds: 30, offlineSeconds: 20 },
      };
      config.shadows = { config: { minSeconds: 1, settleSeconds: 0 } };
    });
  }

  const desire = (desired: object | null) => cloud.shadows.update(THING, "config", { state: { desired } });
  const reported = () => cloud.shadows.shadow(THING, "config")?.state.reported;
  const ends = (state: string) =>
    until(() => (JSON.stringify(reported() ?? {}).includes(`"state":"${state}"`) ? reported() : undefined), {
      what: `the settings are ${state}`,
      timeoutMs: 60_000,
    });

  it("takes them whole over a restart, refuses others with the place of the mistake, and goes on after a kill", async () => {
    const home = await vehicleHome();
    await desire({ collect: { batchMs: 500 } });
    const daemon = await superviseDaemon(home);
    expect(await ends("in-force")).toMatchObject({ collect: { batchMs: 500 } });
    expect(daemon.ends).toEqual([75]);

    // Meanwhile there is no link.
    await proxy.cut();
    await desire({ collect: { batchMs: 400 } });
    await desire({ collect: { batchMs: 1 }, ota: { reboot: true } });
    await proxy.restore();
    const refused = await ends("refused");
    expect(refused).toMatchObject({ collect: { batchMs: 500 } });
    expect(JSON.stringify(refused)).toMatch(/"reason":"settings\.yaml:\d+:\d+ ota: only the vehicle's own files/);
    const page = await runProgram(["status", "--config", home.config]);
    expect(page.stdout).toMatch(/shadow {5}config in step, .*; settings refused\n.*ota: only the vehicle's own files/);
    expect(daemon.ends).toEqual([75]);

    await desire({ collect: null, ota: null, log: { level: "warn" } });
    await until(() => (daemon.ends.length === 2 ? true : undefined), { what: "a trial", timeoutMs: 30_000 });
    process.kill(daemon.pid(), "SIGKILL");
    const kept = await ends("in-force");
    expect(kept).toMatchObject({ log: { level: "warn" } });
    expect(kept).not.toHaveProperty("collect");
    expect(daemon.ends).toEqual([75, 75, "SIGKILL"]);
  });
});
