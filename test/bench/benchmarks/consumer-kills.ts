import { setTimeout as sleep } from "node:timers/promises";
import type { ConsumerBench, Run, SinkName } from "../cloud-consumer/consumer-bench.ts";
import type { PublishedStream } from "../cloud-consumer/publisher-protocol.ts";
import { accountOf, type SinkAccount } from "../cloud-consumer/sink-account.ts";
import { seededRandom } from "../core/seeded-random.ts";

/** What is done to the workers. */
export type KillRequest = {
  readonly sink: SinkName;
  readonly seconds: number;
  /** Between two kills. */
  readonly everySeconds: number;
  /** Records of all vehicles a second. */
  readonly perSecond: number;
  readonly recordMs: number;
  /** Says which worker is killed. */
  readonly seed: number;
  /** Longest that records may still be on their way when nobody publishes any more: a session of a killed worker is taken up again at once. */
  readonly settleSeconds: number;
};

/** What became of the records. */
export type KillFigures = {
  readonly sink: SinkName;
  readonly kills: number;
  readonly seconds: number;
  readonly account: SinkAccount;
  /** Deliveries that the workers that were left knew already. */
  readonly repeatedDeliveries: number;
};

const WORKERS = 4;

/**
 * One worker grows to four while vehicles publish; from then on one of them is killed with SIGKILL every few seconds, and started again at
 * once in its slot. At the end the store is read by somebody else and held against what was published.
 */
export async function measureKills(bench: ConsumerBench, request: KillRequest): Promise<KillFigures> {
  const { sink, seconds, everySeconds, perSecond, recordMs, seed, settleSeconds } = request;
  const run = await bench.run(sink);
  await run.fleet.add();
  await run.fleet.ready();
  const publisher = await bench.publisher(recordMs);
  const published = publisher.publish({ perSecond, seconds });
  const stop = new AbortController();
  void published.finally(() => stop.abort()).catch(() => undefined);
  while (run.fleet.size < WORKERS) await run.fleet.add();
  const kills = await killUntil(run, { everySeconds, random: seededRandom(seed) }, stop.signal);
  const { streams } = await published;
  await publisher.stop();
  await settled(run, streams, performance.now() + settleSeconds * 1000);
  const repeatedDeliveries = await run.fleet.sum("causeway_consumer_repeats_total");
  await run.fleet.stop();
  const account = accountOf(streams, await run.read());
  return { sink, kills, seconds, account, repeatedDeliveries };
}

async function killUntil(
  { fleet }: Run,
  { everySeconds, random }: { readonly everySeconds: number; readonly random: () => number },
  signal: AbortSignal,
): Promise<number> {
  for (let kills = 0; ; kills++) {
    await sleep(everySeconds * 1000, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return kills;
    const at = Math.floor(random() * fleet.size);
    await fleet.kill(at);
    await fleet.start(at);
  }
}

/** Until all is there and nothing waits, or the time is over: then the account says what is missing. */
async function settled(run: Run, streams: readonly PublishedStream[], endMs: number): Promise<void> {
  const { fleet } = run;
  await fleet.ready();
  while (performance.now() < endMs) {
    if ((await fleet.isAtRest()) && accountOf(streams, await run.read().catch(() => [])).gaps === 0) return;
    await sleep(1000);
  }
}
