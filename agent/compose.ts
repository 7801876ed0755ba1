import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedConfig } from "../config/load.ts";
import type { AgentConfig } from "../config/schema.ts";
import { createBroker } from "../drivers/aws/mqtt5.ts";
import { createTlsIdentity } from "../drivers/aws/tls.ts";
import { createCanBus } from "../drivers/can/can-bus.ts";
import { serveLocalSocket } from "../drivers/os/local-socket.ts";
import { createLog } from "../drivers/os/log.ts";
import { createNotifier } from "../drivers/os/notify.ts";
import { readPin } from "../drivers/os/pin.ts";
import { bootId } from "../drivers/os/time-source.ts";
import { openOutbox } from "../drivers/sqlite/outbox.ts";
import { presencePublication } from "./control/presence.ts";
import type { Clock } from "./core/clock.ts";
import { AgentError, messageOf } from "./core/errors.ts";
import { runServices } from "./core/lifecycle.ts";
import { Appender } from "./data/appender.ts";
import { Collector } from "./data/collect.ts";
import { Encoder } from "./data/encode.ts";
import { Pipeline } from "./data/pipeline.ts";
import { Publisher } from "./data/publish.ts";
import { createTopics } from "./data/topics.ts";
import { loadSignalTable } from "./load-table.ts";
import {
  type BusLine,
  busService,
  linkService,
  pipelineService,
  publisherService,
  viewService,
  watchService,
} from "./services.ts";
import type { Status } from "./status.ts";
import { statusOf, stuckReason, summaryOf } from "./status-report.ts";
import { createView } from "./view.ts";

/** Beyond the drain, stopping may take this long. */
const STOP_MARGIN_MS = 5000;

/** Who may look, and how many at a time. */
const VIEW_SOCKET = { mode: 0o660, maxClients: 16, maxLineBytes: 65_536 } as const;

/** What the process gives to the daemon. `startedAtMs` is the process start on the clock's monotonic time. */
export type Surroundings = {
  readonly version: string;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly startedAtMs: number;
};

/** The daemon, wired but not started. `run` resolves after a stop in order, and rejects when it could not start or a part broke. */
export type Agent = { run(signal: AbortSignal): Promise<void> };

/**
 * The composition root: the only place that constructs drivers and wires them.
 *
 *   buses -> pipeline (decode, collect, encode) -> outbox -> publisher -> broker
 *
 * Throws `config.invalid` for what the configuration names and cannot be used, and the faults of the outbox.
 */
export async function composeAgent(loaded: LoadedConfig, surroundings: Surroundings): Promise<Agent> {
  const { config } = loaded;
  const { version, clock, environment, startedAtMs } = surroundings;
  const thing = config.thingName;
  const random = Math.random;
  const log = createLog({ level: config.log.level, priorityPrefix: environment.JOURNAL_STREAM !== undefined });
  const notifier = createNotifier({ environment, log });

  const { table, warnings } = await loadSignalTable(loaded);
  await requireReadable(config.broker.caFile, loaded.locate(["broker", "caFile"]));
  for (const warning of warnings) log.warn("config.doubtful", { warning });
  if (config.bench) log.warn("config.bench", { warning: "bench: true allows what must never be on a vehicle" });

  const { outbox } = openOutbox({
    file: join(config.stateDir, "outbox.db"),
    maxBytes: config.outbox.maxBytes,
    clock,
    log,
  });

  const boot = bootId();
  const topics = createTopics(config.topics, thing);
  const presence = { thing, bootId: boot, topic: topics.presence, clock };
  const identity = createTlsIdentity({
    identity: config.identity,
    caFile: config.broker.caFile,
    port: config.broker.port,
    readPin: () => readPin({ pinFile: pinFileOf(config), credentialsDirectory: environment.CREDENTIALS_DIRECTORY }),
    verbose: config.log.level === "debug",
  });
  const will = presencePublication(presence, "lost");
  const broker = createBroker({ config: config.broker, clientId: thing, will, identity, clock, log });

  const settings = { ...config.encode, ...config.collect, lifeMs: config.outbox.lifeMs };
  const encoder = new Encoder({ thing, bootId: boot, table, clock, settings });
  const collector = new Collector({ table, rules: config.collect.rules, batchSamples: config.collect.batchSamples });
  const publisher = new Publisher({
    outbox,
    broker,
    topics,
    settings: { ...config.broker, startedAtMs },
    lossDraft: (loss) => encoder.loss(loss),
    clock,
    log,
    random,
  });
  const appender = new Appender({
    outbox,
    clock,
    log,
    holdBytes: config.collect.holdBytes,
    wake: () => publisher.wake(),
  });
  const pipeline = new Pipeline({ table, collector, encoder, appender, clock, batchMs: config.collect.batchMs });
  const lines = config.buses.map((bus): BusLine => {
    const driver = createCanBus(bus, table.bus(bus.name).filters, { clock, log, random });
    return { bus: driver, state: "absent", detail: "not opened yet" };
  });

  const reported = {
    config,
    version,
    bootId: boot,
    key: identity.key,
    startedAtMs,
    clock,
    table,
    lines,
    pipeline,
    publisher,
    outbox,
    broker,
  };
  const status = (): Status => statusOf({ ...reported, rssBytes: () => process.memoryUsage.rss() });
  const view = createView({ status, latest: () => pipeline.latest(), outbox, clock });

  const services = [
    viewService(() =>
      serveLocalSocket({ ...VIEW_SOCKET, path: join(config.runtimeDir, "view.sock"), handlers: view, log }),
    ),
    watchService({ notifier, clock, log, unhealthy: () => stuckReason(reported), summary: () => summaryOf(status()) }),
    linkService(broker, { subject: presence, broker, log, random }),
    publisherService({ publisher, clock, drainMs: config.shutdown.drainMs }),
    pipelineService(pipeline),
    ...lines.map((line) => busService(line, pipeline.sinkFor(line.bus), log)),
  ];
  const stopMs = config.shutdown.drainMs + STOP_MARGIN_MS;
  return {
    run: async (signal) => {
      log.info("agent.started", {
        version,
        thing,
        signals: table.signals.length,
        buses: lines.length,
        key: identity.key,
      });
      try {
        await runServices(
          { services, clock, log, stopMs, onReady: () => notifier.ready(), onStopping: () => notifier.stopping() },
          signal,
        );
      } finally {
        outbox.close();
        log.info("agent.stopped", { uptimeMs: Math.round(clock.monotonicMs() - startedAtMs) });
      }
    },
  };
}

function pinFileOf({ identity }: AgentConfig): string | undefined {
  return identity.mode === "pkcs11" ? identity.pinFile : undefined;
}

async function requireReadable(file: string, place: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
  } catch (error) {
    throw new AgentError("config.invalid", {
      what: `${place} caFile cannot be read: ${messageOf(error)}`,
      remedy: "name the file with the broker's root certificates (PEM), readable for the user that runs causeway",
      cause: error,
    });
  }
}
