import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createTopics } from "../../../agent/cloud/topics.ts";
import type { Broker, Publication, PublishOutcome } from "../../../agent/ports/broker.ts";
import type { Outbox } from "../../../agent/ports/outbox.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { Publisher } from "../../../agent/telemetry/publish/publisher.ts";
import { brokerConfig } from "../../../config/broker.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { draftOf, quietLog } from "../benchmarks/outbox-folder.ts";
import { outboxLineOptions } from "../benchmarks/outbox-line.ts";
import { createSession } from "../broker/mqtt-session.ts";
import { emit } from "../core/line-protocol.ts";

// The agent's outbox, appender, publisher and MQTT driver, put together as the daemon does it, without anything else: `outbox-line.ts OPTIONS`.

const WARM_UP_MS = 1000;
const LOOK_MS = 100;
const LOOP_MS = 1;
const HOLD_BYTES = 8_000_000;
const options = outboxLineOptions.parse(JSON.parse(process.argv[2] ?? "{}"));
const clock = systemClock();
const { outbox } = openOutbox({ file: options.file, maxBytes: 1e13, clock, log: quietLog });
const lastBefore = outbox.stats().streams.telemetry.lastSeq;
const storedAt = new Map<number, number>();
const loop = monitorEventLoopDelay({ resolution: LOOP_MS });
let seen = nothingSeen();

const publisher = options.broker === undefined ? undefined : await startPublisher(options.broker, outbox);
const appender = new Appender({
  outbox,
  clock,
  log: quietLog,
  holdBytes: HOLD_BYTES,
  wake: () => publisher?.publisher.wake(),
  delivered: () => publisher?.publisher.delivered(),
});
const { perSecond, bytes } = options.ingest;
const draft = draftOf(bytes);
const stopIngest = clock.every(1000 / perSecond, () => {
  let seq = 0;
  const seal = (id: { readonly seq: number }): Uint8Array => {
    seq = id.seq;
    return draft.seal({ epoch: 0, stream: "telemetry", seq });
  };
  appender.add({ ...draft, seal, samples: 0, bodyBytes: bytes });
  appender.store();
  storedAt.set(seq, clock.monotonicMs());
  seen.storedBytes += bytes;
});
const stopLooking = clock.every(LOOK_MS, () => {
  seen.peakRssBytes = Math.max(seen.peakRssBytes, process.memoryUsage.rss());
});

await clock.sleep(WARM_UP_MS);
seen = nothingSeen();
const begun = { atMs: clock.monotonicMs(), cpu: process.cpuUsage(), writtenBytes: writtenBytes() };
loop.enable();
if (options.seconds !== undefined) await clock.sleep(options.seconds * 1000);
else while (hasBacklog()) await clock.sleep(LOOK_MS);
loop.disable();
const { user, system } = process.cpuUsage(begun.cpu);
const figures = {
  seconds: (clock.monotonicMs() - begun.atMs) / 1000,
  backlogRecords: seen.backlog,
  freshRecords: seen.fresh,
  freshDelayMs: seen.delays.length === 0 ? undefined : percentilesOf(seen.delays),
  loopDelayMs: { p50: lateMs(loop.percentile(50)), p99: lateMs(loop.percentile(99)), max: lateMs(loop.max) },
  peakRssBytes: seen.peakRssBytes,
  cpuMicros: user + system,
  storedBytes: seen.storedBytes,
  writtenBytes: writtenBytes() - begun.writtenBytes,
};
stopIngest();
stopLooking();
await publisher?.stop();
outbox.close();
emit(figures);
// The library of the MQTT session keeps a thread.
process.exit();

type Seen = { backlog: number; fresh: number; storedBytes: number; readonly delays: number[]; peakRssBytes: number };

function nothingSeen(): Seen {
  return { backlog: 0, fresh: 0, storedBytes: 0, delays: [], peakRssBytes: 0 };
}

type Started = { readonly publisher: Publisher; readonly stop: () => Promise<void> };

async function startPublisher(
  { thing, port, caFile, certificateFile, keyFile }: NonNullable<typeof options.broker>,
  from: Outbox,
): Promise<Started> {
  const settings = brokerConfig.parse({ host: "localhost", port, caFile });
  const session = createSession({
    clientId: thing,
    identity: { mode: "file", certificateFile, keyFile },
    caFile,
    broker: { host: "localhost", port },
    log: quietLog,
  });
  const publisher = new Publisher({
    outbox: from,
    broker: observed(session),
    topics: createTopics(
      {
        record: "dt/causeway/{thing}/{stream}",
        schema: "dt/causeway/{thing}/schema/{id}",
        presence: "dt/causeway/{thing}/presence",
        identity: "dt/causeway/{thing}/identity",
      },
      thing,
    ),
    settings: { ...settings, maxGapMs: 0, startedAtMs: clock.monotonicMs() },
    lossDraft: () => draftOf(10),
    clock,
    log: quietLog,
    random: Math.random,
  });
  const stopping = new AbortController();
  const ended = publisher.run(stopping.signal);
  session.start();
  await session.online(AbortSignal.timeout(30_000));
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
    await session.stop();
  };
  return { publisher, stop };
}

/** The session, with an eye on what is acknowledged. */
function observed(session: Broker): Broker {
  return {
    connectAhead: () => session.connectAhead(),
    start: () => session.start(),
    status: () => session.status(),
    inbound: () => session.inbound(),
    online: (signal, after) => session.online(signal, after),
    publish: (publication) => {
      const outcome = session.publish(publication);
      void outcome.then(({ kind }) => note(publication, kind));
      return outcome;
    },
    subscribe: (filter, handler) => session.subscribe(filter, handler),
    switchCredential: (credential, withinMs) => session.switchCredential(credential, withinMs),
    retryNow: () => session.retryNow(),
    keepAlive: (seconds) => session.keepAlive(seconds),
    pause: (withinMs) => session.pause(withinMs),
    resume: () => session.resume(),
    stop: () => session.stop(),
  };
}

function note({ userProperties }: Publication, kind: PublishOutcome["kind"]): void {
  if (kind !== "acked") return;
  const seq = Number(userProperties.find(([name]) => name === "seq")?.[1]);
  if (seq <= lastBefore) {
    seen.backlog += 1;
    return;
  }
  seen.fresh += 1;
  const atMs = storedAt.get(seq);
  if (atMs !== undefined) seen.delays.push(clock.monotonicMs() - atMs);
  storedAt.delete(seq);
}

function hasBacklog(): boolean {
  const [oldest] = outbox.list("telemetry", 1);
  return oldest !== undefined && oldest.seq <= lastBefore;
}

function percentilesOf(values: readonly number[]): { p50: number; p99: number; max: number } {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function lateMs(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - LOOP_MS);
}

function writtenBytes(): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? 0);
}
