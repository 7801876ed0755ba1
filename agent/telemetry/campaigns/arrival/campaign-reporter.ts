import type { Clock } from "../../../core/clock.ts";
import type { CampaignReport } from "../../record/encode/campaign-report.ts";
import type { CampaignControl } from "./campaign-control.ts";
import { outlineOf, recordOf } from "./campaign-report.ts";

/** How often the states of campaigns are looked at, which change with the time of day alone, ms. */
const LOOK_MS = 30_000;
/** Least time between two reports, ms. */
const REPORT_MS = 5000;

export type CampaignReporterParts = {
  readonly control: Pick<CampaignControl, "list" | "changed">;
  readonly send: (report: CampaignReport) => void;
  readonly clock: Pick<Clock, "sleep" | "wallUs">;
};

/** Tells consumers what runs and what was refused, whenever that changes; nothing while there are no campaigns. Until `signal` aborts. */
export async function reportCampaigns(
  { control, send, clock }: CampaignReporterParts,
  signal: AbortSignal,
): Promise<void> {
  let told = outlineOf({ running: [], refused: [] });
  while (!signal.aborted) {
    const list = control.list();
    const outline = outlineOf(list);
    if (outline !== told) {
      told = outline;
      send(recordOf(list, clock.wallUs()));
      await clock.sleep(REPORT_MS, signal);
      continue;
    }
    const done = new AbortController();
    const either = AbortSignal.any([signal, done.signal]);
    await Promise.race([control.changed.next(either), clock.sleep(LOOK_MS, either)]);
    done.abort();
  }
}
