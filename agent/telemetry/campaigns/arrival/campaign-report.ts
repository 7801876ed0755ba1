import { bytesOf } from "../../../cloud/reported-change.ts";
import type { CampaignReport } from "../../record/encode/campaign-report.ts";
import type { CampaignList } from "./campaign-control.ts";

/** Characters of a reason in the shadow, which has little room. */
const MAX_REASON = 200;

/** What is told of one campaign in the shadow. */
type ReportedCampaign = {
  readonly version: number;
  readonly state: string;
  readonly digest?: string;
  readonly source?: string;
  readonly reason?: string | undefined;
};

/** A record of what runs, and of what was refused. */
export function recordOf({ running, refused }: CampaignList, timeUs: number): CampaignReport {
  return {
    timeUs,
    running: running.map(({ plan: { document, digest }, figures: { state, triggers, bytesToday } }) => ({
      campaign: { id: document.id, version: document.version, digest },
      state,
      triggers,
      bytesToday,
    })),
    refused: refused.map(({ id, version, kind, reason }) => ({
      id,
      version,
      reason: kind === "elsewhere" ? `elsewhere: ${reason}` : reason,
    })),
  };
}

/** What a report says but for figures that grow: while it is the same, nothing has changed. */
export function outlineOf({ running, refused }: CampaignList): string {
  const states = running.map(({ source, plan, figures }) => [source, plan.document.id, plan.digest, figures.state]);
  return JSON.stringify([states, refused]);
}

/**
 * What is told in the shadow: by id what runs, or why not; a campaign that runs while another version of it was refused tells both.
 * Where `maxBytes` are too few the reasons go first, then the digests, and at last there are counts alone.
 */
export function reportedOf({ running, refused }: CampaignList, maxBytes: number): Readonly<Record<string, unknown>> {
  const campaigns = new Map<string, ReportedCampaign>();
  for (const { source, plan, figures } of running) {
    const { id, version } = plan.document;
    campaigns.set(id, { version, state: figures.state, digest: plan.digest, ...sourceOf(source) });
  }
  for (const { source, id, version, kind, reason } of refused) {
    const runs = campaigns.get(id);
    const why = reason.slice(0, MAX_REASON);
    if (runs === undefined) campaigns.set(id, { version, state: kind, reason: why, ...sourceOf(source) });
    else campaigns.set(id, { ...runs, reason: `version ${version} of ${source}: ${why}`.slice(0, MAX_REASON) });
  }
  const counts = { running: running.length, refused: refused.length };
  // A shadow drops what is empty, and would be told again and again.
  if (campaigns.size === 0) return { counts };
  const whole = { campaigns: Object.fromEntries(campaigns), counts };
  const withoutReasons = mapped(campaigns, (one) => ({ ...one, reason: undefined }));
  const short = mapped(campaigns, ({ version, state }) => ({ version, state }));
  const fitting = [whole, { campaigns: withoutReasons, counts }, { campaigns: short, counts }];
  return fitting.find((one) => bytesOf(one) <= maxBytes) ?? { counts };
}

function mapped(
  campaigns: ReadonlyMap<string, ReportedCampaign>,
  change: (one: ReportedCampaign) => ReportedCampaign,
): Readonly<Record<string, ReportedCampaign>> {
  return Object.fromEntries([...campaigns].map(([id, one]) => [id, change(one)]));
}

function sourceOf(source: string): { readonly source?: string } {
  return source === "cloud" ? {} : { source };
}
