import { createCanBus } from "../../drivers/can/can-bus.ts";
import { keepCompiledCode } from "../../drivers/os/compiled-code.ts";
import { createNotifier } from "../../drivers/os/notify.ts";
import { createTopics } from "../cloud/topics.ts";
import type { CatalogueFile } from "../commands/actions/catalogue.ts";
import { runServices, type Service } from "../core/lifecycle.ts";
import { configProblems } from "../local-api/config-problems.ts";
import { healthFactsOf, statusOf } from "../local-api/status-handlers.ts";
import type { Status } from "../local-api/status-schema.ts";
import { summaries } from "../local-api/status-summary.ts";
import type { Broker } from "../ports/broker.ts";
import { CONTROL_SHARE, type Outbox } from "../ports/outbox.ts";
import { LatestSignals } from "../signals/latest-signals.ts";
import { WantedSignals } from "../signals/wanted-signals.ts";
import { statusChecks } from "../support/status-checks.ts";
import { ActiveCodes } from "../telemetry/active-codes.ts";
import { Appender } from "../telemetry/appender.ts";
import { Collector } from "../telemetry/collect/collector.ts";
import { FrameCapture } from "../telemetry/frame-capture.ts";
import { type HealthFacts, stuckReason } from "../telemetry/health.ts";
import { KnownPosition } from "../telemetry/known-position.ts";
import { Pipeline } from "../telemetry/pipeline.ts";
import type { Delivered } from "../telemetry/publish/in-flight.ts";
import { Publisher } from "../telemetry/publish/publisher.ts";
import { Encoder } from "../telemetry/record/encode/encoder.ts";
import { PayloadBound } from "../telemetry/record/encode/payload-bound.ts";
import type { PayloadEncrypter } from "../telemetry/record/encode/record-sealer.ts";
import { VehicleFacts } from "../telemetry/vehicle-facts.ts";
import { ClockSteps } from "../vehicle/time/clock-steps.ts";
import { type BegunStart, beginStart } from "./begin-start.ts";
import { compiledCodeService } from "./compiled-code-service.ts";
import { composeCampaigns } from "./compose-campaigns.ts";
import { composeCloudCampaigns } from "./compose-cloud-campaigns.ts";
import type { ControlLine } from "./compose-commands.ts";
import { composeControlLine } from "./compose-control-line.ts";
import { composeEncrypter } from "./compose-encryption.ts";
import type { CollectingParts } from "./compose-fleetwise.ts";
import { composeFrameLog, type FrameLogLine } from "./compose-frame-log.ts";
import { composeRecordSinks } from "./compose-record-sinks.ts";
import { composeSockets, composeVerbs, noClients } from "./compose-sockets.ts";
import { composeJournal, composeOutbox } from "./compose-storage.ts";
import { composeSupport } from "./compose-support.ts";
import { composeUpdates, type Updates } from "./compose-updates.ts";
import { loadCatalogue, transmitIds } from "./configuration/command-files.ts";
import { keepAsLastGood } from "./configuration/last-good.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import { logProblems } from "./configuration/log-problems.ts";
import { busLoadOf, lineMetrics } from "./line-metrics.ts";
import { type OutboxKey, openOutboxKey } from "./outbox-key.ts";
import type { CloudLink, DataLine, Runtime, SideLines } from "./parts.ts";
import type { ProcessContext } from "./process-context.ts";
import { releaseMemory } from "./release-memory.ts";
import { type RequestIds, requestIdsOf, transmitPermission } from "./request-ids.ts";
import {
  busService,
  clockService,
  deliveryService,
  linkService,
  loopService,
  memoryService,
  type ObservedBus,
  pipelineService,
  publisherService,
  watchService,
} from "./services.ts";
import { composeSideLines } from "./side-lines.ts";
import { noteStarted, tellStart } from "./tell-start.ts";
import { TpmQuestion } from "./tpm-question.ts";
import { workUnderWay } from "./work-under-way.ts";

const DAY_MS = 86_400_000;
/** For how long frames are gathered where nobody waits for one: neither a command for what confirms it nor a tester for an answer. */
const GATHER_MS = 100;
/** And no longer than this part of a batch. */
const GATHER_SHARE = 0.1;
/** Beyond the drain, stopping may take this long. */
const STOP_MARGIN_MS = 5000;

/** The daemon, wired but not started. `run` resolves after a stop in order, and rejects when it could not start or a part broke. */
export type Agent = { run(signal: AbortSignal): Promise<void> };

