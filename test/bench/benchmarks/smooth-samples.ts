import { FRAME_DATA_OFFSET, FRAME_STRIDE_BYTES, type FrameBatch } from "../../../agent/ports/frame.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { planCampaign } from "../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { defaultCampaign } from "../../../agent/telemetry/campaigns/plan/default-campaign.ts";
import { CampaignIntake } from "../../../agent/telemetry/campaigns/run/campaign-intake.ts";
import { Collector } from "../../../agent/telemetry/collect/collector.ts";
import type { SampleLog } from "../../../agent/telemetry/collect/sample-log.ts";
import type { CollectRule } from "../../../config/schema.ts";
import { SMOOTH_BUS } from "./smooth-signals.ts";

/** Collects the samples of smooth frames as the agent does with these rules; what was drained once is overwritten by the next. */
export function smoothCollector(table: SignalTable, rules: readonly CollectRule[]): (batch: FrameBatch) => SampleLog {
  const collector = new Collector(table);
  const planned = planCampaign(defaultCampaign(rules), { table, busNames: [], facts: new Map(), hasHistory: false });
  if (planned.kind === "unfit") throw new Error("the rules of the benchmark do not fit its table");
  const intake = new CampaignIntake(planned.plan, { table, pass: collector.pass, batchSamples: 100_000 });
  const links = { readers: [], samplers: intake.links() };
  collector.use(links, { admit: () => ({ readers: [], samplers: [] }), settle: () => undefined });
  return (batch) => {
    for (let at = 0; at < batch.count; at++) {
      const message = table.bus(SMOOTH_BUS).find(batch.id(at), false);
      if (message === undefined) throw new Error("the benchmark's table does not know its own frame");
      const start = at * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET;
      message.decode(batch.bytes, start, batch.length(at), table.values, table.wides, table.present);
      collector.take(message, true, batch.receivedAtUs(at));
    }
    return intake.lane.drain();
  };
}
