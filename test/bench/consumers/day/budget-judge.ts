import { type DayPlan, type DaySpan, isIn } from "../../day/day-plan.ts";
import type { Corrections } from "./corrections.ts";
import type { Heard } from "./day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";

/** From the modem's word to the last capture that was on its way already, of the van's time: some 150 ms of the machine. */
const UNDER_WAY_MS = 10_000;

export type RoamingParts = { readonly plan: DayPlan; readonly heard: Heard; readonly corrections: Corrections };

/** Captures wait while the modem is in a foreign network, and come afterwards; what else there is comes meanwhile. */
export function judgeRoaming({ plan, heard, corrections }: RoamingParts): DayVerdict {
  const tally = new DayTally("roaming");
  const spans: readonly DaySpan[] = plan.trips.flatMap(({ roaming }) =>
    roaming.map(({ fromMs, toMs }) => ({ fromMs: fromMs + UNDER_WAY_MS, toMs })),
  );
  const captures = heard.records.filter(({ record }) => record.stream === "capture");
  const abroad = captures.filter(({ heardMs }) => isIn(spans, heardMs));
  const bytes = abroad.reduce((sum, one) => sum + one.bytes, 0);
  tally.check(bytes === 0, () => {
    return `${bytes} bytes of captures came while roaming, the first at ${timeOf(plan.startsAtMs, abroad[0]?.heardMs ?? 0)}`;
  });
  const wanted = plan.trips.flatMap(({ brakesMs }) => brakesMs).filter((brakeMs) => isIn(spans, brakeMs));
  const taken = captures.filter(({ record }) => {
    return record.frames !== undefined && isIn(spans, corrections.trueMs(record, record.frames.baseTimeUs));
  });
  tally.check(wanted.length === 0 || taken.length > 0, () => "of what was captured while roaming nothing came");
  const others = heard.records.filter(({ record, heardMs }) => record.stream !== "capture" && isIn(spans, heardMs));
  tally.check(spans.length === 0 || others.length > 0, () => "nothing came while roaming");
  return tally.verdict(
    `${bytes} bytes of captures while roaming, ${others.length} other records; of ${captures.length} captures ${taken.length} were taken then, and came later`,
  );
}