/**
 * The composition root: every part of the daemon is made here, or by the `compose` function that is named here, and wired by name.
 * Drivers are made in this room, and by verbs of the CLI that need no daemon; no other room imports one.
 *
 *   buses -> pipeline (decode, collect, encode) -> outbox -> publisher -> broker
 *   broker -> channels -> dispatch -> actions -> reporter -> broker
 *
 * Throws `config.invalid` for what the configuration names and cannot be used, and the faults of the outbox.
 */
export async function composeAgent(
  loaded: DaemonConfig,
  context: ProcessContext,
  question = new TpmQuestion(context.environment),
): Promise<Agent> {
  const begun = await beginStart(loaded.config, context, question);
  try {
    return await composeOn(begun, loaded);
  } catch (thrown) {
    await begun.link.broker.stop();
    throw thrown;
  }
}

async function composeOn(begun: BegunStart, loaded: DaemonConfig): Promise<Agent> {
  const { runtime, book, recentLog, security, identities, link } = begun;
  const { config } = loaded;
  const { clock, log, environment, version, startedAtMs, marks } = runtime;
  const catalogue = await loadCatalogue(config);
  const problems = configProblems(loaded);
  logProblems(loaded, problems, log);
  const outboxKey = await openOutboxKey(config, runtime);
  const outbox = composeOutbox(config, outboxKey, runtime);
  marks?.note("outbox");
  // Only who holds the outbox: a second agent would take the session from the first.
  if (mayConnectAhead(config)) await link.broker.connectAhead();
  marks?.note("link");
  const journal = composeJournal(config, runtime);
  const frameLog = composeFrameLog(config, runtime);
  const encrypter = await composeEncrypter(loaded, runtime);
  const made = composeDataLine(
    { loaded, catalogue, outbox, outboxKey, encrypter, broker: link.broker, frameLog },
    runtime,
  );
  const { line, shared, requestIds } = made;
  const beside = await composeSideLines(
    { loaded, link, line, shared, requestIds, journal, book, events: security?.events },
    runtime,
  );
  const support = composeSupport({ config, identities, recent: recentLog.recent }, runtime);
  beside.files?.offer(support);
  const health = (): HealthFacts => healthFactsOf({ loaded, link, line }, clock);
  const { commands: commandsConfig, ota: otaConfig } = config;
  const commands =
    commandsConfig === undefined || journal === undefined
      ? undefined
      : await composeControlLine({ loaded, commandsConfig, catalogue, journal, link, line, support, beside }, runtime);
  const updates =
    otaConfig === undefined || journal === undefined
      ? undefined
      : await composeUpdates({ loaded, otaConfig, journal, link, line, support, health, beside }, runtime);
  const authority = commands?.dispatchParts.authority;
  beside.tunnels?.judgeBy(authority);
  const cloudCampaigns = composeCloudCampaigns(
    { config, table: loaded.checkedTable.table, link, campaigns: line.campaigns, authority },
    runtime,
  );
  const socketCounts = { view: noClients(), admin: noClients() };
  const statusParts = { loaded, link, line, frameLog, commands, updates, beside, socketCounts };
  beside.sleep?.keeper.addHold(() => workUnderWay(commands, updates));
  const status = (): Status => statusOf(statusParts, runtime);
  runtime.metrics.tellStatus(status, clock, startedAtMs);
  beside.shadows?.tellStatus(status);
  support.include("status", status);
  support.include("checks", () => statusChecks(status()));
  if (beside.fleetwise !== undefined) support.include("fleetwise", beside.fleetwise.facts);
  const verbs = composeVerbs({ status, link, line, commands, updates, support, recentLog, beside }, runtime);
  const sockets = composeSockets({ config, environment, verbs, socketCounts, log });
  const notifier = createNotifier({ environment, log });
  const unhealthy = (): string | undefined => stuckReason(health());
  const watch = watchService({ unhealthy, summary: summaries(status), notifier, clock, log });
  const others = servicesInOrder(
    { watch, sockets, collecting: { link, line, frameLog, beside }, commands, updates, cloudCampaigns },
    config.shutdown.drainMs,
    runtime,
  );
  const memory = memoryService(() => releaseMemory(), clock, log);
  const services = [...others, ...(beside.metrics?.services ?? []), memory];
  const onReady = (): void => {
    notifier.ready();
    marks?.note("ready");
    void keepAsLastGood(loaded, clock, log);
  };
  const stopMs = config.shutdown.drainMs + STOP_MARGIN_MS;
  marks?.note("composed");
  const told = {
    onReady,
    onStarted: (name: string) => noteStarted(marks, name),
    onStopping: () => notifier.stopping(),
  };
  return {
    run: async (signal) => {
      const signals = loaded.checkedTable.table.signals.length;
      log.info("agent.started", { version, thing: config.thingName, signals, key: identities.inUse.key });
      void tellStart(link.broker, runtime, signal);
      try {
        line.records.notices.handOver(problems.map(({ event, what }) => ({ event, detail: what })));
        outboxKey.tellTo((detail) => line.records.notices.handOver([{ event: "outbox.key-lost", detail }]));
        await runServices({ services, clock, log, stopMs, ...told }, signal);
      } finally {
        // Also where the service "link" was not started any more.
        await link.broker.stop();
        outbox.close();
        journal?.close();
        log.info("agent.stopped", { uptimeMs: Math.round(clock.monotonicMs() - startedAtMs) });
      }
    },
  };
}

