import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SignedFields } from "../../../agent/commands/canonical.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import { signingKey } from "../../fakes/commands/signing-key.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { ReleaseSigner } from "../../fakes/updates/release.ts";
import { type Mosquitto, startMosquitto } from "../broker/mosquitto.ts";
import { createSession } from "../broker/mqtt-session.ts";
import { type ProxyProcess, startProxy } from "../broker/proxy-process.ts";
import { startArtifactServer } from "../cloud/artifact-server.ts";
import { type Authority, createAuthority, writeIdentity } from "../cloud/certificate-authority.ts";
import { CloudCommands } from "../cloud/cloud-commands.ts";
import type { Execution } from "../cloud/command-executions.ts";
import type { CloudExecution } from "../cloud/job-executions.ts";
import { CloudJobs } from "../cloud/jobs.ts";
import { ObjectStore } from "../cloud/object-store.ts";
import type { BenchSink } from "../run/bench-sink.ts";

type SinkBroker = Parameters<typeof BenchSink.start>[1];

/** Thing name of the van. */
export const DAY_THING = "bench-van";
/** A name in a manifest's `hardware`, and of the program that installs artifacts of its component. */
export const DAY_HARDWARE = "van-gateway";
export const DAY_INSTALLER = "tyre-gauge";
const CLOUD = "cloud";
const PATIENCE_MS = 20_000;
const HOUR_MS = 3_600_000;
/** How long a command is kept by the broker, and by its signature, in time of the machine and of the van. */
const COMMAND_SECONDS = 3600;

type Stops = (() => Promise<void>)[];

/** A support bundle that the cloud wants at a key of its object store. */
export type WantedUpload = { readonly key: string; readonly execution: Execution };

/** The cloud of a day: broker behind a proxy, Commands, Jobs, a server for artifacts, an object store, and the keys that the van trusts. */
export class DayCloud {
  readonly authority: Authority;
  readonly mosquitto: Mosquitto;
  readonly proxy: ProxyProcess;
  readonly signer: ReleaseSigner;
  readonly store: ObjectStore;
  readonly key = signingKey("operations");
  readonly #folder: string;
  readonly #commands: CloudCommands;
  readonly #jobs: CloudJobs;
  #counter = 0;

  private constructor(
    folder: string,
    parts: {
      readonly authority: Authority;
      readonly mosquitto: Mosquitto;
      readonly proxy: ProxyProcess;
      readonly commands: CloudCommands;
      readonly jobs: CloudJobs;
      readonly store: ObjectStore;
    },
  ) {
    this.#folder = folder;
    this.authority = parts.authority;
    this.mosquitto = parts.mosquitto;
    this.proxy = parts.proxy;
    this.#commands = parts.commands;
    this.#jobs = parts.jobs;
    this.store = parts.store;
    this.signer = new ReleaseSigner(join(folder, "releases"));
  }

  /** Starts all of it in `folder`, and notes in `stops` how to end it. */
  static async start(folder: string, logs: string, stops: Stops): Promise<DayCloud> {
    const authority = createAuthority(join(folder, "ca"));
    const mosquitto = await startMosquitto({
      folder: join(folder, "broker"),
      authority,
      things: [DAY_THING],
      clouds: [CLOUD],
    });
    stops.push(() => mosquitto.stop());
    const proxy = await startProxy({ host: "127.0.0.1", port: mosquitto.port }, logs);
    stops.push(() => proxy.stop());
    const session = await sessionAs({ authority, mosquitto, folder }, CLOUD, CLOUD);
    stops.push(() => session.stop());
    const served = join(folder, "served");
    mkdirSync(served);
    const { certificatePem, privateKeyPem = "" } = await authority.issue({
      commonName: "files",
      subjectAltNames: [{ kind: "ip", value: "127.0.0.1" }],
      usage: "server",
    });
    const artifacts = await startArtifactServer(served, { certificatePem, privateKeyPem });
    stops.push(() => artifacts.stop());
    const store = await ObjectStore.start({ certificatePem, privateKeyPem });
    stops.push(() => store.stop());
    const commands = new CloudCommands(session);
    await commands.start();
    const jobs = new CloudJobs(session, (key) => artifacts.presign(key, HOUR_MS));
    await jobs.start();
    stops.push(async () => {
      commands.stop();
      jobs.stop();
    });
    return new DayCloud(folder, { authority, mosquitto, proxy, commands, jobs, store });
  }

