import type { BusCounters, CanBus } from "../../../ports/can-bus.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const BUS_COUNT = { bus: 1, received: 2, dropped: 3, errorFrames: 4 } as const;

/** What one bus has done since the agent started. */
export type BusCount = { readonly bus: string } & Pick<BusCounters, "received" | "dropped" | "errorFrames">;

/** Writes a `BusCount` as field `field` of the message that is open. */
export function writeBusCount(writer: ProtobufWriter, field: number, count: BusCount): void {
  writer.begin(field, 16);
  writer.stringField(BUS_COUNT.bus, count.bus);
  writer.uintField(BUS_COUNT.received, count.received);
  if (count.dropped !== undefined) writer.presentUintField(BUS_COUNT.dropped, count.dropped);
  writer.uintField(BUS_COUNT.errorFrames, count.errorFrames);
  writer.end();
}

/** What the frames and the losses of a bus are by now. */
export function countOf(bus: Pick<CanBus, "name" | "counters">): BusCount {
  const { received, dropped, errorFrames } = bus.counters();
  return { bus: bus.name, received, dropped, errorFrames };
}
