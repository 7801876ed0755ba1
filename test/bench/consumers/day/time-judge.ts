import type { WireRecord } from "../record-reader.ts";
import type { DayRecord } from "./day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";
import type { TruthParts } from "./sample-truth.ts";

/** What a corrected time may be off, of the van's time: the bound. The clock of the bench adds nothing to it. */
const BOUND_MS = 10;
/** Frames on their way to the agent while its clock is set have times of the clock before, in a record that is of the clock after. */
const HAND_OVER_MS = 30_000;
/** Most of them: what a stall of the machine of some 100 ms holds up. */
const MAX_HANDED_OVER = 300;

type Distances = ReadonlyMap<string, number>;

/**
 * Corrects each time at which the van says what time it is, as telemetry.proto promises that one can: by the distance of the two clocks in the
 * anchors of its boot that a clock was set for; and holds it against the truth, which is the value itself.
 */
export function judgeTimes({ plan, line, boots, heard }: TruthParts): DayVerdict {
  const tally = new DayTally("times");
  const right = rightDistances(heard.records.map(({ record }) => record));
  let worstMs = 0;
  let corrected = 0;
  let handedOver = 0;
  for (const { record, truths } of saying(heard.records, (one) => heard.columns(one))) {
    const set = boots.find(({ bootId }) => bootId === record.bootId);
    const distanceUs = right.get(record.bootId);
    const shiftUs = distanceUs === undefined ? undefined : distanceUs - distanceOf(record);
    for (const { timeUs, sinceStartUs } of truths) {
      const trueMs = sinceStartUs / 1000;
      const offMs = shiftUs === undefined ? Number.NaN : (timeUs + shiftUs) / 1000 - line.startsAtMs - trueMs;
      const isOff = !(Math.abs(offMs) <= BOUND_MS);
      if (isOff && set?.clockMs !== undefined && trueMs <= set.setMs && trueMs > set.setMs - HAND_OVER_MS) {
        handedOver += 1;
        continue;
      }
      if (shiftUs !== undefined && Math.abs(shiftUs) > BOUND_MS * 1000) corrected += 1;
      if (!isOff) worstMs = Math.max(worstMs, Math.abs(offMs));
      tally.check(!isOff, () => `${timeOf(plan.startsAtMs, trueMs)} is ${offMs} ms off after correction`);
    }
  }
  tally.check(handedOver <= MAX_HANDED_OVER, () => `${handedOver} were under way when the clock was set`);
  const isWrong = boots.some(({ clockMs }) => clockMs !== undefined);
  tally.check(!isWrong || corrected > 0, () => "nothing had to be corrected, although a clock was wrong");
  return tally.verdict(
    `${corrected.toLocaleString("en-US")} corrected, at most ${worstMs.toFixed(3)} ms off; ${handedOver} under way when the clock was set`,
  );
}

/** Distance of a record's clocks, wall - time since the boot, µs. */
function distanceOf({ anchor }: WireRecord): number {
  return Number(anchor.wallUs - anchor.monotonicUs - anchor.suspendedUs);
}

/** The distance of each boot in which a time service had the clock, by the last record that says so. */
function rightDistances(records: readonly WireRecord[]): Distances {
  const right = new Map<string, number>();
  for (const record of records) {
    if (record.anchor.quality === "CLOCK_QUALITY_NTP") right.set(record.bootId, distanceOf(record));
  }
  return right;
}

type Truth = { readonly timeUs: number; readonly sinceStartUs: number };

/** Records in which the van says what time it is. */
function* saying(
  records: readonly DayRecord[],
  columnsOf: (record: WireRecord) => ReturnType<TruthParts["heard"]["columns"]>,
): Generator<{ readonly record: WireRecord; readonly truths: readonly Truth[] }> {
  for (const { record } of records) {
    if (record.body !== "samples" || record.samples?.campaign !== null) continue;
    const truths = (columnsOf(record) ?? [])
      .filter(({ signal }) => signal.name === "SinceStart")
      .flatMap(({ timesUs, values }) => timesUs.map((timeUs, at) => ({ timeUs, sinceStartUs: Number(values[at]) })));
    yield { record, truths };
  }
}
