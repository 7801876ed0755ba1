import { NamedShadow } from "../../../agent/cloud/named-shadow.ts";
import { presencePublication } from "../../../agent/cloud/presence.ts";
import type { RequestClient } from "../../../agent/cloud/request-client.ts";
import { createTopics } from "../../../agent/cloud/topics.ts";
import { encodeBody, WIRE_FORMATS, type WireFormat } from "../../../agent/cloud/wire-format.ts";
import { AwsChannel } from "../../../agent/commands/channels/aws-channel.ts";
import { CompanionChannel } from "../../../agent/commands/channels/companion-channel.ts";
import { ProtobufChannel } from "../../../agent/commands/channels/protobuf-channel.ts";
import { SovdChannel } from "../../../agent/commands/channels/sovd-channel.ts";
import { fleetwiseTopics } from "../../../agent/fleetwise/topics.ts";
import { identityPublication } from "../../../agent/identity/identity-announcement.ts";
import { createFromCsr, provisioningFilters, registerThing } from "../../../agent/identity/provisioning.ts";
import { AwsJobs } from "../../../agent/jobs/aws-jobs.ts";
import { DefenderSender } from "../../../agent/metrics/defender/defender-sender.ts";
import type { Broker, Publication, ReceivedPublish } from "../../../agent/ports/broker.ts";
import { STREAMS } from "../../../agent/ports/outbox.ts";
import { notifyTopic } from "../../../agent/tunnels/notification.ts";
import { FileStreams } from "../../../agent/updates/download/file-streams.ts";
import { CHOICES } from "../../../config/example-values.ts";
import { type AgentConfig, agentConfig } from "../../../config/schema.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";

/** Stands for the thing, and for each id that is another every time: a job, an execution, a request, a stream, a signal table. */
export const THING = "THING";
export const ANY = "ANY";

/** What the agent does at the broker: an action of AWS IoT and what it is about, for example "iot:Subscribe topicfilter/a/+". */
export type Use = string;

/** Files of the agent that speak to the broker, each of which `usedTopics` asks. */
export const ASKED_FILES = [
  "agent/cloud/named-shadow.ts",
  "agent/cloud/presence.ts",
  "agent/cloud/request-client.ts",
  "agent/commands/channels/aws-channel.ts",
  "agent/commands/channels/companion-channel.ts",
  "agent/commands/channels/protobuf-channel.ts",
  "agent/commands/channels/sovd-channel.ts",
  "agent/daemon/compose-fleetwise.ts",
  "agent/daemon/compose-tunnels.ts",
  "agent/fleetwise/check-ins.ts",
  "agent/identity/enrol.ts",
  "agent/identity/identity-announcement.ts",
  "agent/identity/renewal-steps.ts",
  "agent/jobs/aws-jobs.ts",
  "agent/metrics/defender/defender-sender.ts",
  "agent/telemetry/campaigns/arrival/campaign-shadow.ts",
  "agent/telemetry/publish/record-publication.ts",
  "agent/updates/download/file-streams.ts",
] as const;

const never = new AbortController().signal;

/** A broker that takes everything and writes down what was asked of it. */
class Recorder implements Pick<Broker, "publish" | "subscribe" | "online" | "status"> {
  readonly uses = new Set<Use>();
  readonly handlers = new Map<string, (message: ReceivedPublish) => void>();
  readonly client: Pick<RequestClient, "listen" | "request"> = {
    listen: async (filters) => {
      for (const filter of filters) await this.subscribe(filter, () => undefined);
    },
    request: ({ topic }) => {
      this.uses.add(`iot:Publish topic/${topic}`);
      return Promise.resolve({ kind: "aborted" });
    },
  };

  publish({ topic, retain }: Publication): Promise<{ readonly kind: "acked" }> {
    this.uses.add(`iot:Publish topic/${topic}`);
    if (retain) this.uses.add(`iot:RetainPublish topic/${topic}`);
    return Promise.resolve({ kind: "acked" });
  }

  subscribe(filter: string, handler: (message: ReceivedPublish) => void): Promise<void> {
    this.handlers.set(filter, handler);
    this.uses.add(`iot:Subscribe topicfilter/${filter}`);
    this.uses.add(`iot:Receive topic/${filter.replaceAll("+", ANY)}`);
    return Promise.resolve();
  }

