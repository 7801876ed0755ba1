import { type CampaignDocument, campaignDocument } from "../../../../config/campaign.ts";
import type { SnapshotConfig } from "../../../../config/snapshot.ts";
import type { EntryProblem } from "../../../core/entry-problem.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import { planCampaign } from "../plan/campaign-plan.ts";

/** Id of the campaign that records of snapshots belong to. It never runs: its signals are taken when a snapshot is. */
export const SNAPSHOT_CAMPAIGN = "snapshot";

/** Every last known value of the signals of `collect.snapshot`. */
export function snapshotCampaign({ signals, stream, form }: SnapshotConfig): CampaignDocument {
  const collect = [{ signals, mode: "every", ms: 0 }];
  return campaignDocument.parse({
    schemaVersion: 1,
    id: SNAPSHOT_CAMPAIGN,
    version: 1,
    collect,
    send: { stream, form },
  });
}

/** What of the signals of `collect.snapshot` cannot be meant as it is, and what matches no signal. */
export function snapshotProblems(
  config: SnapshotConfig,
  table: SignalTable,
): { readonly unfit: readonly EntryProblem[]; readonly warnings: readonly EntryProblem[] } {
  const context = { table, busNames: [], facts: new Map(), hasHistory: false };
  const planned = planCampaign(snapshotCampaign(config), context, "warning");
  return planned.kind === "unfit"
    ? { unfit: planned.problems, warnings: [] }
    : { unfit: [], warnings: planned.plan.warnings };
}
