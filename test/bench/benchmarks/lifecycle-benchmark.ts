import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { z } from "zod";
import type { Broker } from "../../../agent/ports/broker.ts";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { createSession } from "../broker/mqtt-session.ts";
import { writeIdentity } from "../cloud/certificate-authority.ts";
import { type CloudBench, startCloudBench } from "../cloud/cloud-bench.ts";
import { TEMPLATES } from "../cloud/provisioning.ts";
import { startChild } from "../core/child.ts";
import { until } from "../core/wait.ts";
import { startTpm, type Tpm } from "../tpm/tpm.ts";

const PROGRAM = fileURLToPath(new URL("../../../scripts/causeway", import.meta.url));
const THING = "bench-lifecycle";
const DBC = `VERSION ""
BU_: Vector__XXX
BO_ 256 Engine: 8 Vector__XXX
 SG_ Counter : 0|16@1+ (1,0) [0|0] "" Vector__XXX
`;
const FRAMES = 200;
const PATIENCE_MS = 120_000;

const provisioned = z.object({ steps: z.array(z.object({ step: z.string(), ms: z.number() })) });

/** What a device's identity costs it. */
export type LifecycleFigures = {
  /** From a claim certificate to the first connection as the thing, without the test of the connection after it. */
  readonly enrolMs: number;
  readonly steps: Readonly<Record<string, number>>;
  /** One a rotation under traffic: from the wish to the end of the old key, and the longest pause between two records that arrive. */
  readonly rotations: readonly { readonly ms: number; readonly gapMs: number }[];
  /** Records that never arrived. */
  readonly missing: number;
};

/** Enrols a device with `causeway provision` and rotates its certificate in the running agent, on a software TPM. */
export async function benchmarkLifecycle(rotations: number): Promise<LifecycleFigures> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const stops: (() => Promise<void>)[] = [];
  try {
    const bench = await startCloudBench(folder);
    stops.push(() => bench.stop());
    const tpm = await startTpm({ folder: join(folder, "tpm") });
    stops.push(() => tpm.stop());
    const config = configure(folder, bench, tpm);
    const steps = await enrol(folder, config, bench, tpm);
    const arrivals = new Arrivals();
    const consumer = await consume(folder, bench, arrivals);
    stops.push(() => consumer.stop());
    const logFile = join(folder, "agent.log");
    const agent = await startChild({
      command: PROGRAM,
      args: ["run", "--config", config],
      environment: tpm.environment,
      logFile,
    });
    stops.push(async () => void (await agent.stop()));
    await arrivals.further(10);
    const measured = [];
    for (let run = 0; run < rotations; run++) measured.push(await rotate(folder, arrivals));
    const enrolMs = Object.values(steps).reduce((sum, ms) => sum + ms, 0);
    return { enrolMs, steps, rotations: measured, missing: arrivals.missing() };
  } finally {
    for (const stop of stops.toReversed()) await stop();
    rmSync(folder, { recursive: true });
  }
}

/** When records arrived, and which. */
class Arrivals {
  readonly #seqs = new Map<string, Set<number>>();
  #times: number[] = [];

  note(stream: string, seq: number): void {
    this.#times.push(performance.now());
    this.#seqs.set(stream, (this.#seqs.get(stream) ?? new Set()).add(seq));
  }

