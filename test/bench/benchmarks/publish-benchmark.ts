import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTopics } from "../../../agent/cloud/topics.ts";
import type { Broker, BrokerLimits } from "../../../agent/ports/broker.ts";
import type { Outbox, RecordDraft } from "../../../agent/ports/outbox.ts";
import { Publisher } from "../../../agent/telemetry/publish/publisher.ts";
import type { SendBudget } from "../../../agent/telemetry/publish/send-budget.ts";
import { DataBudget } from "../../../agent/vehicle/link/data-budget.ts";
import { DATA_USAGE_KEY, DataUsage } from "../../../agent/vehicle/link/data-usage.ts";
import { linkConfig } from "../../../config/link.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { ratiosOf, type Spread, spreadOf } from "./timing.ts";

/** CPU of one record from the outbox on disk to its acknowledgement by a broker in memory, µs. Both in turn. */
export type PublishFigures = {
  readonly withoutMicros: Spread;
  /** With four data budgets, one of which counts. */
  readonly withMicros: Spread;
  /** With over without. */
  readonly ratio: Spread;
  /** Records that the link takes in a second, with budgets. */
  readonly recordsPerSecond: Spread;
};

const RECORDS = 4000;
const PAYLOAD_BYTES = 1500;
const ROUNDS = 5;
const quiet = (): void => undefined;
const log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
const clock = systemClock();
const LIMITS: BrokerLimits = {
  receiveMaximum: 100,
  maximumPacketBytes: 149_504,
  topicAliasMaximum: 8,
  retainAvailable: true,
};
const TEMPLATES = {
  record: "dt/causeway/{thing}/{stream}",
  schema: "dt/causeway/{thing}/schema/{id}",
  presence: "dt/causeway/{thing}/presence",
  identity: "dt/causeway/{thing}/identity",
};
const BUDGETS = linkConfig.parse({
  budgets: [
    { link: "wwan0", use: ["telemetry", "capture"], dayBytes: 1e11, monthBytes: 1e12 },
    { link: "wwan0", use: ["ota"], monthBytes: 1e12 },
    { cost: "free", use: ["capture"], monthBytes: 1e12 },
    { cost: "low", use: ["telemetry"], monthBytes: 1e12 },
  ],
}).budgets;

/** Publishes the same records without and with data budgets. */
export async function benchmarkPublish(): Promise<PublishFigures> {
  const runs: { readonly without: Run[]; readonly with: Run[] } = { without: [], with: [] };
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    const without = await publishAll(undefined);
    const budgeted = await publishAll(budgetOn);
    if (round === 0) continue;
    runs.without.push(without);
    runs.with.push(budgeted);
  }
  const without = runs.without.map(({ cpuMicros }) => cpuMicros);
  const budgeted = runs.with.map(({ cpuMicros }) => cpuMicros);
  return {
    withoutMicros: spreadOf(without),
    withMicros: spreadOf(budgeted),
    ratio: ratiosOf(budgeted, without),
    recordsPerSecond: spreadOf(runs.with.map(({ recordsPerSecond }) => recordsPerSecond)),
  };
}

type Run = { readonly cpuMicros: number; readonly recordsPerSecond: number };

async function publishAll(budgetOf: ((outbox: Outbox) => SendBudget) | undefined): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const { outbox } = openOutbox({ file: join(folder, "outbox.db"), maxBytes: 1_000_000_000, clock, log });
  try {
    outbox.append(Array.from({ length: RECORDS }, () => DRAFT));
    const publisher = publisherOf(outbox);
    if (budgetOf !== undefined) publisher.goBy(budgetOf(outbox));
    const stopping = new AbortController();
    const cpuBefore = process.cpuUsage();
    const startMs = clock.monotonicMs();
    const running = publisher.run(stopping.signal);
    while (outbox.stats().records > 0) await clock.sleep(2);
    const { user, system } = process.cpuUsage(cpuBefore);
    const seconds = (clock.monotonicMs() - startMs) / 1000;
    stopping.abort();
    await running;
    return { cpuMicros: (user + system) / RECORDS, recordsPerSecond: RECORDS / seconds };
  } finally {
    outbox.close();
    rmSync(folder, { recursive: true });
  }
}

const DRAFT: RecordDraft = {
  stream: "telemetry",
  encoding: "zstd",
  timeQuality: "ntp",
  lifeMs: undefined,
  retainKey: undefined,
  seal: () => new Uint8Array(PAYLOAD_BYTES),
};

function budgetOn(outbox: Outbox): SendBudget {
  const wwan0 = { name: "wwan0", isMetered: true, cost: "high", modem: undefined } as const;
  const roamingOf = () => "no" as const;
  const links = { inUse: wwan0, factsOf: () => wwan0, roamingOf, look: async () => undefined };
  const keep = (value: Uint8Array): boolean => {
    outbox.append([], [{ key: DATA_USAGE_KEY, value }]);
    return true;
  };
  return new DataBudget({ budgets: BUDGETS, usage: new DataUsage({ kept: undefined, keep, clock }), links, clock });
}

function publisherOf(outbox: Outbox): Publisher {
  return new Publisher({
    outbox,
    broker: willingBroker(),
    topics: createTopics(TEMPLATES, "truck-0001"),
    settings: {
      inFlight: 50,
      backlogBytes: 262_144,
      refusalAttempts: 100,
      disconnectAttempts: 3,
      maxGapMs: 0,
      startedAtMs: clock.monotonicMs(),
    },
    lossDraft: () => DRAFT,
    clock,
    log,
    random: Math.random,
  });
}

/** Always online; acknowledges at once. */
function willingBroker(): Broker {
  const nothing = async (): Promise<void> => undefined;
  return {
    connectAhead: nothing,
    start: quiet,
    status: () => ({ state: "online", sinceMs: 0, fault: undefined, connects: 1, limits: LIMITS }),
    inbound: () => ({ taken: 0, discarded: 0, failed: 0, setAside: 0, waiting: 0 }),
    online: (signal, after = 0) =>
      after === 0
        ? Promise.resolve(LIMITS)
        : new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true })),
    publish: async () => ({ kind: "acked" }),
    subscribe: nothing,
    switchCredential: async () => ({ kind: "moved" }),
    retryNow: quiet,
    keepAlive: quiet,
    pause: nothing,
    resume: quiet,
    stop: nothing,
  };
}
