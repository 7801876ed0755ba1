import { execFileSync } from "node:child_process";
import { mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { startStubBroker } from "../../bench/broker/stub-broker.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { type Authority, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { freePorts } from "../../bench/core/ports.ts";
import { until } from "../../bench/core/wait.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { mountProblem } from "../../fakes/core/mount.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { type Daemon, type DaemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const THING = "veh-1";
const PATIENCE_MS = 40_000;
const MOUNT = mountProblem();
/** A violation of the protocol, as bits of a wrong length are seen (linux/can/error.h). */
const CAN_ERR_PROT = 0x08;
const DBC = `VERSION ""
BU_: Vector__XXX
BO_ 256 Engine: 8 Vector__XXX
 SG_ Speed : 0|16@1+ (0.1,0) [0|0] "km/h" Vector__XXX
`;

const step = z.object({ link: z.string(), verdict: z.string(), what: z.string() });
const report = z.object({
  ok: z.boolean(),
  line: z.array(step),
  conclusion: z.object({
    sends: z.boolean(),
    link: z.string().optional(),
    what: z.string(),
    remedy: z.string().optional(),
  }),
});

type Settings = Record<string, unknown>;

describe("doctor at a vehicle that does not send", { timeout: 120_000 }, () => {
  let folder: string;
  let authority: Authority;
  let mosquitto: Mosquitto;
  let hub: Hub;
  let tpm: Tpm;
  let identity: { readonly certificateFile: string; readonly keyFile: string };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-doctor-line-"));
    authority = createAuthority(join(folder, "ca"));
    identity = writeIdentity(folder, "device", await authority.issue({ commonName: THING, usage: "client" }));
    [mosquitto, hub, tpm] = await Promise.all([
      startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] }),
      startHub(),
      startTpm({ folder: join(folder, "tpm") }),
    ]);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([mosquitto.stop(), hub.stop(), tpm.stop()]);
    await rm(folder, { recursive: true });
  });

  /** A vehicle on the bench's bus and broker; `change` puts something wrong. */
  function vehicle(change: Settings = {}): DaemonHome {
    const home = temporaryFolder();
    mkdirSync(join(home, "run"));
    mkdirSync(join(home, "state"), { mode: 0o700 });
    const [config, dbc] = [join(home, "agent.yaml"), join(home, "car.dbc")];
    writeFileSync(dbc, DBC);
    const settings: Settings = {
      thingName: THING,
      bench: true,
      stateDir: join(home, "state"),
      runtimeDir: join(home, "run"),
      buses: [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port: hub.port, interface: "can0" }],
      dbc: [{ file: "car.dbc" }],
      broker: brokerAt("localhost", mosquitto.port),
      identity: { mode: "file", ...identity },
      ...change,
    };
    writeFileSync(config, stringify(settings));
    return { folder: home, config, dbc, socket: join(home, "run", "view.sock") };
  }

  function brokerAt(host: string, port: number, caFile = authority.caFile): Settings {
    return { host, port, caFile, connectTimeoutMs: 3000, reconnect: { minMs: 200, maxMs: 1000 } };
  }

  /** Frames of one id every 10 ms until the test ends. */
  function traffic(id: number, flags = 0): void {
    let count = 0;
    const timer = setInterval(() => {
      count += 1;
      hub.inject("can0", { id, flags, data: Uint8Array.of(count & 0xff, 0, 0, 0, 0, 0, 0, 0), receivedAtUs: 0 });
    }, 10);
    onTestFinished(() => clearInterval(timer));
  }

  async function doctor({ config }: DaemonHome) {
    const surroundings = {
      clock: systemClock({ kernelErrorUs: () => 1000 }),
      environment: { ...process.env, ...tpm.environment },
    };
    const asJson = await runCli(["doctor", "--json", "--config", config], surroundings);
    const { ok, line, conclusion } = report.parse(JSON.parse(asJson.stdout));
    expect(asJson.exitCode).toBe(ok ? 0 : 3);
    return { ok, line, ...conclusion };
  }

  /** The agent of a vehicle, once `isReached` holds of its status. */
  async function running(
    home: DaemonHome,
    isReached: (status: Awaited<ReturnType<Daemon["status"]>>) => boolean,
  ): Promise<Daemon> {
    const daemon = await startDaemon(home, tpm.environment);
    const look = async (): Promise<true | undefined> => (isReached(await daemon.status()) ? true : undefined);
    await until(look, { what: "the vehicle is as it is to be", timeoutMs: PATIENCE_MS });
    return daemon;
  }

  const isOffline = ({ link }: Awaited<ReturnType<Daemon["status"]>>): boolean => link.fault !== undefined;

  it("says that it sends, and when the last record was acknowledged, where nothing is wrong", async () => {
    traffic(0x100);
    traffic(0x3e9);
    const home = vehicle();
    await running(home, ({ delivery, collected }) => collected.samples > 10 && delivery.ackedAgoMs !== undefined);
    const { ok, sends, what, line } = await doctor(home);
    expect([ok, sends]).toEqual([true, true]);
    expect(what).toMatch(/^the last record was acknowledged \d+ (ms|s) ago$/);
    const links = line.map(({ link, verdict }) => `${link} ${verdict}`);
    const good = ["interface", "agent", "bus", "frames", "dbc", "collection", "outbox", "clock"];
    const on = ["key", "connect", "policy", "puback"];
    expect(links).toEqual([...good, ...on].map((link) => `${link} pass`));
    expect(line.find(({ link }) => link === "dbc")?.what).toMatch(
      /^bus can0: (4|5)\d % of its frames are in the DBC files; nobody decodes 3E9 \(\d+\)$/,
    );
  });

  it("ends its text with that sentence, and with the cause where there is one", async () => {
    const home = vehicle();
    const surroundings = { clock: systemClock({ kernelErrorUs: () => 1000 }), environment: process.env };
    const { stdout, exitCode } = await runCli(["doctor", "--config", home.config], surroundings);
    expect(exitCode).toBe(3);
    const last = stdout.trimEnd().split("\n").at(-1);
    expect(last).toMatch(/^It does not send because the agent is not running: .*systemctl start causeway/);
  });

  it("names what a start would refuse, where no agent runs", async () => {
    traffic(0x100);
    const { link, what, remedy } = await doctor(vehicle({ dbc: [{ file: "gone.dbc" }] }));
    expect(link).toBe("agent");
    expect(what).toMatch(/^the agent is not running: .*, and its configuration is refused: .*gone\.dbc/);
    expect(remedy).toMatch(/^correct the path, .*; then systemctl start causeway/);
  });

  it("concludes nothing from a look that was interrupted", async () => {
    const surroundings = { clock: systemClock({ kernelErrorUs: () => 1000 }), signal: AbortSignal.abort("SIGINT") };
    const run = await runCli(["doctor", "--config", vehicle().config], surroundings);
    expect(run).toMatchObject({ exitCode: 130, stdout: "" });
  });

  it("names an interface that is not there", async () => {
    const home = vehicle({ buses: [{ name: "can0", driver: "native", interface: "nosuch0" }] });
    await running(home, ({ buses }) => buses[0]?.state === "absent");
    const { sends, link, what } = await doctor(home);
    expect([sends, link]).toEqual([false, "interface"]);
    expect(what).toBe("bus can0: there is no interface nosuch0");
  });

  it("names a wrong bit rate where error frames are all that comes", async () => {
    traffic(CAN_ERR_PROT, FRAME_FLAG.error);
    const home = vehicle();
    await running(home, ({ buses }) => (buses[0]?.errorFrames ?? 0) > 10);
    const { link, what, remedy } = await doctor(home);
    expect(link).toBe("bus");
    expect(what).toMatch(/^bus can0 brings error frames alone, [\d ]+ so far: most likely the wrong bit rate$/);
    expect(remedy).toContain("check the bit rate");
  });

  it("names a silent bus", async () => {
    const home = vehicle();
    await running(home, ({ buses, uptimeMs }) => buses[0]?.state === "up" && uptimeMs > 6000);
    const { sends, link, what, remedy } = await doctor(home);
    expect([sends, link]).toEqual([false, "frames"]);
    expect(what).toMatch(/^bus can0 is silent: no frame for \d+ s$/);
    expect(remedy).toContain("is the ignition on");
  });

  it("names the DBC files where they are of another vehicle, with the ids that nobody decodes", async () => {
    traffic(0x7a0);
    traffic(0x18fe_f100, FRAME_FLAG.extended);
    const home = vehicle();
    await running(home, ({ link }) => link.state === "online");
    const { link, what } = await doctor(home);
    expect(link).toBe("dbc");
    expect(what).toMatch(/^none of the [\d ]+ frames of bus can0 is in its DBC files; nobody decodes /);
    expect(what).toMatch(/7A0 \(\d+\)/);
    expect(what).toMatch(/18FEF100 \(\d+\)/);
  });

  it("names rules of collection that match nothing", async () => {
    traffic(0x100);
    const rules = [
      { signals: "*", mode: "off" },
      { signals: "Enigne.Speed", mode: "every", ms: 0 },
    ];
    const home = vehicle({ collect: { rules } });
    await running(home, ({ link, uptimeMs }) => link.state === "online" && uptimeMs > 5000);
    const { link, what } = await doctor(home);
    expect(link).toBe("collection");
    expect(what).toBe(
      "nothing is collected: the rules switch the only signal off, and Enigne.Speed in collect.rules matches none",
    );
  });

  it.skipIf(MOUNT !== undefined)(`names a full disk ${MOUNT ?? ""}`, async () => {
    traffic(0x100);
    const home = vehicle();
    const disk = join(home.folder, "state");
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=40m,mode=700", "tmpfs", disk]);
    onTestFinished(() => void execFileSync("umount", ["-l", disk]));
    const daemon = await running(home, ({ collected }) => collected.samples > 0);
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, "other"), new Uint8Array(bavail * bsize));
    const isFull = async (): Promise<true | undefined> => {
      const { outbox } = await daemon.status();
      return outbox.disk?.isFull === true || outbox.fault !== undefined ? true : undefined;
    };
    await until(isFull, { what: "the agent finds the disk full", timeoutMs: PATIENCE_MS });
    const { link, what, remedy } = await doctor(home);
    expect(link).toBe("outbox");
    expect(what).toMatch(/full|no room/);
    expect(remedy).toContain("free space");
  });

  it("names the clock where it says a time before the certificate", async () => {
    traffic(0x100);
    const issued = await authority.issue({ commonName: THING, usage: "client", backdateMs: -86_400_000 });
    const home = vehicle({ identity: { mode: "file", ...writeIdentity(folder, "early", issued) } });
    await running(home, isOffline);
    const { link, what, remedy } = await doctor(home);
    expect(link).toBe("clock");
    expect(what).toContain("this machine's clock says");
    expect(remedy).toContain("clock");
  });

  it("names a host name that nobody knows", async () => {
    traffic(0x100);
    const home = vehicle({ broker: brokerAt("broker.invalid", mosquitto.port) });
    await running(home, isOffline);
    const { link, what } = await doctor(home);
    expect(link).toBe("dns");
    expect(what).toContain("the host name broker.invalid cannot be resolved");
  });

  it("names a port at which nobody listens", async () => {
    traffic(0x100);
    const port = await freePorts(1);
    const home = vehicle({ broker: brokerAt("localhost", port) });
    await running(home, isOffline);
    const { link, what } = await doctor(home);
    expect(link).toBe("tcp");
    expect(what).toBe(`the broker localhost:${port} refused the TCP connection`);
  });

  it("names TLS where something takes the connection and says nothing", async () => {
    traffic(0x100);
    const proxy = new TcpProxy({ host: "127.0.0.1", port: mosquitto.port });
    const port = await proxy.start();
    onTestFinished(() => proxy.stop());
    proxy.blackhole();
    const home = vehicle({ broker: brokerAt("localhost", port) });
    await running(home, isOffline);
    const { link, what } = await doctor(home);
    expect(link).toBe("tls");
    expect(what).toContain("it gave no TLS answer within 3000 ms");
  });

  it("names an authority of the broker's certificate that is not known", async () => {
    traffic(0x100);
    const other = createAuthority(temporaryFolder());
    const home = vehicle({ broker: brokerAt("localhost", mosquitto.port, other.caFile) });
    await running(home, isOffline);
    const { link, what } = await doctor(home);
    expect(link).toBe("tls");
    expect(what).toContain("was issued by an unknown authority");
  });

  it("names a broker whose certificate is for another name", async () => {
    traffic(0x100);
    const stub = await startStubBroker(authority);
    onTestFinished(() => stub.stop());
    const home = vehicle({ broker: brokerAt("127.0.0.1", stub.port) });
    await running(home, isOffline);
    const { link, what, remedy } = await doctor(home);
    expect(link).toBe("tls");
    expect(what).toContain("its certificate is for DNS:localhost, not for 127.0.0.1");
    expect(remedy).toBe("set broker.host to the name that the broker's certificate is for");
  });

  it("names a certificate of the device's own that has expired", async () => {
    traffic(0x100);
    const issued = await authority.issue({ commonName: THING, usage: "client", days: -1 });
    const home = vehicle({ identity: { mode: "file", ...writeIdentity(folder, "old", issued) } });
    await running(home, isOffline);
    const { link, what } = await doctor(home);
    expect(link).toBe("key");
    expect(what).toContain("expired on");
  });

  it("names the PIN where it is not there, though the key is", async () => {
    traffic(0x100);
    const { tokenLabel, keyLabel, storeDir, tcti, publicKeyPem } = tpm;
    const issued = await authority.issue({ commonName: THING, usage: "client", publicKeyPem });
    const { certificateFile } = writeIdentity(folder, "sealed", issued);
    const pinFile = join(folder, "nowhere", "pin");
    const place = { tokenLabel, keyLabel, storeDir, tcti };
    const home = vehicle({ identity: { mode: "pkcs11", certificateFile, pinFile, ...place } });
    await running(home, isOffline);
    const { link, what } = await doctor(home);
    expect(link).toBe("key");
    expect(what).toContain("PIN");
  });

  it("names the policy where the broker refuses every record", async () => {
    traffic(0x100);
    const home = vehicle({ topics: { record: "elsewhere/{thing}/{stream}" } });
    await running(home, ({ delivery }) => delivery.refusedTopics.some(({ stream }) => stream === "telemetry"));
    const { link, what, remedy } = await doctor(home);
    expect(link).toBe("policy");
    expect(what).toMatch(/^the broker refuses (telemetry|event) records: 0x87 not authorized/);
    expect(remedy).toMatch(/^allow this client to publish to elsewhere\/veh-1\/(telemetry|event) /);
  });

  it("names the missing PUBACK of a broker that takes everything and acknowledges nothing", async () => {
    traffic(0x100);
    const stub = await startStubBroker(authority, { onPublish: () => undefined });
    onTestFinished(() => stub.stop());
    const home = vehicle({ broker: brokerAt("localhost", stub.port) });
    await running(home, ({ link, outbox }) => link.state === "online" && link.sinceMs > 16_000 && outbox.records > 0);
    const { link, what } = await doctor(home);
    expect(link).toBe("puback");
    expect(what).toMatch(/^the broker takes records and acknowledges none: no PUBACK for \d+ s, \d+ records wait$/);
  });
});
