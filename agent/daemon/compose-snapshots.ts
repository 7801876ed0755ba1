import type { AgentConfig } from "../../config/schema.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import type { Broker } from "../ports/broker.ts";
import type { WantedSignals } from "../signals/wanted-signals.ts";
import type { Appender } from "../telemetry/appender.ts";
import type { CampaignControl } from "../telemetry/campaigns/arrival/campaign-control.ts";
import { signalsOf } from "../telemetry/campaigns/run/campaign-set.ts";
import { snapshotCampaign } from "../telemetry/campaigns/snapshots/snapshot-campaign.ts";
import { type SnapshotParts, Snapshots } from "../telemetry/campaigns/snapshots/snapshots.ts";
import type { Collector } from "../telemetry/collect/collector.ts";
import { snapshotService } from "./services.ts";

/** Tells when there is a new session with the broker. */
export type SessionEvents = Pick<Broker, "online" | "status">;

type SnapshotLineParts = {
  readonly wanted: WantedSignals;
  readonly collector: Collector;
  readonly appender: Appender;
  readonly config: Pick<AgentConfig, "collect">;
  readonly campaign: SnapshotParts["campaign"];
  readonly control: Pick<CampaignControl, "planOf">;
};

/** A service to be started after the pipeline, where it is configured, and what takes a snapshot before sleep. */
type SnapshotLine = { readonly services: readonly Service[]; readonly beforeSleep: () => void };

/** What sends all last known values at once. */
export function composeSnapshots(
  { config, wanted, campaign, collector, appender, control }: SnapshotLineParts,
  { log, broker }: { readonly log: Log; readonly broker: SessionEvents },
): SnapshotLine {
  const { snapshot } = config.collect;
  const plan = snapshot === undefined ? undefined : control.planOf(snapshotCampaign(snapshot));
  // Signals that cannot be planned have been refused with the configuration.
  if (snapshot === undefined || plan === undefined) return { services: [], beforeSleep: () => undefined };
  wanted.want("snapshots", { signals: signalsOf([plan]), frames: [] });
  wanted.settle();
  const minIntervalMs = snapshot.minIntervalSeconds * 1000;
  const snapshots = new Snapshots({ plan, campaign, latest: collector.latest, appender, minIntervalMs, log });
  const beforeSleep = (): void => {
    if (snapshot.on.includes("sleep")) snapshots.beforeSleep();
  };
  return { services: [snapshotService(snapshots, snapshot.on, broker)], beforeSleep };
}
