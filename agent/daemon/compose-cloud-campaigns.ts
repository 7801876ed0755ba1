import { randomUUID } from "node:crypto";
import type { AgentConfig } from "../../config/schema.ts";
import { NamedShadow } from "../cloud/named-shadow.ts";
import type { Authority } from "../commands/authority.ts";
import { campaignRights } from "../commands/campaign-rights.ts";
import { AgentError } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import { CampaignShadow } from "../telemetry/campaigns/arrival/campaign-shadow.ts";
import { CloudCampaigns } from "../telemetry/campaigns/arrival/cloud-campaigns.ts";
import type { SignedDocument } from "../telemetry/campaigns/arrival/desired-campaigns.ts";
import { samplesPosition } from "../telemetry/campaigns/plan/position-signals.ts";
import { positionSignals } from "./configuration/position-signals.ts";
import type { Campaigns, CloudLink, Runtime } from "./parts.ts";
import { loopService } from "./services.ts";

/** Requests of the shadow: one at a time, and answers as long as a shadow with its metadata can be. */
const REQUEST_CLIENT_LIMITS = { timeoutMs: 10_000, maxPending: 4, maxAnswerBytes: 131_072 } as const;

export type CloudCampaignParts = {
  readonly config: Pick<AgentConfig, "campaigns" | "commands" | "place" | "ota" | "thingName">;
  readonly table: SignalTable;
  readonly link: Pick<CloudLink, "broker">;
  readonly campaigns: Campaigns;
  /** Undefined where no remote commands are taken. */
  readonly authority: Pick<Authority, "judgeText"> | undefined;
};

/** The part of the composition root that wires the campaigns of the cloud; undefined where none are taken. */
export function composeCloudCampaigns(
  { config, table, link, campaigns, authority }: CloudCampaignParts,
  { clock, log, random }: Runtime,
): Service | undefined {
  const { cloud: settings } = config.campaigns;
  const { control, store, keptOfCloud } = campaigns;
  if (settings === undefined || keptOfCloud === undefined) return undefined;
  const { broker } = link;
  const { thingName: thing } = config;
  const rights = campaignRights({
    judge: authority === undefined ? undefined : (text) => authority.judgeText(text),
    jobsSetCollect: config.ota?.jobs.settings.includes("collect") ?? true,
  });
  const positions = positionSignals(config, table);
  const unauthorised = ({ document, sha256, signatures }: SignedDocument): string | undefined => {
    const plan = control.planOf(document);
    const hasPosition = plan !== undefined && samplesPosition(plan, positions);
    return rights({ id: document.id, version: document.version, sha256, signatures, hasPosition });
  };
  const cloud = new CloudCampaigns(keptOfCloud, { control, store, unauthorised, log });
  const limits = REQUEST_CLIENT_LIMITS;
  const shadow = new NamedShadow({ thing, name: settings.shadow, broker, clock, log, limits, token: randomUUID });
  const topic = settings.document.replaceAll("{thing}", thing);
  const times = { document: topic, reportMs: settings.reportSeconds * 1000 };
  return shadowService(
    new CampaignShadow({ shadow, cloud, control, broker, settings: times, clock, log, random }),
    log,
  );
}

/** A broker that refuses the subscriptions leaves the rest of the agent as it is, and what was accepted before. */
function shadowService(shadow: CampaignShadow, log: Log): Service {
  const run = async (signal: AbortSignal): Promise<void> => {
    try {
      await shadow.open();
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      log.error("campaign.shadow-closed", { code: thrown.code, what: thrown.message });
      return;
    }
    await shadow.run(signal);
  };
  return loopService("campaigns of the cloud", { run });
}
