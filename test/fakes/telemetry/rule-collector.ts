import type { Clock } from "../../../agent/core/clock.ts";
import type { SenderSlots } from "../../../agent/signals/signal-slots.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import type { Interest } from "../../../agent/signals/wanted-signals.ts";
import type { Appender } from "../../../agent/telemetry/appender.ts";
import { CampaignControl } from "../../../agent/telemetry/campaigns/arrival/campaign-control.ts";
import { planCampaign } from "../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { defaultCampaign } from "../../../agent/telemetry/campaigns/plan/default-campaign.ts";
import { CampaignIntake } from "../../../agent/telemetry/campaigns/run/campaign-intake.ts";
import { CampaignSet } from "../../../agent/telemetry/campaigns/run/campaign-set.ts";
import { Collector, type FrameLinks } from "../../../agent/telemetry/collect/collector.ts";
import type { SampleLog } from "../../../agent/telemetry/collect/sample-log.ts";
import type { BusCount } from "../../../agent/telemetry/record/encode/bus-count.ts";
import type { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import type { CollectRule } from "../../../config/schema.ts";

const NO_LIMITS = {
  count: 1000,
  historyBytes: Number.POSITIVE_INFINITY,
  windowBytes: Number.POSITIVE_INFINITY,
  evaluationsPerSecond: Number.POSITIVE_INFINITY,
  bytesPerDay: Number.POSITIVE_INFINITY,
};

export type RuleCollectorParts = {
  readonly table: SignalTable;
  readonly rules: readonly CollectRule[];
  readonly batchSamples: number;
};

/** A collector with the campaign of some rules alone, whose samples are taken from its lane. */
export class RuleCollector extends Collector {
  readonly #intake: CampaignIntake;

  constructor({ table, rules, batchSamples }: RuleCollectorParts) {
    super(table);
    const context = { table, busNames: [], facts: new Map(), hasHistory: false };
    const planned = planCampaign(defaultCampaign(rules), context, "warning");
    if (planned.kind === "unfit") throw new TypeError(planned.problems[0]?.problem);
    const intake = new CampaignIntake(planned.plan, { table, pass: this.pass, batchSamples });
    this.#intake = intake;
    const links = { readers: [], samplers: intake.links() };
    const admit = (sender: SenderSlots): FrameLinks => ({ readers: [], samplers: intake.admit(sender) });
    this.use(links, { admit, settle: () => undefined });
  }

  get sampleCount(): number {
    return this.#intake.lane.count;
  }

  get isFull(): boolean {
    return this.pass.isFull;
  }

  /** Samples that found the batch full. */
  get overflowed(): number {
    return this.#intake.lane.discarded;
  }

  drain(nowMs: number, closing: boolean): SampleLog {
    this.pass.frame += 1;
    this.pass.isFull = false;
    this.#intake.close(nowMs, closing ? "stop" : "tick");
    return this.#intake.lane.drain();
  }
}

export type RuleLineParts = RuleCollectorParts & {
  readonly encoder: Encoder;
  readonly appender: Appender;
  readonly clock: Clock;
  readonly busCounts?: () => readonly BusCount[];
};

/** The campaigns of a pipeline: that of the rules alone. */
export function ruleLine({
  table,
  rules,
  batchSamples,
  encoder,
  appender,
  clock,
  busCounts = () => [],
}: RuleLineParts) {
  const collector = new Collector(table);
  const campaign = { table, encoder, history: undefined, vehicle: { busCounts }, clock, batchSamples };
  const campaigns = new CampaignSet({
    campaign,
    appender,
    kept: [],
    run: "1",
    collector,
    busNames: [],
    facts: () => new Map(),
    want: wantedIn(table),
  });
  const context = { table, busNames: [], facts: new Map(), hasHistory: false };
  const control = new CampaignControl(rules, { set: campaigns, context, limits: NO_LIMITS });
  control.begin(new Map());
  return { collector, campaigns, control };
}

/** Has those signals alone decoded that campaigns want. */
export function wantedIn(table: SignalTable): (interest: Interest) => void {
  return ({ signals }) => {
    const wanted = new Uint8Array(table.signals.length);
    for (const signal of signals) wanted[signal] = 1;
    table.want(wanted);
  };
}
