import type { RecordBody } from "./decoded-record.ts";
import type { WireRecord } from "./record-schema.ts";

/** How the agent does. */
export function healthOf(wire: NonNullable<WireRecord["health"]>): RecordBody {
  const { start_us: startUs, period_ms: periodMs, time_us: timeUs, samples, ...rest } = wire;
  const told = samples.map(({ name, labels, value, delta }) => ({ name, labels, value, delta }));
  return { kind: "health", ...rest, startUs, periodMs, samples: told, timeUs };
}