/**
 * A start waits for the network and the key on one side, for the disk and this thread on the other, and neither for the other: so the
 * connection is made while the rest is composed, and nobody sees it before the service "delivery". Not where the state of the vehicle has a
 * keep-alive of its own, which is known later.
 */
function mayConnectAhead({ power }: DaemonConfig["config"]): boolean {
  return Object.values(power?.states ?? {}).every((state) => state?.keepAliveSeconds === undefined);
}

/** Everything that is started. */
type ServiceParts = {
  readonly watch: Service;
  readonly sockets: readonly Service[];
  readonly collecting: {
    readonly link: CloudLink;
    readonly line: DataLine;
    readonly frameLog: FrameLogLine | undefined;
    readonly beside: SideLines;
  };
  readonly commands: ControlLine | undefined;
  readonly updates: Updates | undefined;
  readonly cloudCampaigns: Service | undefined;
};

/** In the order of their start; they stop in the reverse order, so that what is upstream is empty before what is downstream ends. */
function servicesInOrder(
  { watch, sockets, collecting, commands, updates, cloudCampaigns }: ServiceParts,
  drainMs: number,
  { clock, log, environment }: Runtime,
): readonly Service[] {
  const { link, line, frameLog, beside } = collecting;
  const {
    fleetwise,
    vehicle: vehicleLine,
    regime,
    place,
    fences,
    sleep,
    diagnostics,
    links,
    time,
    security,
    defender,
    programs,
  } = beside;
  const { broker, renewal, keyWatch, presence } = link;
  const { publisher, campaigns, pipeline, buses, vehicle } = line;
  return [
    watch,
    beside.systemBus,
    ...sockets,
    clockService({ clock, log, onSet: () => broker.retryNow(), steps: vehicle.steps }),
    ...(security === undefined ? [] : [security.service]),
    linkService(broker, presence),
    // Before the service "delivery", from which on the broker may hand over what waited in the session.
    ...(commands?.services ?? []),
    ...(cloudCampaigns === undefined ? [] : [cloudCampaigns]),
    ...(fleetwise === undefined ? [] : [fleetwise.documents]),
    ...(beside.tunnels === undefined ? [] : [beside.tunnels.service]),
    ...(beside.shadows === undefined ? [] : [beside.shadows.service]),
    ...(renewal === undefined ? [] : [loopService("renewal", renewal)]),
    ...(keyWatch === undefined ? [] : [loopService("key watch", keyWatch)]),
    ...(defender === undefined ? [] : [defender.service]),
    ...(links?.services ?? []),
    publisherService({ publisher, clock, drainMs }),
    ...campaigns.services.beforePipeline,
    // After the buses stop, it writes what they delivered last.
    ...(frameLog === undefined ? [] : [loopService("frame log", frameLog.log)]),
    ...(regime === undefined ? [] : [regime.service]),
    pipelineService(pipeline),
    ...campaigns.services.afterPipeline,
    ...(fleetwise === undefined ? [] : [fleetwise.collecting]),
    ...buses.map((observed) => {
      const { name } = observed.bus;
      const own = pipeline.sinkFor(observed.bus);
      const sink = fleetwise?.besides(name, own) ?? own;
      const shown = diagnostics?.besides(name, sink) ?? sink;
      const told = place?.besides(name, shown) ?? shown;
      return busService(observed, sleep?.besides(name, told) ?? told, log);
    }),
    ...[fences, place, time, beside.files, programs].flatMap((line) => (line === undefined ? [] : [line.service])),
    ...(vehicleLine?.services ?? []),
    ...(diagnostics?.services ?? []),
    ...(updates?.services ?? []),
    ...(sleep === undefined ? [] : [sleep.service]),
    compiledCodeService(clock, () => keepCompiledCode(environment)),
    deliveryService(broker),
  ];
}