  online(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  status(): ReturnType<Broker["status"]> {
    return { state: "online", sinceMs: 0, fault: undefined, connects: 1, limits: undefined };
  }
}

/** What the agent of `THING` uses when everything is on that speaks to AWS IoT, and what is not set is the default. */
export async function usedTopics(change: Readonly<Record<string, unknown>> = {}): Promise<ReadonlySet<Use>> {
  const config = agentConfig.parse({
    ...CHOICES,
    thingName: THING,
    commands: { policyFile: "policy.yaml", protobuf: { enabled: true } },
    campaigns: { cloud: {} },
    ...change,
  });
  const recorder = new Recorder();
  recorder.uses.add(`iot:Connect client/${THING}`);
  await useRecordTopics(config, recorder);
  await useCommands(config, recorder);
  await useJobs(recorder);
  await useStreams(recorder);
  await useShadow(config, recorder);
  await recorder.subscribe(notifyTopic(THING), () => undefined);
  await useProvisioning(config, recorder, "causeway-dev-rotation");
  return recorder.uses;
}

/** What a vehicle uses besides, with `fleetwise`. */
export function usedByFleetwise(prefix: string): ReadonlySet<Use> {
  const { signals, checkins, states, manifests, schemes, templates } = fleetwiseTopics(prefix, THING);
  const recorder = new Recorder();
  for (const topic of [signals, checkins, states]) recorder.uses.add(`iot:Publish topic/${topic}`);
  for (const filter of [...manifests, ...schemes, ...templates]) void recorder.subscribe(filter, () => undefined);
  return recorder.uses;
}

/** What a vehicle uses besides, with `commands.sovd`. */
export async function usedBySovd(prefix: string): Promise<ReadonlySet<Use>> {
  const recorder = new Recorder();
  const names = { components: {}, routines: new Set<string>(), clear: undefined, timeoutMs: 1 };
  const parts = {
    broker: recorder,
    clock: new ManualClock(),
    log: new MemoryLog(),
    names,
    maxAnswerBytes: 80_000,
    maxRequestBytes: 1,
  };
  const channel = new SovdChannel({ ...parts, base: `${prefix}/things/${THING}/executions`, level: "sovd" });
  await channel.open(() => undefined);
  const reply = { channel: "sovd", execution: ANY, command: "read_dtcs", echo: "{}" } as const;
  await channel.report(reply, { status: "SUCCEEDED", result: {} });
  return recorder.uses;
}

/** What a vehicle uses besides, with `defender`. */
export async function usedByDefender(format: WireFormat): Promise<ReadonlySet<Use>> {
  const recorder = new Recorder();
  const clock = new ManualClock();
  const report = { id: 1, body: {}, unread: 0, leftOut: 0, unknown: [], settle: () => undefined };
  const stopping = new AbortController();
  const sender = new DefenderSender({
    place: { thing: THING, format, intervalMs: 300_000 },
    maker: { make: () => Promise.resolve(report) },
    memory: { lastId: 0, sinceLastMs: () => undefined },
    requestClient: recorder.client,
    // Without a link it would send nothing.
    broker: { online: () => Promise.resolve(LIMITS) },
    clock,
    log: new MemoryLog(),
    random: () => 0,
  });
  const running = sender.run(stopping.signal);
  await clock.run(1);
  stopping.abort();
  await running;
  return recorder.uses;
}

/** What a vehicle uses with its claim certificate. */
export async function usedByClaim(): Promise<ReadonlySet<Use>> {
  const recorder = new Recorder();
  recorder.uses.add(`iot:Connect client/claim-${ANY}`);
  await useProvisioning(agentConfig.parse(CHOICES), recorder, "causeway-dev-fleet");
  return recorder.uses;
}

async function useRecordTopics({ topics: templates }: AgentConfig, recorder: Recorder): Promise<void> {
  const topics = createTopics(templates, THING);
  const clock = new ManualClock();
  const kept = {
    retain: true,
    payload: new Uint8Array(),
    contentType: "",
    messageExpirySeconds: 0,
    userProperties: [],
  };
  for (const stream of STREAMS) await recorder.publish({ ...kept, topic: topics.record(stream), retain: false });
  await recorder.publish({ ...kept, topic: topics.test, retain: false });
  await recorder.publish({ ...kept, topic: topics.schema(ANY) });
  await recorder.publish(presencePublication({ thing: THING, bootId: ANY, topic: topics.presence, clock }, "online"));
  const certificates = { certificateId: ANY, previousCertificateId: undefined };
  await recorder.publish(identityPublication({ thing: THING, topic: topics.identity, clock }, certificates));
}

async function useCommands({ commands }: AgentConfig, recorder: Recorder): Promise<void> {
  if (commands === undefined) throw new Error("commands are off");
  const parts = { thing: THING, broker: recorder, requestClient: recorder.client, log: new MemoryLog() };
  const take = (): void => undefined;
  const aws = new AwsChannel(parts);
  await aws.open(take);
  for (const format of WIRE_FORMATS) await aws.progress({ channel: "aws", execution: ANY, format }, never);
  const names = { actuators: [], states: [] };
  const protobuf = new ProtobufChannel({ ...parts, prefix: commands.protobuf.prefix, names, read: () => undefined });
  await protobuf.open(take);
  await protobuf.progress({ channel: "protobuf", execution: ANY }, never);
  const { request, responsePrefix } = commands.companion;
  const prefix = responsePrefix.replaceAll("{thing}", THING);
  const filter = request.replaceAll("{thing}", THING);
  const companion = new CompanionChannel({ ...parts, filter, responsePrefix: prefix });
  await companion.open(take);
  // Where the companion of this project wants its answers.
  const topic = `${prefix}${ANY}/response`;
  await companion.progress({ channel: "companion", topic, correlation: undefined, format: "json", request: ANY });
}

async function useJobs(recorder: Recorder): Promise<void> {
  const jobs = new AwsJobs({ thing: THING, broker: recorder, requestClient: recorder.client, stepTimeoutMinutes: 1 });
  await jobs.open(() => undefined);
  await jobs.startNext(never);
  await jobs.pending(never);
  await jobs.describe(ANY, 1, never);
  await jobs.update({ jobId: ANY, executionNumber: 1, versionNumber: 1 }, "SUCCEEDED", {}, never);
}

async function useStreams(recorder: Recorder): Promise<void> {
  const settings = { format: "cbor", blockBytes: 256, silenceMs: 1000 } as const;
  const parts = { thing: THING, broker: recorder, clock: new ManualClock(), log: new MemoryLog(), settings };
  const streams = new FileStreams({ ...parts, token: () => "t" });
  const opening = streams.open({ kind: "stream", streamId: ANY, fileId: 0 }, 0, never);
  const base = `$aws/things/${THING}/streams`;
  const isAsked = (): boolean => recorder.uses.has(`iot:Publish topic/${base}/${ANY}/describe/cbor`);
  for (let turns = 0; !isAsked() && turns < 100; turns++) await new Promise(setImmediate);
  const payload = encodeBody("cbor", { s: 1, r: [{ f: 0, z: 256 }] });
  const message = { ...NO_PROPERTIES, topic: `${base}/${ANY}/description/cbor`, payload };
  recorder.handlers.get(`${base}/+/description/cbor`)?.(message);
  const answer = await opening;
  if (answer.kind !== "bytes") throw new Error(`the stream is ${answer.kind}`);
  // It asks for the first block, which does not come.
  void answer.body[Symbol.asyncIterator]()
    .next()
    .catch(() => undefined);
  await new Promise(setImmediate);
}

/** What a vehicle uses besides, with `shadows.state`, or with `shadows.config`. */
export async function usedByShadow(name: string): Promise<ReadonlySet<Use>> {
  const recorder = new Recorder();
  await useNamedShadow(name, recorder);
  return recorder.uses;
}

async function useShadow({ campaigns }: AgentConfig, recorder: Recorder): Promise<void> {
  if (campaigns.cloud === undefined) throw new Error("campaigns of the cloud are off");
  const { shadow, document } = campaigns.cloud;
  await useNamedShadow(shadow, recorder);
  await recorder.subscribe(document.replaceAll("{thing}", THING), () => undefined);
}

async function useNamedShadow(name: string, recorder: Recorder): Promise<void> {
  const limits = { timeoutMs: 1, maxPending: 1, maxAnswerBytes: 1 };
  const parts = { thing: THING, name, broker: recorder, clock: new ManualClock(), log: new MemoryLog(), limits };
  const shadow = new NamedShadow({ ...parts, token: () => "t" });
  await shadow.open(() => undefined);
  await shadow.get(never);
  await shadow.report({}, never);
}

async function useProvisioning({ provisioning }: AgentConfig, recorder: Recorder, template: string): Promise<void> {
  const { format } = provisioning;
  await recorder.client.listen(provisioningFilters(format, template));
  await recorder.client.request(createFromCsr(format, "csr"), never);
  await recorder.client.request(registerThing(format, template, "token", {}), never);
}

const LIMITS = { receiveMaximum: 1, maximumPacketBytes: 1, topicAliasMaximum: 0, retainAvailable: true } as const;

const NO_PROPERTIES = {
  contentType: undefined,
  responseTopic: undefined,
  correlationData: undefined,
  messageExpirySeconds: undefined,
  userProperties: [],
} as const;
