import { aborted } from "../core/aborted.ts";
import type { Clock } from "../core/clock.ts";
import { EXIT } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { EncryptedRecordReader } from "../telemetry/record/read/record-decrypter.ts";
import { GapWatch } from "./gap-watch.ts";
import { startMetricsServer } from "./metrics-server.ts";
import { Session } from "./mqtt/session.ts";
import { openRefusedFolder } from "./refused-folder.ts";
import { RetainedParts } from "./retained-parts.ts";
import type { ConsumerConfig } from "./settings.ts";
import type { Sink } from "./sink.ts";
import { createTopicReader } from "./topics.ts";
import { Worker } from "./worker.ts";
import { workerMetrics } from "./worker-metrics.ts";

/** Records in hand, as a multiple of what the broker sends ahead: those of connections that have broken are among them. */
const HAND_PER_RECEIVE_MAXIMUM = 4;
/** Records of a batch, where the settings do not say. */
const MOST_TOGETHER = 50;
/** Commits that fail in a row before the worker says that it is not well. */
const TOLERATED_FAILURES = 3;
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
    problem: () => problemOf(worker, session, signal),
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
  await Promise.race([aborted(signal), committing]);
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
    clock,
    log,
  });
  const { everySeconds, graceSeconds } = config.gaps;
  const settings = { everyMs: everySeconds * 1000, graceMs: graceSeconds * 1000 };
  return { worker, session, gaps: new GapWatch({ sink, settings, clock, log }) };
}

function problemOf(worker: Worker, session: Session, signal: AbortSignal): string | undefined {
  if (signal.aborted) return "stopping";
  const { state, fault } = session.status();
  if (state !== "ready") return `not subscribed: ${fault ?? "connecting"}`;
  const { commitFailures } = worker.status();
  return commitFailures < TOLERATED_FAILURES ? undefined : `the sink has failed ${commitFailures} times in a row`;
}

/** Whether all that was taken is committed and acknowledged. */
async function drain(
  { config, clock, worker, session, isLeaving }: ConsumerParts & Pick<Assembled, "worker" | "session">,
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
  await session.stop(leaves);
  return isDrained === true;
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
