import { mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker } from "../../../agent/ports/broker.ts";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { type Authority, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { until } from "../../bench/core/wait.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { type DaemonHome, daemonHome, type ProgramEnd, runProgram } from "../../fakes/daemon/daemon.ts";
import { type SupervisedDaemon, superviseDaemon } from "../../fakes/daemon/supervised-daemon.ts";
import { RELEASES, ReleaseSigner } from "../../fakes/updates/release.ts";

const THING = "veh-1";
const listed = z.object({ records: z.array(z.object({ stream: z.string(), epoch: z.number(), seq: z.number() })) });

let folder: string;
let authority: Authority;
let mosquitto: Mosquitto;
let proxy: TcpProxy;
let port: number;
let consumer: Broker;
let home: DaemonHome;
let releaseSigner: ReleaseSigner;
let arrivals: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "causeway-survives-"));
  authority = createAuthority(join(folder, "ca"));
  mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] });
  proxy = new TcpProxy({ host: "127.0.0.1", port: mosquitto.port });
  port = await proxy.start();
  releaseSigner = new ReleaseSigner(join(folder, "updates"));
  arrivals = [];
  const issued = await authority.issue({ commonName: "consumer", usage: "client" });
  consumer = createSession({
    clientId: "consumer",
    identity: { mode: "file", ...writeIdentity(join(folder, "consumer"), "consumer", issued) },
    caFile: mosquitto.caFile,
    broker: { host: "localhost", port: mosquitto.port },
    log: new MemoryLog(),
  });
  consumer.start();
  await consumer.online(AbortSignal.timeout(10_000));
  await consumer.subscribe(`dt/causeway/${THING}/#`, ({ userProperties }) => {
    const value = (name: string): string => userProperties.find(([key]) => key === name)?.[1] ?? "";
    arrivals.push(`${value("stream")} ${value("epoch")} ${value("seq")}`);
  });
});
afterEach(async () => {
  await consumer.stop();
  await proxy.stop();
  await mosquitto.stop();
  rmSync(folder, { recursive: true });
});

async function start(offlineSeconds: number, withinSeconds = 280): Promise<SupervisedDaemon> {
  const issued = await authority.issue({ commonName: THING, usage: "client" });
  const { certificateFile, keyFile } = writeIdentity(join(folder, "vehicle"), THING, issued);
  home = await daemonHome((config) => {
    const reconnect = { minMs: 100, maxMs: 1000 };
    config.broker = { host: "localhost", port, caFile: mosquitto.caFile, reconnect };
    config.identity = { mode: "file", certificateFile, keyFile };
    config.buses = [{ name: "can0", driver: "replay", file: "drive.log", loop: true }];
    const gate = { condition: { signals: {}, all: ["true"] }, holdSeconds: 0 };
    config.ota = {
      rootFile: releaseSigner.rootFile,
      hardware: "gateway-2",
      gate,
      healthCheck: { withinSeconds, offlineSeconds },
    };
  });
  return await superviseDaemon(home);
}

const ota = (...args: readonly string[]): Promise<ProgramEnd> => runProgram(["ota", ...args, "--config", home.config]);
const step = (name: string): Promise<void> =>
  expect.poll(async () => (await ota("show")).stdout, { timeout: 60_000 }).toContain(name);

/** Ids of the records that are stored and not delivered yet, once there are `least` of them. */
function stored(least: number): Promise<readonly string[]> {
  const probe = async (): Promise<readonly string[] | undefined> => {
    const answer = await requestLocal(home.socket, { verb: "buffer.list", limit: 10_000 }).catch(() => undefined);
    const records = listed.safeParse(answer).data?.records ?? [];
    return records.length < least ? undefined : records.map(({ stream, epoch, seq }) => `${stream} ${epoch} ${seq}`);
  };
  return until(probe, { what: `${least} stored records`, timeoutMs: 60_000, everyMs: 200 });
}

async function expectDelivered(ids: readonly string[]): Promise<void> {
  await expect.poll(() => ids.filter((id) => !arrivals.includes(id)), { timeout: 60_000 }).toEqual([]);
}

const current = (): string => readlinkSync(join(home.folder, "state/releases/current"));

describe("records over an update", { timeout: 180_000 }, () => {
  it("that the old version stored without coverage are delivered by the new one", async () => {
    await proxy.cut();
    await start(1);
    const old = await stored(5);
    const update = releaseSigner.make(RELEASES.works);
    expect((await ota("install", update.path)).code).toBe(0);
    expect(current()).toBe(update.sha256);
    const all = await stored(old.length + 5);
    await proxy.restore();
    await expectDelivered([...old, ...all]);
  });

  it("that a new version stored on trial are delivered by the old one after a rollback", async () => {
    await proxy.cut();
    await start(270);
    const old = await stored(3);
    const update = releaseSigner.make(RELEASES.works);
    expect((await ota("install", update.path, "--no-wait")).code).toBe(0);
    await step("update     health-check");
    const both = await stored(old.length + 5);
    expect(current()).toBe(update.sha256);
    expect((await ota("rollback")).code).toBe(0);
    await step("not installed: cancelled");
    expect((await ota("show")).stdout).toContain("running    packaged");
    await proxy.restore();
    await expectDelivered([...old, ...both]);
  });

  it("that a new version does not store bring the old one back, though its link is up", async () => {
    await start(1, 10);
    const installed = await ota("install", releaseSigner.make(RELEASES.storesNothing).path);
    expect(installed.stdout).toMatch(/agent 1\.0\.1 is not installed: unhealthy: a flush of the pipeline/);
    expect(installed.code).toBe(1);
    await step("running    packaged");
    await expectDelivered(await stored(1));
  });
});
