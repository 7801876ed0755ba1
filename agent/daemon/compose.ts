import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { loadYamlFile } from "../../config/load.ts";
import { type Policy, policySchema } from "../../config/policy.ts";
import type { AgentConfig } from "../../config/schema.ts";
import { createBroker } from "../../drivers/aws/mqtt5.ts";
import { createCanBus } from "../../drivers/can/can-bus.ts";
import { createLog } from "../../drivers/os/log.ts";
import { createNotifier } from "../../drivers/os/notify.ts";
import { restartSystem } from "../../drivers/os/restart.ts";
import { bootId } from "../../drivers/os/time-source.ts";
import { createRollbackIndexFile } from "../../drivers/os/versions/update-files.ts";
import { openJournal } from "../../drivers/sqlite/journal/journal.ts";
import { noJournal } from "../../drivers/sqlite/journal/no-journal.ts";
import { presencePublication } from "../cloud/presence.ts";
import { createTopics } from "../cloud/topics.ts";
import type { CatalogueFile } from "../commands/actions/catalogue.ts";
import { LedgerSeal } from "../commands/ledger-seal.ts";
import { type Clock, onBench } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import { runServices, type Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import { keepRecent } from "../core/recent-log.ts";
import { commandStatus } from "../local-api/commands-handlers.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Broker } from "../ports/broker.ts";
import type { Journal } from "../ports/journal.ts";
import type { SocketCounts } from "../ports/local-socket.ts";
import { CONTROL_SHARE, type Outbox } from "../ports/outbox.ts";
import { memoryBounds } from "../ports/outbox-faults.ts";
import { LatestSignals } from "../signals/latest-signals.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import type { TableSource } from "../signals/table-source.ts";
import { commandsSection } from "../support/sections.ts";
import type { SupportCollector } from "../support/support-collector.ts";
import { Appender } from "../telemetry/appender.ts";
import { Collector } from "../telemetry/collect/collector.ts";
import type { RecordSink } from "../telemetry/durable-records/record-sink.ts";
import { FrameCapture } from "../telemetry/frame-capture.ts";
import { type HealthFacts, stuckReason } from "../telemetry/health.ts";
import { Pipeline } from "../telemetry/pipeline.ts";
import { Publisher } from "../telemetry/publish/publisher.ts";
import type { AuditEntry } from "../telemetry/record/encode/audit.ts";
import { Encoder } from "../telemetry/record/encode/encoder.ts";
import type { Notice } from "../telemetry/record/encode/events.ts";
import type { OutgoingFile } from "../telemetry/record/encode/file.ts";
import { PayloadBound } from "../telemetry/record/encode/payload-bound.ts";
import type { EncodedDraft } from "../telemetry/record/encode/record-sealer.ts";
import type { UpdatePhase } from "../telemetry/record/encode/update-phase.ts";
import { ClockSteps } from "../vehicle/safety-gate.ts";
import { composeCommands, loadCatalogue, transmitIds } from "./compose-commands.ts";
import { composeKeyWatch, monotonicCounter } from "./compose-keys.ts";
import { composeOutbox } from "./compose-outbox.ts";
import { composeProxy } from "./compose-proxy.ts";
import { composeRenewal } from "./compose-renewal.ts";
import { composeSockets, composeVerbs, noClients } from "./compose-sockets.ts";
import { composeSupport } from "./compose-support.ts";
import { composeUpdate, type Updates } from "./compose-update.ts";
import { configProblems, logProblems } from "./config-status.ts";
import { identityStatusOf } from "./identity-status.ts";
import { keepAsLastGood } from "./last-good.ts";
import type { DaemonConfig } from "./layered-config.ts";
import { type OpenIdentity, openIdentity } from "./open-identity.ts";
import {
  busService,
  clockService,
  linkService,
  loopService,
  type ObservedBus,
  pipelineService,
  publisherService,
  watchService,
} from "./services.ts";
import { healthFactsOf, type StatusParts, statusOf, summaries } from "./status-report.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Bounds of the command ledger in the journal of an agent that takes no commands. */
const DEFAULT_LEDGER = { maxCommands: 100, maxReads: 10, maxRefused: 10, keepHours: 1 } as const;
/** Beyond the drain, stopping may take this long. */
const STOP_MARGIN_MS = 5000;

/** What the process gives to the daemon. `startedAtMs` is the process start on the clock's monotonic time. */
export type ProcessContext = {
  readonly version: string;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly startedAtMs: number;
};

/** The daemon, wired but not started. `run` resolves after a stop in order, and rejects when it could not start or a part broke. */
export type Agent = { run(signal: AbortSignal): Promise<void> };

/** What every part below is made with. */
type Base = ProcessContext & {
  readonly loaded: DaemonConfig;
  readonly config: AgentConfig;
  readonly table: SignalTable;
  readonly sources: readonly TableSource[];
  readonly catalogue: CatalogueFile;
  readonly outbox: Outbox;
  readonly identities: OpenIdentity;
  readonly log: Log;
  readonly socketCounts: { readonly view: SocketCounts; readonly admin: SocketCounts };
  readonly bootId: string;
  readonly random: () => number;
};

/**
 * The composition root: the only place that constructs drivers and wires them.
 *
 *   buses -> pipeline (decode, collect, encode) -> outbox -> publisher -> broker
 *
 * Throws `config.invalid` for what the configuration names and cannot be used, and the faults of the outbox.
 */
export async function composeAgent(loaded: DaemonConfig, processContext: ProcessContext): Promise<Agent> {
  const { config } = loaded;
  const { environment, startedAtMs, version } = processContext;
  const clock = config.bench ? onBench(processContext.clock) : processContext.clock;
  const written = createLog({ level: config.log.level, priorityPrefix: environment.JOURNAL_STREAM !== undefined });
  const { log, recent } = keepRecent(written, clock, config.support.logLines);
  const identities = openIdentity({ config, environment, log, verbose: config.log.level === "debug" });
  // The TPM answers while the rest is made.
  identities.prepare();
  const { table, sources } = loaded.checkedTable;
  const catalogue = await loadCatalogue(config);
  const problems = configProblems(loaded);
  logProblems(loaded, problems, log);
  const boot = bootId();
  const outbox = composeOutbox({ config, bootId: boot, clock, log });
  const base = {
    ...processContext,
    clock,
    loaded,
    config,
    table,
    sources,
    catalogue,
    outbox,
    identities,
    log,
    socketCounts: { view: noClients(), admin: noClients() },
    bootId: boot,
    random: Math.random,
  };
  const link = composeLink(base);
  const line = composeLine(base, link.broker);
  const journal = openLedger(base);
  const support = composeSupport({ ...base, ...link, recent });
  const commands = await composeRemote(base, journal, link, line, support);
  const { pipeline, publisher, buses: lines } = line;
  const health = () => healthFactsOf({ ...base, broker: link.broker, pipeline, publisher, lines });
  const updates = await composeUpdates(base, journal, link, line, support, health);
  const status = (): Status => statusOf(reportedBy(base, link, line, { commands, updates }));
  support.include("status", status);
  const services = composeServices(base, link, line, { commands, updates, support, status });
  const notifier = createNotifier({ environment, log });
  const unhealthy = (): string | undefined => stuckReason(health());
  const watched = watchService({ unhealthy, summary: summaries(status), notifier, clock, log });
  return {
    run: async (signal) => {
      const { key } = link.identities.inUse;
      log.info("agent.started", { version, thing: config.thingName, signals: table.signals.length, key });
      const stopMs = config.shutdown.drainMs + STOP_MARGIN_MS;
      line.notices.handOver(problems.map(({ event, what }) => ({ event, detail: what })));
      const onReady = (): void => {
        notifier.ready();
        void keepAsLastGood(loaded, clock, log);
      };
      const told = { onReady, onStopping: () => notifier.stopping() };
      try {
        await runServices({ services: [watched, ...services], clock, log, stopMs, ...told }, signal);
      } finally {
        outbox.close();
        journal?.close();
        log.info("agent.stopped", { uptimeMs: Math.round(clock.monotonicMs() - startedAtMs) });
      }
    },
  };
}

/** The key, the session with the broker, and the announcement of it. */
function composeLink({ config, version, environment, identities, bootId, clock, log, random }: Base) {
  const { broker: settings, thingName: thing } = config;
  const topics = createTopics(config.topics, thing);
  const subject = { thing, bootId, topic: topics.presence, clock };
  const will = presencePublication(subject, "lost");
  const proxy = composeProxy({ config, environment })(settings.host);
  const keep = { folder: config.stateDir, version };
  const session = { config: settings, clientId: thing, will };
  const broker = createBroker(session, { identity: identities.inUse, proxy, clock, log, keep });
  const keyWatch = composeKeyWatch({
    config,
    environment,
    identityStore: identities.identityStore,
    broker,
    clock,
    log,
  });
  const renewal = composeRenewal({ config, environment, clock, log, random, identities, broker });
  return { identities, broker, renewal, keyWatch, presence: { subject, broker, log, random } };
}

/** The line from the buses to the broker. */
function composeLine(base: Base, broker: Broker) {
  const { config, table, outbox, bootId, clock, log, random, startedAtMs } = base;
  const { thingName: thing, collect } = config;
  const settings = { ...config.encode, timeResolutionUs: collect.timeResolutionUs, lifeMs: config.outbox.lifeMs };
  const payload = new PayloadBound(config.encode.maxPayloadBytes, broker, log);
  const encoder = new Encoder({ thing, bootId, table, clock, settings, maxPayloadBytes: () => payload.bytes() });
  const publisher = new Publisher({
    outbox,
    broker,
    topics: createTopics(config.topics, thing),
    settings: { ...config.broker, maxGapMs: config.outbox.maxGapDays * DAY_MS, startedAtMs },
    lossDraft: (loss) => encoder.loss(loss),
    clock,
    log,
    random,
  });
  const wake = (): void => publisher.wake();
  const appender = new Appender({ outbox, clock, log, holdBytes: memoryBounds(collect.holdBytes).waitingBytes, wake });
  const collector = new Collector({ table, rules: collect.rules, batchSamples: collect.batchSamples });
  const capture = new FrameCapture(encoder, appender);
  const pipeline = new Pipeline({ table, collector, encoder, appender, capture, clock, batchMs: collect.batchMs });
  const buses = config.buses.map((bus): ObservedBus => {
    const permitted = transmitIds(base.catalogue.value, base.sources, bus.name);
    const driver = createCanBus(bus, table.bus(bus.name).filters, permitted, { clock, log, random });
    return { bus: driver, state: "absent", detail: "not opened yet" };
  });
  const sinkOf = <T>(draftOf: (entry: T) => EncodedDraft, maxBytes = Number.POSITIVE_INFINITY): RecordSink<T> => ({
    handOver: (entries) => {
      for (const entry of entries) appender.add(draftOf(entry));
      appender.store();
    },
    hasRoom: () => outbox.stats().streams.control.bytes < maxBytes,
    isStored: () => appender.state().kind === "storing",
  });
  const auditBytes = config.commands?.audit.maxBytes ?? config.outbox.maxBytes * CONTROL_SHARE;
  const audit = sinkOf((entry: AuditEntry) => encoder.audit(entry), auditBytes);
  const notices = sinkOf((notice: Notice) => encoder.notice(notice));
  const phases = sinkOf((phase: UpdatePhase) => encoder.updatePhase(phase));
  const sendFile = (file: OutgoingFile): number => {
    const drafts = encoder.file(file);
    for (const draft of drafts) appender.add(draft);
    appender.store();
    return drafts.length;
  };
  const signals = new LatestSignals(table, collector.latest);
  const steps = new ClockSteps(clock);
  return { publisher, pipeline, collector, capture, audit, notices, phases, sendFile, buses, signals, steps };
}

/** The line from the doors of remote commands to their actions; undefined where none are taken. */
async function composeRemote(
  base: Base,
  journal: Journal | undefined,
  { broker, renewal }: CloudLink,
  line: DataLine,
  support: SupportCollector,
) {
  const { commands: commandsConfig } = base.config;
  if (commandsConfig === undefined || journal === undefined) return undefined;
  const policy = await policyOf(base);
  const seal = await openSeal(base, journal);
  const acting = { commandsConfig, policy, renewal, seal, restart: () => restartSystem(base.config.runtimeDir) };
  const commands = composeCommands({ ...base, ...line, ...acting, lines: line.buses, journal, broker, support });
  const { ledger } = commands.dispatchParts;
  support.include("commands", () => commandsSection(journal, (limit) => ledger.list(limit)));
  return { ...commands, journal, seal, log: base.log };
}

/** What vouches for the ledger: a second file, and the TPM where it is asked to. */
function openSeal({ config, environment, log }: Base, journal: Journal): Promise<LedgerSeal> {
  const index = config.commands?.floorCounter?.index;
  return LedgerSeal.open({
    journal,
    copy: createRollbackIndexFile(config.stateDir, "ledger-seal.json"),
    counter: index === undefined ? undefined : monotonicCounter(config, environment, index),
    newId: randomUUID,
    log,
  });
}

/** Who may ask for what. Where the configuration cannot be used, a policy that cannot either lets nobody ask for anything. */
async function policyOf({ config, loaded, log }: Base): Promise<Policy> {
  const file = config.commands?.policyFile ?? "";
  try {
    return (await loadYamlFile(file, policySchema)).value;
  } catch (thrown) {
    if (loaded.copy === undefined || !(thrown instanceof AgentError)) throw thrown;
    log.error("command.policy-unusable", { file, what: thrown.message });
    return policySchema.parse({ schemaVersion: 1, allow: [] });
  }
}

/** The journal, where something needs it. One that cannot be opened takes what needs it away, not the rest of the agent. */
function openLedger({ config, clock, log }: Base): Journal | undefined {
  if (config.commands === undefined && config.ota === undefined) return undefined;
  const { keepHours, ...bounds } = config.commands?.ledger ?? DEFAULT_LEDGER;
  const file = join(config.stateDir, "journal.db");
  try {
    return openJournal({ ...bounds, keepMs: keepHours * HOUR_MS, file, clock, log });
  } catch (thrown) {
    if (!(thrown instanceof AgentError) || !thrown.code.startsWith("journal.")) throw thrown;
    log.error("journal.not-opened", { file, code: thrown.code, what: thrown.message, remedy: thrown.remedy });
    return noJournal(thrown);
  }
}

/** Updates; undefined where none are taken. */
async function composeUpdates(
  base: Base,
  journal: Journal | undefined,
  link: CloudLink,
  { phases, sendFile, signals, steps }: DataLine,
  support: SupportCollector,
  health: () => HealthFacts,
): Promise<Updates | undefined> {
  const { config } = base;
  if (config.ota === undefined || journal === undefined) return undefined;
  const diagnostics = { collect: () => support.collect(), send: sendFile };
  const reached = { phases, signals, steps, diagnostics, health };
  try {
    return await composeUpdate({ ...base, ...link, ...reached, otaConfig: config.ota, journal });
  } catch (thrown) {
    // Where the configuration cannot be used, what says who may update may be gone too.
    if (base.loaded.copy === undefined || !(thrown instanceof AgentError) || thrown.code !== "config.invalid")
      throw thrown;
    base.log.error("update.not-taken", { what: thrown.message, remedy: thrown.remedy });
    return undefined;
  }
}

type RemoteControl = Awaited<ReturnType<typeof composeRemote>>;
/** What acts, or tells, at the request of others. */
type Control = {
  readonly commands: RemoteControl;
  readonly updates: Updates | undefined;
  readonly support: SupportCollector;
  readonly status: () => Status;
};
type CloudLink = ReturnType<typeof composeLink>;
type DataLine = ReturnType<typeof composeLine>;

/** In the order of their start; they stop in the reverse order, so that what is upstream is empty before what is downstream ends. */
function composeServices(base: Base, link: CloudLink, line: DataLine, control: Control): readonly Service[] {
  const { commands, updates } = control;
  const { config, clock, log } = base;
  const { publisher, pipeline, buses } = line;
  const retryNow = (): void => {
    link.broker.retryNow();
    publisher.retryNow();
  };
  const signals = { latest: () => pipeline.latest(), clock };
  const verbs = composeVerbs({ ...control, signals, buffer: { ...base, retryNow }, identity: { ...link, log } });
  return [
    ...composeSockets({ ...base, verbs }),
    clockService({ clock, log, onSet: () => link.broker.retryNow(), steps: line.steps }),
    linkService(link.broker, link.presence),
    // Before the first connection, which may deliver what waited in the session at once.
    ...(commands === undefined ? [] : [commands.service]),
    ...(link.renewal === undefined ? [] : [loopService("renewal", link.renewal)]),
    ...(link.keyWatch === undefined ? [] : [loopService("key watch", link.keyWatch)]),
    publisherService({ publisher, clock, drainMs: config.shutdown.drainMs }),
    pipelineService(pipeline),
    ...buses.map((line) => busService(line, pipeline.sinkFor(line.bus), log)),
    ...(updates?.services ?? []),
  ];
}

function reportedBy(
  base: Base,
  link: CloudLink,
  line: DataLine,
  { commands, updates }: Pick<Control, "commands" | "updates">,
): StatusParts {
  const { broker, identities, renewal } = link;
  const { pipeline, publisher, buses: lines } = line;
  const rssBytes = (): number => process.memoryUsage.rss();
  const renewing = renewal === undefined ? undefined : () => renewal.status();
  const identity = () =>
    identityStatusOf({
      identities,
      renewal: renewing,
      keyProblems: link.keyWatch?.problems() ?? [],
      clock: base.clock,
    });
  const about = { lines, pipeline, publisher, commands: () => commandStatus(commands), updates: updates?.report };
  return { ...base, ...about, broker, identity, rssBytes };
}
