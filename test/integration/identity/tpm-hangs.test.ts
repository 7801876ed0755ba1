import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSocket } from "unix-dgram";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { type Authority, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { until } from "../../bench/core/wait.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { type Daemon, type DaemonHome, daemonHome, runProgram, startDaemon } from "../../fakes/daemon/daemon.ts";

const THING = "veh-1";
/** Of the log that is replayed, 1 ms apart: longer than a test. */
const FRAMES = 60_000;
/** systemd is told twice in this time; the main thread must never stand still for all of it. */
const WATCHDOG_MS = 4000;
/** A verb with a time limit ends long before a TPM is taken for one that hangs (60 s there), however slowly it starts. */
const SOON_MS = 45_000;
const PATIENCE = { timeoutMs: 30_000, everyMs: 50 };

const report = z.object({
  steps: z.array(z.object({ step: z.string(), ok: z.boolean() })),
  fault: z.object({ code: z.string() }),
});

describe("a resource manager that hangs", { timeout: 90_000 }, () => {
  let folder: string;
  let authority: Authority;
  let mosquitto: Mosquitto;
  let tpm: Tpm;
  let proxy: TcpProxy;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-tpm-hangs-"));
    authority = createAuthority(join(folder, "ca"));
    [mosquitto, tpm] = await Promise.all([
      startMosquitto({ folder: join(folder, "broker"), authority, things: [THING, `${THING}-connect-test`] }),
      startTpm({ folder: join(folder, "tpm") }),
    ]);
    proxy = new TcpProxy({ host: mosquitto.host, port: mosquitto.port });
    port = await proxy.start();
  });
  afterEach(() => goOn());
  afterAll(async () => {
    await proxy.stop();
    await mosquitto.stop();
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  const hang = (): void => tpm.children.resourceManager.signal("SIGSTOP");
  const goOn = (): void => tpm.children.resourceManager.signal("SIGCONT");

  async function home(answerTimeoutSeconds = 1): Promise<DaemonHome> {
    const { tokenLabel, keyLabel, pinFile, storeDir, tcti, publicKeyPem } = tpm;
    const issued = await authority.issue({ commonName: THING, publicKeyPem, usage: "client" });
    const { certificateFile } = writeIdentity(join(folder, "identity"), "device", issued);
    const reconnect = { minMs: 100, maxMs: 1000 };
    const answer = { tpm: { answerTimeoutSeconds } };
    return await daemonHome((config) => {
      config.broker = { host: mosquitto.host, port, caFile: mosquitto.caFile, reconnect };
      config.identity = { mode: "pkcs11", tokenLabel, keyLabel, certificateFile, pinFile, storeDir, tcti, ...answer };
    }, FRAMES);
  }

  /** The daemon under a watchdog; `longestGapMs` between two of its pings. */
  async function watched(place: DaemonHome): Promise<{ readonly daemon: Daemon; readonly longestGapMs: () => number }> {
    const path = join(place.folder, "notify");
    const pings: number[] = [];
    const socket = createSocket("unix_dgram", (message) => {
      if (message.toString().includes("WATCHDOG=1")) pings.push(performance.now());
    });
    socket.bind(path);
    onTestFinished(() => socket.close());
    const environment = { ...tpm.environment, NOTIFY_SOCKET: path, WATCHDOG_USEC: String(WATCHDOG_MS * 1000) };
    const daemon = await startDaemon(place, environment);
    const longestGapMs = (): number =>
      Math.max(...[...pings, performance.now()].map((at, index, all) => at - (all[index - 1] ?? at)));
    return { daemon, longestGapMs };
  }

  const statusWhen = (daemon: Daemon, what: string, isWanted: (status: Status) => boolean): Promise<Status> =>
    until(
      async () => {
        const status = await daemon.status();
        return isWanted(status) ? status : undefined;
      },
      { what, ...PATIENCE },
    );

  const blamesTpm = ({ link }: Status): boolean => link.fault?.code === "identity.tpm-timeout";
  const framesOf = ({ buses }: Status): number => buses[0]?.decoded ?? 0;

  it("keeps nothing but the link waiting at the start, is named, and is not in the way when it goes on", async () => {
    hang();
    const { daemon, longestGapMs } = await watched(await home());
    const blamed = await statusWhen(daemon, "the TPM is named", blamesTpm);
    const later = await statusWhen(daemon, "frames go on", (status) => framesOf(status) > framesOf(blamed) + 100);
    expect(later.link.state).not.toBe("online");
    goOn();
    await statusWhen(daemon, "online", ({ link }) => link.state === "online");
    expect(longestGapMs()).toBeLessThan(WATCHDOG_MS);
  });

  it("is named when it hangs in a handshake later, and the agent goes on and stops as ever", async () => {
    const { daemon, longestGapMs } = await watched(await home());
    await statusWhen(daemon, "online", ({ link }) => link.state === "online");
    hang();
    await proxy.cut();
    await proxy.restore();
    const blamed = await statusWhen(daemon, "the TPM is named", blamesTpm);
    await statusWhen(daemon, "frames go on", (status) => framesOf(status) > framesOf(blamed) + 100);
    goOn();
    await statusWhen(daemon, "online again", ({ link }) => link.state === "online" && link.connects > 1);
    hang();
    await proxy.cut();
    await proxy.restore();
    await statusWhen(daemon, "the TPM is named again", blamesTpm);
    expect(longestGapMs()).toBeLessThan(WATCHDOG_MS);
    const startMs = performance.now();
    const { code } = await daemon.child.stop(20_000);
    expect(code).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });

  it("ends a test of the connection in the time that it was given", async () => {
    const place = await home(60);
    hang();
    const startMs = performance.now();
    const args = ["connect", "test", "--json", "--timeout", "3", "--config", place.config];
    const { code, stdout } = await runProgram(args, tpm.environment);
    expect(performance.now() - startMs).toBeLessThan(SOON_MS);
    const { steps, fault } = report.parse(JSON.parse(stdout));
    expect([code, fault.code, steps.at(-1)]).toMatchObject([75, "identity.tpm-timeout", { step: "key", ok: false }]);
  });

  it.each(["key list", "key create other", "key test", "csr", "doctor"])(
    "ends in the time that was given: %s",
    async (verb) => {
      const place = await home(60);
      hang();
      const startMs = performance.now();
      const { code } = await runProgram(
        [...verb.split(" "), "--timeout", "2", "--config", place.config],
        tpm.environment,
      );
      expect(performance.now() - startMs).toBeLessThan(SOON_MS);
      expect(code).toBe(verb === "doctor" ? 3 : 75);
    },
  );
});
