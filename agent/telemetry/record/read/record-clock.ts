import type { ClockStanding } from "../encode/clock-change.ts";
import type { RecordBody } from "./decoded-record.ts";
import type { WireRecord } from "./record-schema.ts";

type WireChange = NonNullable<WireRecord["clock_change"]>;

/** What the wall clock is worth has changed, or somebody has set it. */
export function clockChangeOf(wire: WireChange): RecordBody {
  const { before, after, step_us: stepUs, reason, untold } = wire;
  const { monotonic_us: monotonicUs, suspended_us: suspendedUs, wall_us: wallUs } = wire;
  const standings = { before: before === null ? undefined : standingOf(before), after: standingOf(after) };
  return { kind: "clock-change", ...standings, stepUs, monotonicUs, suspendedUs, wallUs, reason, untold };
}

function standingOf({ quality, source, error_ms: errorMs, detail }: WireChange["after"]): ClockStanding {
  return { quality, source, errorMs, detail };
}
