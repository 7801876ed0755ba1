import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";
import { createStateFiles } from "../../drivers/os/state-files.ts";
import type { Outbox } from "../ports/outbox.ts";
import { type Interest, undescribedBuses, type WantedSignals } from "../signals/wanted-signals.ts";
import { ActiveCodes } from "../telemetry/active-codes.ts";
import type { Appender } from "../telemetry/appender.ts";
import { CAMPAIGN_SOURCES } from "../telemetry/campaigns/arrival/campaign-choice.ts";
import { CampaignControl } from "../telemetry/campaigns/arrival/campaign-control.ts";
import { reportCampaigns } from "../telemetry/campaigns/arrival/campaign-reporter.ts";
import { CampaignStore, NO_CAMPAIGNS } from "../telemetry/campaigns/arrival/campaign-store.ts";
import { keptOffer, LocalCampaigns } from "../telemetry/campaigns/arrival/local-campaigns.ts";
import { limitsOf } from "../telemetry/campaigns/plan/campaign-limits.ts";
import type { FactValues } from "../telemetry/campaigns/plan/expression-plan.ts";
import { CampaignSet } from "../telemetry/campaigns/run/campaign-set.ts";
import type { Collector } from "../telemetry/collect/collector.ts";
import { FrameHistory } from "../telemetry/history/frame-history.ts";
import type { KnownPosition } from "../telemetry/known-position.ts";
import { countOf } from "../telemetry/record/encode/bus-count.ts";
import type { CampaignReport } from "../telemetry/record/encode/campaign-report.ts";
import type { Encoder } from "../telemetry/record/encode/encoder.ts";
import { VehicleFacts } from "../telemetry/vehicle-facts.ts";
import { factNames, factValues } from "./campaign-facts.ts";
import { composeSnapshots, type SessionEvents } from "./compose-snapshots.ts";
import { type CampaignFiles, type FoundCampaigns, loadCampaignFiles, offerOf } from "./configuration/campaign-files.ts";
import { historyService } from "./kept-history.ts";
import type { OutboxKey } from "./outbox-key.ts";
import type { Campaigns, Runtime } from "./parts.ts";
import { loopService, type ObservedBus } from "./services.ts";

/** The line that campaigns collect from. */
export type CampaignLineParts = {
  readonly config: Pick<AgentConfig, "buses" | "collect" | "campaigns" | "stateDir" | "ota" | "power" | "place">;
  /** Of the table whose signals are collected. */
  readonly wanted: WantedSignals;
  readonly collector: Collector;
  readonly encoder: Encoder;
  readonly appender: Appender;
  readonly outbox: Pick<Outbox, "kept" | "stats">;
  readonly buses: readonly ObservedBus[];
  readonly found: Pick<FoundCampaigns, "files" | "set">;
};

/** What campaigns run in. Without `outboxKey` the history is kept in clear; of trouble codes, the vehicle's state and its place only what is given is known. */
type CampaignSurroundings = Pick<Runtime, "clock" | "log"> & {
  readonly broker: SessionEvents;
  readonly activeCodes?: ActiveCodes | undefined;
  readonly vehicleFacts?: VehicleFacts | undefined;
  readonly position?: KnownPosition | undefined;
  readonly outboxKey?: Pick<OutboxKey, "cipher"> | undefined;
};

/** The part of the composition root that wires campaigns. Without one that asks for them, history and expressions cost nothing. */
export function composeCampaigns(
  { config, wanted, collector, encoder, appender, outbox, buses, found }: CampaignLineParts,
  {
    clock,
    log,
    broker,
    activeCodes = new ActiveCodes(),
    vehicleFacts = new VehicleFacts(),
    position,
    outboxKey,
  }: CampaignSurroundings,
): Campaigns {
  const { table } = wanted;
  const { maxBytes } = config.campaigns.history;
  const busNames = config.buses.map(({ name }) => name);
  wanted.want("buses without DBC files", undescribedBuses(table, busNames));
  const history = maxBytes === 0 ? undefined : new FrameHistory({ maxBytes, buses: busNames.length });
  const { batchSamples } = config.collect;
  const campaign = {
    table,
    encoder,
    history,
    vehicle: {
      busCounts: () => buses.map(({ bus }) => countOf(bus)),
      codes: () => activeCodes.names(),
      position: () => position?.current(),
    },
    clock: encoder.stamps,
    batchSamples,
  };
  const factsNow = (): FactValues =>
    factValues(
      buses.map(({ bus, state }) => ({ name: bus.name, state })),
      {
        isOnline: broker.status().state === "online",
        clockQuality: clock.quality(),
        outbox: outbox.stats(),
        codes: { active: activeCodes.count(), isLampOn: activeCodes.hasLamp() },
        vehicle: vehicleFacts.now(),
        fences: vehicleFacts.fences(),
      },
    );
  const set = new CampaignSet({
    campaign,
    appender,
    kept: outbox.kept(),
    run: `${outbox.stats().epoch}`,
    collector,
    busNames,
    facts: factsNow,
    want: wantInTurn(wanted),
  });
  const facts = factNames(busNames, config.power?.state !== undefined, config.place?.fences);
  const context = { table, busNames, facts, hasHistory: history !== undefined };
  const limits = limitsOf(config.campaigns);
  const control = new CampaignControl(config.collect.rules, { set, context, limits, hardware: config.ota?.hardware });
  const store = new CampaignStore({ files: createStateFiles(join(config.stateDir, "campaigns")), log });
  const kept = store.load("local");
  const keptOfCloud = config.campaigns.cloud === undefined ? undefined : store.load("cloud");
  control.begin(
    new Map([
      ["files", offerOf(found.files)],
      ["set", offerOf(found.set)],
      ["local", keptOffer(kept)],
      ["cloud", keptOffer(keptOfCloud ?? NO_CAMPAIGNS)],
    ]),
  );
  for (const source of CAMPAIGN_SOURCES) {
    const campaigns = control.documentsOf(source).length;
    if (campaigns > 0) log.info("campaign.found", { source, campaigns });
  }
  const local = new LocalCampaigns(kept, { control, store, log });
  const reload = async (): Promise<CampaignFiles> => {
    const files = await loadCampaignFiles(config, table);
    control.offer("files", offerOf(files));
    for (const { file, what } of files.refused) log.error("campaign.refused", { file, what });
    log.info("campaign.files-read", { campaigns: files.documents.length, refused: files.refused.length });
    return files;
  };
  const send = (report: CampaignReport): void => {
    for (const draft of encoder.campaignReport(report)) appender.add(draft);
    appender.storeSoon();
  };
  const run = (signal: AbortSignal): Promise<void> => reportCampaigns({ control, send, clock }, signal);
  const snapshots = composeSnapshots({ config, wanted, campaign, collector, appender, control }, { log, broker });
  const services = {
    beforePipeline: [
      ...(history === undefined ? [] : [historyService(history, config, outboxKey, log)]),
      loopService("campaign reports", { run }),
    ],
    afterPipeline: snapshots.services,
  };
  return {
    set,
    control,
    store,
    local,
    keptOfCloud,
    reload,
    history,
    snapshotBeforeSleep: snapshots.beforeSleep,
    services,
  };
}

/** Each interest of the campaigns takes the place of the one before, at once: they are asked for between two frames. */
function wantInTurn(wanted: WantedSignals): (interest: Interest) => void {
  let release = (): void => undefined;
  return (interest) => {
    release();
    release = wanted.want("campaigns", interest);
    wanted.settle();
  };
}
