import { createTopics } from "../../../agent/cloud/topics.ts";
import type { Clock } from "../../../agent/core/clock.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import type { Outbox, RecordDraft, StreamName } from "../../../agent/ports/outbox.ts";
import { Publisher } from "../../../agent/telemetry/publish/publisher.ts";
import { DataBudget } from "../../../agent/vehicle/link/data-budget.ts";
import { DATA_USAGE_KEY, DataUsage } from "../../../agent/vehicle/link/data-usage.ts";
import { linkConfig } from "../../../config/link.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

export const THING = "veh-001";

/** A draft of zeros. */
export function draftOf(stream: StreamName, bytes: number): RecordDraft {
  const draft = { stream, encoding: "identity", timeQuality: "ntp", lifeMs: undefined, retainKey: undefined } as const;
  return { ...draft, seal: () => new Uint8Array(bytes) };
}

/** The system's clock as one that a time server sets; `stepMs` moves its wall clock. */
export function steppedClock(): { readonly clock: Clock; readonly step: (ms: number) => void } {
  const system = systemClock();
  let stepUs = 0;
  const clock: Clock = {
    wallUs: () => system.wallUs() + stepUs,
    monotonicMs: () => system.monotonicMs(),
    boottimeMs: () => system.boottimeMs(),
    quality: () => "ntp",
    sleep: (ms, signal) => system.sleep(ms, signal),
    every: (ms, tick) => system.every(ms, tick),
  };
  return {
    clock,
    step: (ms) => {
      stepUs += ms * 1000;
    },
  };
}

/** A publisher over the link wwan0 that goes by data budgets, with the counts that `outbox` keeps. */
export function budgetPublisher(outbox: Outbox, broker: Broker, clock: Clock, budgets: readonly object[]) {
  const settings = linkConfig.parse({ budgets });
  const wwan0 = { name: "wwan0", isMetered: true, cost: "high", modem: undefined } as const;
  const roamingOf = () => "no" as const;
  const links = { inUse: wwan0, factsOf: () => wwan0, roamingOf, look: async () => undefined };
  const usage = new DataUsage({
    kept: outbox.kept().find(({ key }) => key === DATA_USAGE_KEY)?.value,
    keep: (value) => {
      outbox.append([], [{ key: DATA_USAGE_KEY, value }]);
      return true;
    },
    clock,
  });
  const budget = new DataBudget({ budgets: settings.budgets, usage, links, clock });
  const templates = {
    record: "dt/causeway/{thing}/{stream}",
    schema: "dt/causeway/{thing}/schema/{id}",
    presence: "dt/causeway/{thing}/presence",
    identity: "dt/causeway/{thing}/identity",
  };
  const publisher = new Publisher({
    outbox,
    broker,
    topics: createTopics(templates, THING),
    settings: {
      inFlight: 32,
      backlogBytes: 262_144,
      refusalAttempts: 200,
      disconnectAttempts: 3,
      maxGapMs: 0,
      startedAtMs: clock.monotonicMs(),
    },
    lossDraft: () => draftOf("event", 10),
    clock,
    log: new MemoryLog(),
    random: Math.random,
  });
  publisher.goBy(budget);
  return { publisher, budget, usage };
}