  /** How the workers of the cloud's consumer reach the broker. */
  async sinkBroker(): Promise<SinkBroker> {
    const { authority, mosquitto } = this;
    const issued = await authority.issue({ commonName: "consumer", usage: "client" });
    const identity = writeIdentity(join(this.#folder, "identities"), "sink", issued);
    return { host: mosquitto.host, port: mosquitto.port, caFile: mosquitto.caFile, ...identity };
  }

  /** A consumer's session, online. */
  consumer(name: string): Promise<Broker> {
    return sessionAs({ authority: this.authority, mosquitto: this.mosquitto, folder: this.#folder }, "consumer", name);
  }

  /** Sends a signed command. `nowMs` is the cloud's time: the truth of the day. */
  command(action: string, nowMs: number, given: SignedFields["arguments"] = {}): Promise<Execution> {
    this.#counter += 1;
    const fields: SignedFields = {
      id: `day-${this.#counter}`,
      thing: DAY_THING,
      action,
      arguments: given,
      notBeforeMs: Math.floor(nowMs) - 5000,
      expiresAtMs: Math.floor(nowMs) + COMMAND_SECONDS * 1000,
      counter: this.#counter,
    };
    const body = { schemaVersion: 1, ...fields, signature: this.key.sign(fields) };
    return this.#commands.startExecution({
      command: { format: "json", template: JSON.stringify(body) },
      thing: DAY_THING,
      executionTimeoutSeconds: COMMAND_SECONDS,
    });
  }

  /** Wants a support bundle. `nowMs` as for `command`; it is also what the store goes by. */
  async wantBundle(nowMs: number): Promise<WantedUpload> {
    const key = `bundle-${this.#counter + 1}`;
    const url = await this.store.presign({ key, lifeSeconds: COMMAND_SECONDS });
    return { key, execution: await this.command("file.upload", nowMs, { kind: "bundle", url }) };
  }

  /** Makes an update of the van's tyre gauge, and a job for it. */
  offerUpdate(): Promise<CloudExecution> {
    this.#counter += 1;
    const entries = [{ name: "gauge.conf", content: `release ${this.#counter}\n` }];
    const part = { kind: "exec" as const, name: DAY_INSTALLER, entries, more: { handler: DAY_INSTALLER } };
    const hardware = [DAY_HARDWARE];
    const { path, name } = this.signer.bundle([part], { component: DAY_INSTALLER, hardware });
    copyFileSync(join(this.signer.folder, name), join(this.#folder, "served", name));
    const url = `\${aws:iot:s3-presigned-url:https://s3.eu-central-1.amazonaws.com/bucket/${name}}`;
    const signatures: unknown = JSON.parse(readFileSync(`${path}.sig`, "utf8"));
    return this.#jobs.create({
      jobId: `update-${this.#counter}`,
      thing: DAY_THING,
      document: {
        version: "1.0",
        operation: "ota",
        manifest: readFileSync(path, "utf8"),
        signatures,
        roots: [],
        artifacts: { [name]: { url } },
      },
    });
  }
}

async function sessionAs(
  {
    authority,
    mosquitto,
    folder,
  }: { readonly authority: Authority; readonly mosquitto: Mosquitto; readonly folder: string },
  commonName: string,
  clientId: string,
): Promise<Broker> {
  const issued = await authority.issue({ commonName, usage: "client" });
  const session = createSession({
    clientId,
    identity: { mode: "file", ...writeIdentity(join(folder, "identities"), clientId, issued) },
    caFile: mosquitto.caFile,
    broker: { host: mosquitto.host, port: mosquitto.port },
    log: new MemoryLog(),
  });
  session.start();
  await session.online(AbortSignal.timeout(PATIENCE_MS));
  return session;
}
