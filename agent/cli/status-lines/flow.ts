import { printable } from "../../core/plain-text.ts";
import { formatBytes, formatCount, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import { STREAMS } from "../../ports/outbox.ts";
import type { Colors } from "./reading.ts";

/** What was collected, delivered, refused and lost. */
export function flowLines({ collected, delivery, losses }: Status, colors: Colors): readonly string[] {
  const ofDay = STREAMS.filter((stream) => delivery.streams[stream].dayBytes > 0).map(
    (stream) => `${stream} ${formatBytes(delivery.streams[stream].dayBytes)}`,
  );
  const discarded = collected.discardedSamples === 0 ? "" : `, ${formatCount(collected.discardedSamples)} discarded`;
  return [
    `collected  ${formatCounted(collected.samples, "sample")} in ${formatCounted(collected.records, "record")}, ${formatBytes(collected.payloadBytes)}${discarded}`,
    `delivered  ${formatCounted(delivery.delivered, "record")}, ${formatBytes(delivery.deliveredBytes)}, ${delivery.inFlight} in flight, ${formatCount(delivery.refused)} refused, ${formatCount(delivery.retried)} sent again`,
    ...(ofDay.length === 0 ? [] : [`           in 24 hours: ${ofDay.join(", ")}`]),
    ...delivery.refusedTopics.map(({ stream, reason, count }) => {
      return `           ${colors.red(`${stream} refused: ${printable(reason)}, ${formatCounted(count, "time")}`)}`;
    }),
    ...losses.map(({ stream, reason, detail, records, agoMs }) => {
      return `lost       ${formatCount(records)} ${stream}, ${reason}, ${formatDuration(agoMs)} ago: ${printable(detail)}`;
    }),
  ];
}
