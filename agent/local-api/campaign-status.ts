import type { CampaignControl } from "../telemetry/campaigns/arrival/campaign-control.ts";
import type { FrameHistory } from "../telemetry/history/frame-history.ts";
import { historyOf } from "./campaigns-handlers.ts";
import type { UnmetConfig } from "./config-problems.ts";
import type { Status } from "./status-schema.ts";

export type CampaignStatusParts = {
  readonly control: Pick<CampaignControl, "list">;
  /** Undefined where none is kept. */
  readonly history: Pick<FrameHistory, "figures"> | undefined;
};

/** What the agent's status says of campaigns. */
export function campaignStatus({ control, history }: CampaignStatusParts): Status["campaigns"] {
  const { running, refused } = control.list();
  if (running.length + refused.length === 0) return undefined;
  const states = { running: 0, waiting: 0, spent: 0, paused: 0, ended: 0, refused: 0, elsewhere: 0 };
  let triggers = 0;
  for (const { figures } of running) {
    states[figures.state] += 1;
    triggers += figures.triggers;
  }
  for (const { kind } of refused) states[kind] += 1;
  const held = historyOf(history);
  if (held === undefined || held.bytes === 0) return { ...states, triggers };
  const { usedBytes, bytes, seconds, overwrittenEarly } = held;
  return { ...states, triggers, history: { usedBytes, bytes, seconds, overwrittenEarly } };
}

/** Campaigns that are refused, as the problems of the configuration have them. */
export function refusedFiles({ control }: CampaignStatusParts): NonNullable<UnmetConfig["campaigns"]>["refused"] {
  return control.list().refused.flatMap(({ kind, id, version, source, reason }) => {
    if (kind !== "refused") return [];
    const what = source === "files" ? reason : `${id} v${version} (${source}): ${reason}`;
    return [{ file: id, what }];
  });
}
