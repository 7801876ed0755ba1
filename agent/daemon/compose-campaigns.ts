import type { CampaignDocument } from "../../config/campaign.ts";
import type { AgentConfig } from "../../config/schema.ts";
import type { Outbox } from "../ports/outbox.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import type { Appender } from "../telemetry/appender.ts";
import { CampaignControl } from "../telemetry/campaigns/campaign-control.ts";
import { CampaignSet } from "../telemetry/campaigns/campaign-set.ts";
import type { FactValues } from "../telemetry/campaigns/expression-plan.ts";
import type { Collector } from "../telemetry/collect/collector.ts";
import { FrameHistory } from "../telemetry/history/frame-history.ts";
import { countOf } from "../telemetry/pipeline.ts";
import type { Encoder } from "../telemetry/record/encode/encoder.ts";
import { factNames, factValues } from "./campaign-facts.ts";
import { historyService } from "./kept-history.ts";
import type { Campaigns, Runtime } from "./parts.ts";
import type { ObservedBus } from "./services.ts";

/** The line that campaigns collect from. */
export type CampaignLineParts = {
  readonly config: Pick<AgentConfig, "buses" | "collect" | "campaigns" | "stateDir">;
  readonly table: SignalTable;
  readonly collector: Collector;
  readonly encoder: Encoder;
  readonly appender: Appender;
  readonly outbox: Pick<Outbox, "kept">;
  readonly buses: readonly ObservedBus[];
  /** Documents that can run here, each id once. */
  readonly documents: readonly CampaignDocument[];
};

/** The part of the composition root that wires campaigns. Without one that asks for them, history and expressions cost nothing. */
export function composeCampaigns(
  { config, table, collector, encoder, appender, outbox, buses, documents }: CampaignLineParts,
  { clock, log }: Pick<Runtime, "clock" | "log">,
): Campaigns {
  const { maxBytes } = config.campaigns.history;
  const busNames = config.buses.map(({ name }) => name);
  const history = maxBytes === 0 ? undefined : new FrameHistory({ maxBytes, buses: busNames.length });
  const { batchSamples } = config.collect;
  const campaign = {
    table,
    encoder,
    history,
    busCounts: () => buses.map(countOf),
    clock,
    batchSamples,
  };
  const facts = (): FactValues => factValues(buses.map(({ bus, state }) => ({ name: bus.name, state })));
  const set = new CampaignSet({
    campaign,
    appender,
    kept: outbox.kept(),
    collector,
    busNames,
    facts,
    want: () => undefined,
  });
  const context = { table, busNames, facts: factNames(busNames), hasHistory: history !== undefined };
  const control = new CampaignControl(config.collect.rules, { set, context });
  control.useDocuments(documents);
  const services = history === undefined ? [] : [historyService(history, config, log)];
  return { set, control, history, services };
}
