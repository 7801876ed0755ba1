import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { type Status, statusSchema } from "../../agent/local-api/status-schema.ts";
import { THINNED_MESSAGES } from "../../test/bench/agent/agent-config.ts";
import { type Mosquitto, startMosquitto } from "../../test/bench/broker/mosquitto.ts";
import { TcpProxy } from "../../test/bench/broker/tcp-proxy.ts";
import { type Authority, createAuthority, writeIdentity } from "../../test/bench/cloud/certificate-authority.ts";
import { BenchCloud, CLAIM_NAME, CLOUD_NAME } from "../../test/bench/cloud/cloud.ts";
import { Consumers } from "../../test/bench/consumers/consumers.ts";
import { until } from "../../test/bench/core/wait.ts";
import { makeFileSystem } from "./base-image.ts";
import type { GuestOutcome } from "./command-channel.ts";
import { writeDriveLog } from "./drive-log.ts";
import { type BootOptions, GUEST_BROKER, Machine } from "./machine.ts";
import { makePlace } from "./place.ts";
import { copySparse, provisionedImage } from "./provisioned.ts";

const SEED = 7;
const DESCRIPTOR = fileURLToPath(new URL("../../config/proto/telemetry.desc", import.meta.url));
const VEHICLE_DBC = fileURLToPath(new URL("../../config/bench-vehicle.dbc", import.meta.url));
const IDENTITY = "/var/lib/causeway/identity";

/** What the guest is started with. */
export type GuestRequest = {
  /** Size of the disk at /var/lib/causeway; 256 MB when absent. */
  readonly dataBytes?: number;
  /** Added to the configuration at its top level. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Vehicle's speed: 1 is 2000 frames/s. An emulated machine needs far less. */
  readonly rate?: number;
  /** Seconds of the drive; it is repeated while traffic is on. */
  readonly driveSeconds?: number;
  /** Judge by the log instead of by the time, for tests in which the clock steps: every signal of every frame is collected. */
  readonly judgeByLog?: boolean;
  readonly boot?: BootOptions;
};

/** Serial number and thing name of the vehicle. */
export const GUEST_THING = "guest-truck";

/** A running guest with the package installed and configured, its broker outside, and the account of what came out. */
export type Guest = {
  readonly machine: Machine;
  readonly broker: Mosquitto;
  /** Fleet provisioning, rotation and revocation on that broker. */
  readonly cloud: BenchCloud;
  /** The only way from the guest to the broker. */
  readonly link: TcpProxy;
  readonly consumers: Consumers;
  /** For further clients that may subscribe; `folder` is for their files. */
  readonly consumerIdentity: { readonly certificateFile: string; readonly keyFile: string; readonly folder: string };
  /** Frames in one turn of the drive. */
  readonly driveFrames: number;
  /** The Debian package that is installed. */
  readonly packageFile: string;
  /** Runs a script as root and gives its output; throws when its exit code is not 0. */
  sh(script: string, timeoutMs?: number): Promise<string>;
  run(script: string, timeoutMs?: number): Promise<GuestOutcome>;
  /** What the agent says of itself; undefined while nobody serves view.sock. */
  status(): Promise<Status | undefined>;
  /** Waits until the status satisfies `condition`, and gives it. Throws with the last status. */
  statusWhen(what: string, condition: (status: Status) => boolean, timeoutMs?: number): Promise<Status>;
  /** How long to wait, on this machine as busy as it is, for what takes `ms` at most on a quiet one. */
  patience(ms: number): number;
  /** Stops all, and removes everything when `keep` is not set. */
  stop(): Promise<void>;
};