  async further(count: number): Promise<void> {
    const before = this.#times.length;
    const arrived = (): true | undefined => (this.#times.length >= before + count ? true : undefined);
    await until(arrived, { what: `${count} records`, timeoutMs: PATIENCE_MS });
  }

  /** The longest pause since the last call. */
  takeGapMs(): number {
    const times = this.#times;
    this.#times = times.slice(-1);
    return Math.max(0, ...times.slice(1).map((time, index) => time - times[index]));
  }

  missing(): number {
    const holes = [...this.#seqs.values()].map((seqs) => Math.max(...seqs) - Math.min(...seqs) + 1 - seqs.size);
    return holes.reduce((sum, count) => sum + count, 0);
  }
}

function configure(folder: string, { mosquitto, authority, cloud }: CloudBench, tpm: Tpm): string {
  cloud.provisioning.settings.allowedSerials.add(THING);
  const { tokenLabel, pinFile, storeDir, tcti } = tpm;
  mkdirSync(join(folder, "run"));
  writeFileSync(join(folder, "car.dbc"), DBC);
  writeFileSync(join(folder, "drive.log"), Array.from({ length: FRAMES }, (_, n) => logLine(n)).join(""));
  const file = join(folder, "agent.yaml");
  const config = {
    thingName: THING,
    stateDir: join(folder, "state"),
    runtimeDir: join(folder, "run"),
    buses: [{ name: "can0", driver: "replay", file: "drive.log", loop: true }],
    dbc: [{ file: "car.dbc" }],
    collect: { batchMs: 50 },
    broker: { host: mosquitto.host, port: mosquitto.port, caFile: authority.caFile },
    identity: { mode: "pkcs11", tokenLabel, pinFile, storeDir, tcti },
    provisioning: { template: TEMPLATES.fleet, rotationTemplate: TEMPLATES.rotation },
    renewal: { enabled: false },
  };
  writeFileSync(file, stringify(config), { mode: 0o600 });
  return file;
}

function logLine(n: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(n, 0);
  return `(1700000000.${String(n * 1000).padStart(6, "0")}) can0 100#${bytes.toString("hex").toUpperCase()}\n`;
}

async function enrol(folder: string, config: string, bench: CloudBench, tpm: Tpm) {
  const { certificateFile, keyFile } = await bench.cloud.claim(join(folder, "claim"));
  const lines: string[] = [];
  const claim = ["--claim-cert", certificateFile, "--claim-key", keyFile, "--timeout", "100"];
  const logFile = join(folder, "provision.log");
  const child = await startChild({
    command: PROGRAM,
    args: ["provision", "--config", config, "--json", "--non-interactive", ...claim],
    environment: tpm.environment,
    logFile,
    onLine: (line) => lines.push(line),
  });
  const { code } = await child.ended;
  if (code !== 0) throw new Error(`causeway provision ended with ${code}: ${readFileSync(logFile, "utf8")}`);
  const { steps } = provisioned.parse(JSON.parse(lines.join("")));
  return Object.fromEntries(steps.map(({ step, ms }) => [step, ms]));
}

async function consume(folder: string, { authority, mosquitto }: CloudBench, arrivals: Arrivals): Promise<Broker> {
  const issued = await authority.issue({ commonName: "consumer", usage: "client" });
  const none = (): void => undefined;
  const session = createSession({
    clientId: "consumer",
    identity: { mode: "file", ...writeIdentity(join(folder, "consumer"), "consumer", issued) },
    caFile: authority.caFile,
    broker: { host: mosquitto.host, port: mosquitto.port },
    log: { error: none, warn: none, info: none, debug: none },
  });
  session.start();
  await session.online(AbortSignal.timeout(PATIENCE_MS));
  await session.subscribe(`dt/causeway/${THING}/+`, ({ userProperties }) => {
    const properties = new Map(userProperties);
    const seq = properties.get("seq");
    if (seq !== undefined) arrivals.note(properties.get("stream") ?? "", Number(seq));
  });
  return session;
}

async function rotate(folder: string, arrivals: Arrivals): Promise<{ readonly ms: number; readonly gapMs: number }> {
  await arrivals.further(5);
  arrivals.takeGapMs();
  const startMs = performance.now();
  const socket = join(folder, "run", "admin.sock");
  await requestLocal(socket, { verb: "cert.renew" }, AbortSignal.timeout(PATIENCE_MS));
  const ms = performance.now() - startMs;
  await arrivals.further(5);
  return { ms, gapMs: arrivals.takeGapMs() };
}
