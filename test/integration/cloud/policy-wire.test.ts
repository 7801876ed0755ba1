import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { type Broker, publicationTo } from "../../../agent/ports/broker.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { type SeenUse, seenUses } from "../../bench/broker/seen-uses.ts";
import { writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { type CloudBench, JOBS_NAME, startCloudBench } from "../../bench/cloud/cloud-bench.ts";
import { CloudCommands } from "../../bench/cloud/cloud-commands.ts";
import { CompanionBackend } from "../../bench/cloud/companion.ts";
import { allows, type IotPolicy } from "../../bench/cloud/iot-policy.ts";
import type { CloudJobs } from "../../bench/cloud/jobs.ts";
import { hasProtoc, ProtobufCommands } from "../../bench/cloud/protobuf-commands.ts";
import { TEMPLATES } from "../../bench/cloud/provisioning.ts";
import { CloudShadows } from "../../bench/cloud/shadow.ts";
import { CloudStreams } from "../../bench/cloud/streams.ts";
import { until } from "../../bench/core/wait.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { policiesNamed } from "../../fakes/cloud/template-policies.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { type DaemonHome, daemonHome, runProgram, startDaemon } from "../../fakes/daemon/daemon.ts";
import { startJobs } from "../../fakes/updates/job-cloud.ts";
import { ReleaseSigner } from "../../fakes/updates/release.ts";

const THING = "truck-1";
const CLAIM = `claim-${THING}`;
const PATIENCE_MS = 60_000;
/** On the bus, a millisecond each. */
const FRAMES = 60_000;
const SHADOWS = { StateShadow: "state", ConfigShadow: "config" };
const DONE = { what: "", timeoutMs: PATIENCE_MS } as const;

/** Granted and not seen here: credentials go by HTTPS, and no stream was refused. */
const UNSEEN = [
  "iot:AssumeRoleWithCertificate rolealias/causeway-dev-vehicle",
  "iot:Receive topic/$aws/things/*/streams/*/rejected/cbor",
] as const;

describe.skipIf(!hasProtoc)(`a vehicle at the broker${hasProtoc ? "" : " (protoc is not installed)"}`, () => {
  let folder: string;
  let bench: CloudBench;
  let tpm: Tpm;
  let session: Broker;
  let jobs: CloudJobs;
  let stopJobs: () => Promise<void>;
  let signer: ReleaseSigner;
  let seen: readonly SeenUse[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-policy-"));
    const started = startCloudBench(folder, [], { logsPackets: true });
    [bench, tpm] = await Promise.all([started, startTpm({ folder: join(folder, "tpm") })]);
    bench.cloud.provisioning.settings.allowedSerials.add(THING);
    signer = new ReleaseSigner(join(folder, "desk"));
    const side = await startJobs({ folder, ...bench, presign: (key) => key });
    jobs = side.jobs;
    stopJobs = () => side.stop();
    const issued = await bench.authority.issue({ commonName: JOBS_NAME, usage: "client" });
    session = createSession({
      clientId: "cloud-rest",
      identity: { mode: "file", ...writeIdentity(join(folder, "rest"), JOBS_NAME, issued) },
      caFile: bench.mosquitto.caFile,
      broker: { host: bench.mosquitto.host, port: bench.mosquitto.port },
      log: new MemoryLog(),
    });
    session.start();
    await session.online(AbortSignal.timeout(10_000));
  }, 120_000);
  afterAll(async () => {
    await session.stop();
    await stopJobs();
    await bench.stop();
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  async function enrolledHome(): Promise<DaemonHome> {
    const { tokenLabel, pinFile, storeDir, tcti } = tpm;
    const home = await daemonHome((config) => {
      config.thingName = THING;
      const reconnect = { minMs: 100, maxMs: 1000 };
      config.broker = { host: "localhost", port: bench.mosquitto.port, caFile: bench.authority.caFile, reconnect };
      config.identity = { mode: "pkcs11", tokenLabel, pinFile, storeDir, tcti };
      config.provisioning = { template: TEMPLATES.fleet, rotationTemplate: TEMPLATES.rotation };
      config.renewal = { enabled: false, checkMs: 500 };
      config.commands = { policyFile: "policy.yaml", protobuf: { enabled: true } };
      config.campaigns = { cloud: { reportSeconds: 1 } };
      config.shadows = { state: { minSeconds: 1 }, config: { minSeconds: 1 } };
      config.tunnels = { services: { SSH: 22 }, regions: ["eu-central-1"], notify: true };
      config.ota = {
        rootFile: signer.rootFile,
        hardware: "gateway-2",
        gate: { condition: { signals: {}, all: ["true"] }, holdSeconds: 0 },
        jobs: { reportSeconds: 1 },
      };
    }, FRAMES);
    writeFileSync(join(home.folder, "policy.yaml"), stringify({ schemaVersion: 1, allow: [{ action: "*" }] }));
    const { certificateFile, keyFile } = await bench.cloud.claim(join(home.folder, "claim"));
    const claim = ["--claim-cert", certificateFile, "--claim-key", keyFile, "--timeout", "90"];
    const args = ["provision", "--config", home.config, "--non-interactive", ...claim];
    const { code, stderr } = await runProgram(args, tpm.environment);
    if (code !== 0) throw new Error(stderr);
    return home;
  }

  /** Everything that a cloud can have a vehicle do. */
  async function drive(home: DaemonHome): Promise<void> {
    const [commands, shadows, streams] = [
      new CloudCommands(session),
      new CloudShadows(session),
      new CloudStreams(session),
    ];
    const [protobuf, companion] = [new ProtobufCommands(session, "$aws/commands"), new CompanionBackend(session)];
    for (const one of [commands, shadows, streams, protobuf]) await one.start();
    await companion.start();
    const daemon = await startDaemon(home, tpm.environment);
    const isOnline = async () => ((await daemon.status()).link.state === "online" ? true : undefined);
    await until(isOnline, { ...DONE, what: "the vehicle is online" });
    await command(commands, companion, protobuf);
    await plan(shadows);
    await work(home, streams);
    await daemon.child.stop();
    const test = await runProgram(["connect", "test", "--config", home.config, "--client-id", THING], tpm.environment);
    if (test.code !== 0) throw new Error(test.stderr);
    await companion.stop();
  }

  async function command(commands: CloudCommands, companion: CompanionBackend, protobuf: ProtobufCommands) {
    const expiresAtMs = Date.now() + PATIENCE_MS;
    const asked = (action: string, given: object) =>
      JSON.stringify({ schemaVersion: 1, action, arguments: given, expiresAtMs });
    const isOver = (one: { readonly status: string }) =>
      /CREATED|SENT|IN_PROGRESS/.test(one.status) ? undefined : true;
    // Online is before its subscriptions: the first may be heard by nobody.
    const answered = async (start: () => Promise<{ readonly status: string }>): Promise<void> => {
      const again = async () => {
        const one = await start();
        return await until(() => isOver(one), { what: "an answer", timeoutMs: 5000 }).catch(() => undefined);
      };
      await until(again, { ...DONE, what: "an answer" });
    };
    for (const format of ["json", "cbor"] as const) {
      const template = asked("capture.frames", { seconds: 0.5 });
      await answered(() =>
        commands.startExecution({ command: { format, template }, thing: THING, executionTimeoutSeconds: 30 }),
      );
    }
    await answered(() =>
      companion.send(THING, { schemaVersion: 1, action: "signals.last", arguments: { signals: [] } }),
    );
    const request = "actuator_command { signal_id: 1 double_value: 1 }";
    let executions = 0;
    await answered(() => protobuf.startExecution(THING, `e-${(executions += 1)}`, request));
    protobuf.rejections.push("InternalError");
    await answered(() => protobuf.startExecution(THING, `e-${(executions += 1)}`, request));
    for (const format of ["json", "cbor"] as const) {
      commands.disturb("conflict");
      const template = asked("signals.last", { signals: [] });
      await answered(() => commands.startExecution({ command: { format, template }, thing: THING }));
    }
  }

  /** A campaign by the shadow and by its topic, an update that is refused, and a shadow that is deleted. */
  async function plan(shadows: CloudShadows): Promise<void> {
    const document = {
      schemaVersion: 1,
      id: "one",
      version: 1,
      collect: [{ signals: "Engine.Speed", mode: "every", ms: 100 }],
    };
    await until(() => (shadows.requests.length > 0 ? true : undefined), { ...DONE, what: "it asks for its shadow" });
    shadows.disturb("pass", { code: 409, message: "Version conflict" });
    await shadows.update(THING, "campaigns", { state: { desired: { campaigns: { one: document } } } });
    const isReported = () =>
      JSON.stringify(shadows.shadow(THING, "campaigns")?.state.reported ?? {}).includes("running") ? true : undefined;
    await until(isReported, { ...DONE, what: "the campaign runs" });
    const long = new TextEncoder().encode("schemaVersion: 1");
    await session.publish(publicationTo(`cmd/causeway/${THING}/campaigns/two/document`, long, ""));
    // Of a tunnel that is none: nothing is opened.
    await session.publish(publicationTo(`$aws/things/${THING}/tunnels/notify`, new TextEncoder().encode("{}"), ""));
    await shadows.delete(THING, "campaigns");
    const asked = (name: string) => shadows.requests.filter((request) => request.name === name).at(-1)?.operation;
    await until(() => (asked("campaigns") === "update" ? true : undefined), { ...DONE, what: "it reports again" });
    // Settings that are refused start nothing anew.
    await shadows.update(THING, "config", { state: { desired: { collect: { batchMs: 1 } } } });
    const isTold = () => JSON.stringify(shadows.shadow(THING, "config")?.state.reported ?? {}).includes("refused");
    await until(() => (isTold() ? true : undefined), { ...DONE, what: "the settings are refused" });
    expect(shadows.shadow(THING, "state")?.state.reported).toBeDefined();
  }

  /** A job that rotates the certificate, and one whose artifact comes as a stream, which is not what was signed. */
  async function work(home: DaemonHome, streams: CloudStreams): Promise<void> {
    const isOver = (job: { readonly status: string }) => (/QUEUED|IN_PROGRESS/.test(job.status) ? undefined : true);
    const rotation = await jobs.create({
      jobId: "rotate-1",
      thing: THING,
      document: { version: "1.0", operation: "rotate-certificate" },
    });
    await until(() => isOver(rotation), { ...DONE, what: "the rotation is over" });
    const { path, name } = signer.bundle([
      { kind: "files", name: "files", entries: [{ name: "car.dbc", content: "" }] },
    ]);
    const other = readFileSync(join(signer.folder, name)).fill(0, 20);
    streams.streams.set("s-1", { version: 1, files: new Map([[0, other]]) });
    const signatures: unknown = JSON.parse(readFileSync(`${path}.sig`, "utf8"));
    const artifacts = { [name]: { stream: { streamId: "s-1", fileId: 0 } } };
    const manifest = readFileSync(path, "utf8");
    const document = { version: "1.0", operation: "ota", manifest, signatures, roots: [], artifacts };
    await jobs.create({ jobId: "ota-1", thing: THING, document });
    await until(() => (streams.sentBytes > 0 ? true : undefined), { ...DONE, what: "a block is sent" });
    await runProgram(["jobs", "list", "--config", home.config], tpm.environment);
  }

  const of = (client: string): readonly SeenUse[] => seen.filter((use) => use.client === client);
  it("does nothing that its policies would refuse, from its enrolment on, and uses each grant", async () => {
    await drive(await enrolledHome());
    seen = seenUses(readFileSync(bench.mosquitto.logFile, "utf8"));
    expect(of(THING).length).toBeGreaterThan(100);
    expect(refused(policiesNamed("-vehicle-", SHADOWS), of(THING), THING)).toEqual([]);
    expect(of(CLAIM).length).toBeGreaterThan(3);
    expect(refused(policiesNamed("-claim"), of(CLAIM), undefined)).toEqual([]);
    expect(unused(policiesNamed("-vehicle-", SHADOWS).filter(isAttached), of(THING), THING)).toEqual(UNSEEN);
    expect(unused(policiesNamed("-claim"), of(CLAIM), undefined)).toEqual([]);
  }, 180_000);
});

/** The vehicle of this test has no FleetWise. */
function isAttached(policy: IotPolicy): boolean {
  return !JSON.stringify(policy).includes("/decoder_manifests");
}

/** Grants that none of the uses needed. */
function unused(
  policies: readonly IotPolicy[],
  uses: readonly SeenUse[],
  thing: string | undefined,
): readonly string[] {
  return policies
    .flatMap(({ Statement: statements }) => statements)
    .flatMap(({ Action: actions, Resource: resources }) =>
      actions.flatMap((action) => resources.map((resource) => ({ action, resource }))),
    )
    .filter(({ action, resource }) => {
      const statement: IotPolicy["Statement"][number] = { Effect: "Allow", Action: [action], Resource: [resource] };
      const alone: IotPolicy = { Version: "2012-10-17", Statement: [statement] };
      return refused([alone], uses, thing).length === uses.length;
    })
    .map(({ action, resource }) => `${action} ${resource.split(":").slice(5).join(":")}`)
    .map((grant) => grant.replaceAll("${iot:Connection.Thing.ThingName}", "*"))
    .toSorted();
}

function refused(
  policies: readonly IotPolicy[],
  uses: readonly SeenUse[],
  thing: string | undefined,
): readonly SeenUse[] {
  return uses.filter(
    ({ client, action, resource }) => !allows(policies, action, named(resource), { clientId: client, thing }),
  );
}

/** The templates of the bench have names of their own. */
function named(resource: string): string {
  return resource.replace(TEMPLATES.fleet, "causeway-dev-fleet").replace(TEMPLATES.rotation, "causeway-dev-rotation");
}