/** Boots a guest of its own. The service is configured, enabled and not started. Throws when the guest does not come up. */
export async function startGuest(request: GuestRequest = {}): Promise<Guest> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of stops.splice(0).reverse()) await step();
  };
  try {
    return { ...(await assemble(request, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assemble(request: GuestRequest, stops: (() => Promise<void>)[]): Promise<Omit<Guest, "stop">> {
  const image = await provisionedImage((what) => console.error(`guest: ${what}`));
  const folder = makePlace();
  stops.push(async () => rmSync(folder, { recursive: true, force: true }));
  const authority = createAuthority(join(folder, "authority"));
  const brokerFolder = join(folder, "mosquitto");
  const broker = await startMosquitto({
    folder: brokerFolder,
    authority,
    things: [GUEST_THING],
    claims: [CLAIM_NAME],
    clouds: [CLOUD_NAME],
    crlFile: authority.crlFile,
    names: [GUEST_BROKER.host],
  });
  stops.push(() => broker.stop());
  const cloud = await BenchCloud.start({ authority, mosquitto: broker, folder: join(folder, "cloud") });
  stops.push(() => cloud.stop());
  cloud.provisioning.settings.allowedSerials.add(GUEST_THING);
  const link = new TcpProxy({ host: "127.0.0.1", port: broker.port });
  const brokerPort = await link.start();
  stops.push(() => link.stop());

  const { packageFile } = image;
  copySparse(image.disk, join(folder, "root.img"));
  cpSync(image.tpmState, join(folder, "tpm"), { recursive: true });
  makeFileSystem(join(folder, "data.img"), request.dataBytes ?? 256_000_000);
  const machine = new Machine({ folder, kernel: image.kernel, initramfs: image.initramfs, brokerPort });
  const drive = { file: join(machine.share, "drive.log"), dbcFile: VEHICLE_DBC, seed: SEED, rate: request.rate ?? 0.1 };
  const driveFrames = writeDriveLog({ ...drive, seconds: request.driveSeconds ?? 60 });
  const consumers = new Consumers();
  stops.push(() => consumers.stop());
  const issued = await authority.issue({ commonName: "consumer", usage: "client" });
  const consumerIdentity = { ...writeIdentity(folder, "consumer", issued), folder };
  await startConsumer({ broker, consumers, consumerIdentity, rate: drive.rate, ...logOf(request, drive.file) });
  stops.push(() => keepLogs(machine, folder));
  stops.push(() => machine.powerCut());
  await machine.boot(request.boot);
  const guest = {
    machine,
    broker,
    cloud,
    link,
    consumers,
    consumerIdentity,
    driveFrames,
    packageFile,
    ...commandsOf(machine),
  };
  await configure(guest, { request, folder, authority, publicKeyPem: image.publicKeyPem });
  consumers.begin(Date.now() * 1000);
  return guest;
}

function logOf({ judgeByLog }: GuestRequest, logFile: string): { readonly logFile?: string } {
  return judgeByLog === true ? { logFile } : {};
}

function commandsOf(machine: Machine): Pick<Guest, "sh" | "run" | "status" | "statusWhen" | "patience"> {
  const run: Guest["run"] = (script, timeoutMs) => machine.run(script, timeoutMs);
  const sh: Guest["sh"] = async (script, timeoutMs) => {
    const { code, stdout, stderr } = await run(script, timeoutMs);
    if (code !== 0) throw new Error(`${script.trim()}\nended with ${code}: ${stdout}${stderr}`);
    return stdout;
  };
  const status: Guest["status"] = async () => {
    const { code, stdout } = await machine.view();
    if (code !== 0 || stdout === "") return undefined;
    const value: unknown = JSON.parse(stdout);
    return statusSchema.parse(value);
  };
  const statusWhen: Guest["statusWhen"] = async (what, condition, timeoutMs = 300_000) => {
    let last: Status | undefined;
    const probe = async (): Promise<Status | undefined> => {
      last = await status();
      return last !== undefined && condition(last) ? last : undefined;
    };
    try {
      return await until(probe, { what, timeoutMs: machine.patience(timeoutMs), everyMs: 500 });
    } catch (cause) {
      throw new Error(`${what}: ${JSON.stringify(last)}`, { cause });
    }
  };
  return { run, sh, status, statusWhen, patience: (ms) => machine.patience(ms) };
}

async function startConsumer(
  parts: Pick<Guest, "broker" | "consumers" | "consumerIdentity"> & {
    readonly rate: number;
    readonly logFile?: string;
  },
): Promise<void> {
  const { broker, consumers, rate, logFile } = parts;
  const { certificateFile, keyFile, folder } = parts.consumerIdentity;
  const config = {
    name: "consumer-1",
    host: broker.host,
    port: broker.port,
    caFile: broker.caFile,
    certificateFile,
    keyFile,
    thing: GUEST_THING,
    descriptorFile: DESCRIPTOR,
    dbcFile: VEHICLE_DBC,
    ...(logFile === undefined ? {} : { logFile }),
    seed: SEED,
    rate,
    thinned: THINNED_MESSAGES,
    repeats: true,
    watched: [],
  };
  const file = join(folder, "consumer.json");
  writeFileSync(file, JSON.stringify(config));
  await consumers.start(config, file, folder);
}

async function configure(
  guest: Pick<Guest, "machine" | "sh">,
  parts: {
    readonly request: GuestRequest;
    readonly folder: string;
    readonly authority: Authority;
    readonly publicKeyPem: string;
  },
): Promise<void> {
  const { request, folder, authority, publicKeyPem } = parts;
  const { machine, sh } = guest;
  const issued = await authority.issue({ commonName: GUEST_THING, usage: "client", publicKeyPem });
  const { certificateFile } = writeIdentity(folder, "device", issued);
  const configFile = join(folder, "guest.yaml");
  writeFileSync(configFile, stringify({ ...configOf(request), ...request.config }));
  await sh(
    "tar --extract --file=/opt/identity.tar --directory=/var/lib/causeway && systemd-tmpfiles --create causeway.conf",
  );
  await machine.copyIn(certificateFile, `${IDENTITY}/device.pem`, "0600", "causeway:causeway");
  await machine.copyIn(authority.caFile, "/etc/causeway/ca.pem", "0640", "root:causeway");
  await machine.copyIn(VEHICLE_DBC, "/etc/causeway/dbc/vehicle.dbc", "0640", "root:causeway");
  await machine.copyIn(configFile, "/etc/causeway/agent.d/guest.yaml", "0640", "root:causeway");
  await sh("systemctl --quiet enable causeway guest-traffic && sync");
}

function configOf({ judgeByLog }: GuestRequest): object {
  const everything = [{ signals: "*", mode: "every", ms: 0 }];
  const thinned = THINNED_MESSAGES.flatMap((message) => [
    { signals: `${message}.*`, mode: "every", ms: 100 },
    { signals: `${message}.Counter`, mode: "on-change" },
  ]);
  return {
    thingName: GUEST_THING,
    buses: [
      { name: "can0", driver: "native", interface: "vcan0" },
      { name: "can1", driver: "native", interface: "vcan1" },
    ],
    dbc: [{ file: "/etc/causeway/dbc/vehicle.dbc" }],
    collect: { rules: judgeByLog === true ? everything : [{ signals: "*", mode: "on-change" }, ...thinned] },
    broker: {
      ...GUEST_BROKER,
      caFile: "/etc/causeway/ca.pem",
      keepAliveSeconds: 10,
      ackTimeoutSeconds: 20,
      reconnect: { minMs: 200, maxMs: 2000 },
    },
    identity: {
      mode: "pkcs11",
      tokenLabel: "causeway",
      keyLabel: "device",
      certificateFile: `${IDENTITY}/device.pem`,
      storeDir: `${IDENTITY}/store`,
      tcti: "device:/dev/tpmrm0",
    },
  };
}

/** Journal and console of every guest stay behind for a look after a failure. */
async function keepLogs(machine: Machine, folder: string): Promise<void> {
  const logs = join(import.meta.dirname, "../../.cache/guest/logs");
  mkdirSync(logs, { recursive: true });
  const target = join(logs, folder.slice(folder.lastIndexOf("-") + 1));
  appendFileSync(machine.journalFile, "");
  cpSync(machine.journalFile, `${target}-journal.txt`);
  cpSync(join(folder, "console.log"), `${target}-console.txt`, { force: true });
}
