import { type DayPlan, type DaySpan, isIn } from "../../day/day-plan.ts";
import type { Heard } from "./day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";

/** From the modem's word to the last capture that was on its way already, of the van's time: some 150 ms of the machine. */
const UNDER_WAY_MS = 10_000;

/** Captures wait while the modem is in a foreign network, and come afterwards; what else there is comes meanwhile. */
export function judgeRoaming({ plan, heard }: { readonly plan: DayPlan; readonly heard: Heard }): DayVerdict {
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
  const wanted = plan.trips.reduce((sum, { brakesMs }) => sum + brakesMs.length, 0);
  tally.check(wanted === 0 || captures.length > 0, () => "no capture came at all");
  const others = heard.records.filter(({ record, heardMs }) => record.stream !== "capture" && isIn(spans, heardMs));
  tally.check(spans.length === 0 || others.length > 0, () => "nothing came while roaming");
  return tally.verdict(
    `${bytes} bytes of captures while roaming, ${others.length} other records; ${captures.length} records of captures`,
  );
}
