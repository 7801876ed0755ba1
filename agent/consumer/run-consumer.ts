import { aborted } from "../core/aborted.ts";
import type { Clock } from "../core/clock.ts";
import { EXIT } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { EncryptedRecordReader } from "../telemetry/record/read/record-decrypter.ts";
import { openRefusedFolder } from "./intake/refused-folder.ts";
import { RetainedParts } from "./intake/retained-parts.ts";
import { createTopicReader } from "./intake/topics.ts";
import { startMetricsServer } from "./metrics/metrics-server.ts";
import { workerMetrics } from "./metrics/worker-metrics.ts";
import { Session } from "./mqtt/session.ts";
import type { ConsumerConfig } from "./settings.ts";
import type { Sink } from "./store/sink.ts";
import { GapWatch } from "./worker/gap-watch.ts";
import { problemOf } from "./worker/health.ts";
import { Recall } from "./worker/recall.ts";
import { Worker } from "./worker/worker.ts";

/** Records in hand, as a multiple of what the broker sends ahead: those of connections that have broken are among them. */
const HAND_PER_RECEIVE_MAXIMUM = 4;
/** Records of a batch, where the settings do not say. */
const MOST_TOGETHER = 50;
/** A worker that leaves has taken all that was set by for it when nothing has come for so long, ms. */
const QUIET_MS = 1500;
const LOOK_EVERY_MS = 100;

export type ConsumerParts = {
  readonly config: ConsumerConfig;
  readonly sink: Sink;
  readonly reader: EncryptedRecordReader;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** Asked at the end: whether the session at the broker ends with this worker. */
  readonly isLeaving: () => boolean;
};

/**
 * Runs a worker until `signal` aborts; then it takes nothing more, commits what it has, acknowledges it and disconnects, within `stopSeconds`.
 * Resolves with the exit code: 0, or 75 where something in hand could not be committed in time, which the broker sends again. Rejects for
 * settings that cannot be used, and for bugs.
 */
export async function runConsumer(parts: ConsumerParts, signal: AbortSignal): Promise<number> {
  const { clock, log, config } = parts;
  const { worker, session, gaps } = await assemble(parts);
  const server = await startMetricsServer({
    ...config.metrics,
    metrics: () => workerMetrics({ worker, sink: parts.sink, session, gaps, clock }),
    problem: () => (signal.aborted ? "stopping" : problemOf(worker, session, clock)),
  });
  const ending = new AbortController();
  session.start();
  log.info("consumer.started", {
    group: config.group,
    slot: config.slot,
    sink: config.sink.kind,
    metricsPort: server.port,
  });
  const committing = worker.run(ending.signal);
  const watching = gaps.run(signal);
  const recalling = new Recall({ worker, session, clock, log }).run(signal);
  await Promise.race([aborted(signal), committing]);
  await recalling;
  const isDrained = await drain({ ...parts, worker, session }, committing);
  ending.abort();
  await watching;
  await parts.sink.close();
  await server.close();
  const { inHand } = worker.status();
  log.info("consumer.stopped", { isDrained, inHand, written: worker.counters.written });
  return isDrained ? EXIT.ok : EXIT.temporary;
}

function batchCount(receiveMaximum: number): number {
  return Math.max(1, Math.min(MOST_TOGETHER, Math.floor(receiveMaximum / 2)));
}

type Assembled = { readonly worker: Worker; readonly session: Session; readonly gaps: GapWatch };

async function assemble({ config, sink, reader, clock, log, random }: ConsumerParts): Promise<Assembled> {
  const { broker, batch, retry, tables, group, slot } = config;
  const topics = createTopicReader(config.topics);
  const refused = config.refused && (await openRefusedFolder(config.refused.dir, config.refused.maxBytes));
  const holdMs = tables.waitSeconds * 1000;
  const retained = new RetainedParts({ session: () => session, clock, holdMs });
  const worker = new Worker({
    settings: {
      batch: { ...batch, count: batch.count ?? batchCount(broker.receiveMaximum) },
      backoff: retry,
      tables: { waitMs: holdMs, maxSignals: tables.maxSignals },
      maxInHand: broker.receiveMaximum * HAND_PER_RECEIVE_MAXIMUM,
      maxWaitingBytes: broker.aheadBytes,
    },
    intake: { topics, reader, clock },
    sink,
    refused,
    askFor: (topic) => retained.ask(topic),
    clock,
    log,
    random,
  });
  const session = new Session({
    settings: broker,
    clientId: `${group}-${slot}`,
    filters: [...topics.filters.records.map((filter) => `$share/${group}/${filter}`), topics.filters.schema],
    onArrival: (arrival) => worker.take(arrival),
    onConnected: (isResumed) => worker.connected(isResumed),
    clock,
    log,
  });
  const { everySeconds, graceSeconds } = config.gaps;
  const settings = { everyMs: everySeconds * 1000, graceMs: graceSeconds * 1000 };
  return { worker, session, gaps: new GapWatch({ sink, settings, clock, log }) };
}

/** Whether all that was taken is committed and acknowledged. */
async function drain(
  { config, clock, log, worker, session, isLeaving }: ConsumerParts & Pick<Assembled, "worker" | "session">,
  committing: Promise<void>,
): Promise<boolean> {
  const untilMs = clock.monotonicMs() + config.stopSeconds * 1000;
  const leaves = isLeaving();
  if (leaves) await leave(session, worker, clock, untilMs);
  worker.drain();
  const isDrained = await within(
    untilMs,
    clock,
    committing.then(() => true),
  );
  if (isDrained === true) await within(untilMs, clock, session.flush());
  // With the session its messages would end: a worker that could not take them all keeps it for one of its name.
  const { left } = worker.status();
  if (leaves && left > 0) log.warn("consumer.backlog-left", { left });
  await session.stop(leaves && left === 0);
  return isDrained === true && (!leaves || left === 0);
}

/** Gives up the subscriptions, and takes what comes nevertheless until it is quiet. */
async function leave(session: Session, worker: Worker, clock: Clock, untilMs: number): Promise<void> {
  await within(untilMs, clock, session.leave());
  let seen = -1;
  let sinceMs = clock.monotonicMs();
  while (
    clock.monotonicMs() < Math.min(untilMs, sinceMs + QUIET_MS) ||
    (worker.status().inHand > 0 && clock.monotonicMs() < untilMs)
  ) {
    const { arrivals } = worker.counters;
    if (arrivals !== seen) sinceMs = clock.monotonicMs();
    seen = arrivals;
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/** What `promise` gives, or undefined when it does not in time. */
async function within<T>(untilMs: number, clock: Clock, promise: Promise<T>): Promise<T | undefined> {
  const late = new AbortController();
  const leftMs = Math.max(0, untilMs - clock.monotonicMs());
  const outcome = await Promise.race([promise, clock.sleep(leftMs, late.signal).then(() => undefined)]);
  late.abort();
  return outcome;
}
