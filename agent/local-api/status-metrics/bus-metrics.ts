import type { MetricFacts, MetricType } from "../../core/metrics/metric.ts";
import type { Status } from "../status-schema.ts";
import { byLabel, metric, type StatusMetric, seconds } from "./status-metric.ts";

type Bus = Status["buses"][number];

const STATES: readonly Bus["state"][] = ["up", "down", "absent", "error-passive", "bus-off"];
const ASSEMBLY_LOSSES = [
  "timedOut",
  "replaced",
  "aborted",
  "missed",
  "conflicting",
  "evicted",
  "malformed",
  "tooLong",
] as const;

function perBus(
  type: MetricType,
  said: { readonly name: string; readonly help: string; readonly unit?: MetricFacts["unit"] },
  read: (bus: Bus) => number | undefined,
): StatusMetric {
  return metric(type, said, ["bus"], ({ buses }) =>
    byLabel(
      "bus",
      buses.map((bus) => [bus.name, read(bus)] as const),
    ),
  );
}

/** Of the buses and what became of their frames. */
export const BUS_METRICS: readonly StatusMetric[] = [
  metric("stateset", { name: "bus_state", help: "State of the bus." }, ["bus", "state"], ({ buses }) =>
    buses.flatMap(({ name, state: now }) =>
      STATES.map((state) => ({ labels: { bus: name, state }, value: state === now ? 1 : 0 })),
    ),
  ),
  metric(
    "counter",
    { name: "bus_state_changes", help: "How often each state has begun." },
    ["bus", "state"],
    ({ buses }) =>
      buses.flatMap(({ name, changes }) =>
        Object.entries(changes ?? {}).map(([state, value]) => ({ labels: { bus: name, state }, value })),
      ),
  ),
  perBus(
    "counter",
    { name: "bus_frames", help: "Frames that came through the receive filters." },
    (bus) => bus.received,
  ),
  perBus(
    "counter",
    { name: "bus_dropped_frames", help: "Frames that the kernel or the driver lost; absent where it cannot be known." },
    (bus) => bus.dropped,
  ),
  metric(
    "counter",
    { name: "bus_lost_frames", help: "Frames that were lost, by where: interface, socket or ring." },
    ["bus", "place"],
    ({ buses }) =>
      buses.flatMap(({ name, losses }) =>
        Object.entries(losses ?? {}).map(([place, value]) => ({ labels: { bus: name, place }, value })),
      ),
  ),
  perBus(
    "counter",
    {
      name: "bus_busy_seconds",
      help: "How long the bus was busy at most, by its bit rate; absent without one.",
      unit: "seconds",
    },
    (bus) => seconds(bus.busyMs),
  ),
  perBus(
    "gauge",
    {
      name: "bus_load_ratio",
      help: "Part of the time that the bus was busy at most, since a look at least 10 s ago.",
      unit: "ratio",
    },
    (bus) => bus.load,
  ),
  perBus("counter", { name: "bus_error_frames", help: "Error frames." }, (bus) => bus.errorFrames),
  perBus("counter", { name: "bus_transmitted_frames", help: "Frames that the agent sent." }, (bus) => bus.transmitted),
  perBus(
    "counter",
    { name: "bus_filtered_frames", help: "Frames held back by the receive filters as nobody wants them." },
    (bus) => bus.filtered,
  ),
  perBus("gauge", { name: "bus_quiet_seconds", help: "Time since the last frame.", unit: "seconds" }, (bus) =>
    seconds(bus.quietMs),
  ),
  perBus(
    "gauge",
    { name: "bus_receive_buffer_bytes", help: "Receive buffer that the kernel gave.", unit: "bytes" },
    (bus) => bus.receiveBuffer?.gotBytes,
  ),
  perBus(
    "counter",
    { name: "decode_decoded_frames", help: "Frames whose signals were decoded." },
    (bus) => bus.decoded,
  ),
  perBus(
    "counter",
    { name: "decode_unknown_frames", help: "Data frames whose id no DBC file of the bus names." },
    (bus) => bus.unknown,
  ),
  perBus(
    "counter",
    { name: "decode_unwanted_frames", help: "Data frames of messages of which nobody wants a signal." },
    (bus) => bus.unwanted,
  ),
  perBus(
    "counter",
    { name: "decode_multi_packet_frames", help: "Frames of messages that come in several." },
    (bus) => bus.multiPacket?.frames,
  ),
  perBus(
    "counter",
    { name: "decode_assembled_messages", help: "Messages in several frames that came whole." },
    (bus) => bus.multiPacket?.assembled,
  ),
  metric(
    "counter",
    { name: "decode_incomplete_messages", help: "Messages in several frames that were given up, by why." },
    ["bus", "cause"],
    ({ buses }) =>
      buses.flatMap(({ name, multiPacket }) =>
        multiPacket === undefined
          ? []
          : ASSEMBLY_LOSSES.map((cause) => ({ labels: { bus: name, cause }, value: multiPacket[cause] })),
      ),
  ),
];