/** `catalogue` says which frames may be sent on each bus. */
type DataLineParts = {
  readonly loaded: DaemonConfig;
  readonly catalogue: CatalogueFile;
  readonly outbox: Outbox;
  readonly outboxKey: OutboxKey;
  readonly encrypter: PayloadEncrypter | undefined;
  readonly broker: Broker;
  readonly frameLog: FrameLogLine | undefined;
};

/** What `composeDataLine` makes: the line from the buses to the broker, and what of it a line beside it shares. */
type MadeDataLine = {
  readonly line: DataLine;
  readonly shared: CollectingParts;
  readonly requestIds: ReadonlyMap<string, RequestIds>;
};

function composeDataLine(parts: DataLineParts, runtime: Runtime): MadeDataLine {
  const { loaded, catalogue, outbox, outboxKey, encrypter, broker, frameLog } = parts;
  const { config, checkedTable } = loaded;
  const { table, sources } = checkedTable;
  const found = loaded.campaigns;
  const { thingName: thing, collect } = config;
  const { bootId, clock, log, random, startedAtMs } = runtime;
  const tellsSaved = config.time !== undefined;
  const { timeResolutionUs } = collect;
  const settings = { ...config.encode, timeResolutionUs, lifeMs: config.outbox.lifeMs, tellsSaved };
  const payload = new PayloadBound(config.encode.maxPayloadBytes, broker, log);
  const maxPayloadBytes = (): number => payload.bytes();
  const encoder = new Encoder({ thing, bootId, table, clock, encrypter, settings, maxPayloadBytes });
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
  const delivered = (): Delivered | undefined => publisher.delivered();
  const appender = new Appender({ outbox, clock, log, holdBytes: collect.holdBytes, wake, delivered });
  const collector = new Collector(table);
  const wanted = new WantedSignals(table);
  if (frameLog !== undefined) wanted.want("frame log", { signals: [], frames: frameLog.frames });
  const capture = new FrameCapture(encoder, appender, wanted);
  const requestIds = requestIdsOf(config.diagnostics);
  const isAwaited = config.commands !== undefined || config.diagnostics !== undefined;
  const gatherMs = isAwaited ? 0 : Math.min(GATHER_MS, Math.floor(collect.batchMs * GATHER_SHARE));
  const buses = config.buses.map((bus): ObservedBus => {
    const ids = transmitIds(catalogue.value, sources, bus.name);
    const permitted = transmitPermission(bus, ids, requestIds.get(bus.name));
    const driver = createCanBus(bus, [], permitted, { clock, log, random, gatherMs });
    wanted.attach(driver);
    const hasNarrowed = (): boolean => wanted.hasNarrowed(bus.name);
    return {
      bus: driver,
      load: busLoadOf(bus, driver, table, clock),
      hasNarrowed,
      state: "absent",
      detail: "not opened yet",
    };
  });
  const activeCodes = new ActiveCodes();
  const vehicleFacts = new VehicleFacts();
  const position = new KnownPosition();
  const campaigns = composeCampaigns(
    { config, wanted, collector, encoder, appender, outbox, buses, found },
    { clock, log, broker, activeCodes, vehicleFacts, position, outboxKey },
  );
  const takers = { capture, history: campaigns.history, frameLog: frameLog?.log };
  const { batchMs } = collect;
  const pipeline = new Pipeline({
    table,
    collector,
    campaigns: campaigns.set,
    encoder,
    appender,
    takers,
    clock,
    batchMs,
  });
  const auditBytes = config.commands?.audit.maxBytes ?? config.outbox.maxBytes * CONTROL_SHARE;
  const records = composeRecordSinks({ encoder, appender, outbox, auditBytes });
  const signals = new LatestSignals(table, collector.latest, (who, held) => wanted.holdSignals(who, held));
  const steps = new ClockSteps(clock);
  runtime.metrics.add(...lineMetrics(appender, publisher, steps));
  const vehicle = { signals, steps, clock, facts: vehicleFacts };
  const told = { loggedFile: () => frameLog?.log.status().file, activeCodes, position, vehicle };
  const line = { buses, pipeline, campaigns, capture, records, outbox, publisher, ...told };
  return { line, shared: { encoder, appender, wanted }, requestIds };
}
