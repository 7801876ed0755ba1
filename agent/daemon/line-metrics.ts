import type { BusConfig } from "../../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Metric } from "../core/metrics/metric.ts";
import type { CanBus } from "../ports/can-bus.ts";
import { STREAMS } from "../ports/outbox.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import type { Appender } from "../telemetry/appender.ts";
import { BusLoad, extendedShareOf } from "../telemetry/bus-load.ts";
import type { Publisher } from "../telemetry/publish/publisher.ts";
import type { ClockSteps } from "../vehicle/time/clock-steps.ts";

/** The metrics of the data line that no status tells. */
export function lineMetrics(
  appender: Pick<Appender, "storeTimes" | "promptCommits">,
  publisher: Pick<Publisher, "pubackTimes">,
  steps: Pick<ClockSteps, "counts">,
): readonly Metric[] {
  return [
    {
      name: "causeway_clock_steps",
      help: "Times that somebody set the wall clock by more than 50 ms.",
      type: "counter",
      labels: ["direction"],
      read: () => Object.entries(steps.counts()).map(([direction, value]) => ({ labels: { direction }, value })),
    },
    {
      name: "causeway_outbox_store_seconds",
      help: "How long the outbox took to store a batch of records.",
      unit: "seconds",
      type: "histogram",
      labels: [],
      read: () => appender.storeTimes.samples({}),
    },
    {
      name: "causeway_outbox_prompt_commits",
      help: "Commits for triggers, states of buses, records of programs, changes of links and reports of campaigns, which do not wait for the batch.",
      type: "counter",
      labels: [],
      read: () => [{ labels: {}, value: appender.promptCommits }],
    },
    {
      name: "causeway_mqtt_puback_seconds",
      help: "Time from the PUBLISH of a record to its good PUBACK, by stream.",
      unit: "seconds",
      type: "histogram",
      labels: ["stream"],
      read: () => STREAMS.flatMap((stream) => publisher.pubackTimes(stream).samples({ stream })),
    },
  ];
}

/** How busy a bus is; undefined where the bit rate of the bus is not configured. */
export function busLoadOf(
  bus: BusConfig,
  driver: Pick<CanBus, "traffic">,
  { messages }: Pick<SignalTable, "messages">,
  clock: Clock,
): BusLoad | undefined {
  if (!("bitrate" in bus) || bus.bitrate === undefined) return undefined;
  const extendedShare = extendedShareOf(messages, bus.name);
  return new BusLoad({ bitrate: bus.bitrate, extendedShare, traffic: () => driver.traffic(), clock });
}
