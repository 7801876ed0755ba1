import type { WireRecord } from "../record-reader.ts";
import type { Corrections } from "./corrections.ts";
import type { DayRecord } from "./day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";
import type { TruthParts } from "./sample-truth.ts";

/** What a corrected time may be off, of the van's time: the bound. The clock of the bench adds nothing to it. */
const BOUND_MS = 10;
/** Frames on their way to the agent while its clock is set have times of the clock before, in a record that is of the clock after. */
export const HAND_OVER_MS = 30_000;
/** Most of them: what a stall of the machine of some 100 ms holds up. */
export const MAX_HANDED_OVER = 300;

/** Holds each time at which the van says what time it is, corrected, against the truth, which is the value itself. */
export function judgeTimes({ plan, boots, heard }: TruthParts, corrections: Corrections): DayVerdict {
  const tally = new DayTally("times");
  let worstMs = 0;
  let corrected = 0;
  let handedOver = 0;
  for (const { record, truths } of saying(heard.records, (one) => heard.columns(one))) {
    const set = boots.find(({ bootId }) => bootId === record.bootId);
    const shiftUs = corrections.shiftUs(record);
    for (const { timeUs, sinceStartUs } of truths) {
      const trueMs = sinceStartUs / 1000;
      const offMs = corrections.trueMs(record, timeUs) - trueMs;
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
