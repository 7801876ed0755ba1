import { printable } from "../../core/plain-text.ts";
import { formatCount, formatCounted } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import { otherFrames, unwantedFrames } from "../../support/bus-problems.ts";
import { isReceiving } from "../../telemetry/health.ts";
import type { Colors, StatusReading } from "./reading.ts";

type Bus = Status["buses"][number];

/** One bus; without `framesPerSecond` there is no earlier reading to count from. */
export function busLines(bus: Bus, framesPerSecond: number | undefined, colors: Colors): readonly string[] {
  const state = isReceiving(bus) ? colors.green(bus.state) : colors.red(bus.state);
  const dropped = bus.dropped === undefined ? "drops unknown" : `${formatCount(bus.dropped)} dropped${placesOf(bus)}`;
  const facts = [
    state,
    ...(bus.load === undefined ? [] : [`load ${Math.round(bus.load * 100)} %`]),
    ...(framesPerSecond === undefined ? [] : [`${formatCount(framesPerSecond)} frames/s`]),
    bus.dropped !== undefined && bus.dropped > 0 ? colors.yellow(dropped) : dropped,
  ];
  const others = otherFrames(bus) === 0 ? "" : `, ${formatCount(otherFrames(bus))} in no DBC file`;
  const unwanted = unwantedFrames(bus) === 0 ? "" : `, ${formatCount(unwantedFrames(bus))} that nobody wants`;
  const lines = [
    `${`bus ${printable(bus.name)}`.padEnd(10)} ${facts.join(", ")}`,
    `           ${formatCount(bus.received)} received, ${formatCount(bus.decoded)} decoded${others}${unwanted}`,
  ];
  const multiPacket = multiPacketLines(bus);
  return [...lines, ...multiPacket, ...(bus.detail === "" ? [] : [`           ${printable(bus.detail)}`])];
}

/** Where frames were lost, where that is known. */
function placesOf({ losses }: Bus): string {
  const places = Object.entries(losses ?? {}).filter(([, count]) => count > 0);
  return places.length === 0 ? "" : ` (${places.map(([place, count]) => `${place} ${formatCount(count)}`).join(", ")})`;
}

/** Messages that come in several frames, once there were some. */
function multiPacketLines({ multiPacket }: Bus): readonly string[] {
  if (multiPacket === undefined) return [];
  const { assembled, timedOut, replaced, aborted, missed, conflicting, evicted, malformed, tooLong } = multiPacket;
  const given = { "timed out": timedOut, replaced, aborted, missed, conflicting, evicted };
  const counts = { ...given, "malformed frames": malformed, "too long": tooLong };
  const troubles = Object.entries(counts).filter(([, count]) => count > 0);
  if (assembled === 0 && troubles.length === 0) return [];
  const others = troubles.map(([what, count]) => `, ${formatCount(count)} ${what}`).join("");
  return [`           ${formatCounted(assembled, "message")} of several frames${others}`];
}

/** Frames/s of a bus since `before`; undefined where that reading has no such bus or is not earlier. */
export function rateOf(bus: Bus, now: StatusReading, before: StatusReading | undefined): number | undefined {
  const earlier = before?.status.buses.find(({ name }) => name === bus.name);
  if (before === undefined || earlier === undefined || now.atMs <= before.atMs) return undefined;
  return ((bus.received - earlier.received) * 1000) / (now.atMs - before.atMs);
}
