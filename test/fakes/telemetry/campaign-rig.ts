import type { Outbox } from "../../../agent/ports/outbox.ts";
import { LatestSignals } from "../../../agent/signals/latest-signals.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { CampaignControl } from "../../../agent/telemetry/campaigns/arrival/campaign-control.ts";
import { limitsOf } from "../../../agent/telemetry/campaigns/plan/campaign-limits.ts";
import type { FactNames, FactValues } from "../../../agent/telemetry/campaigns/plan/expression-plan.ts";
import { CampaignSet } from "../../../agent/telemetry/campaigns/run/campaign-set.ts";
import { snapshotCampaign } from "../../../agent/telemetry/campaigns/snapshots/snapshot-campaign.ts";
import { Snapshots } from "../../../agent/telemetry/campaigns/snapshots/snapshots.ts";
import { Collector } from "../../../agent/telemetry/collect/collector.ts";
import { FrameHistory } from "../../../agent/telemetry/history/frame-history.ts";
import { Pipeline } from "../../../agent/telemetry/pipeline.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { campaignDocument } from "../../../config/campaign.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { agentConfig, type CollectRule } from "../../../config/schema.ts";
import { snapshotConfig } from "../../../config/snapshot.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";
import { FakeCanBus } from "../ports/can-bus.ts";
import { FakeOutbox } from "../ports/outbox.ts";
import { encoderOf } from "./samples.ts";
import { tableOf } from "./table.ts";

/** Where the clocks of a rig start, µs since the Unix epoch. */
export const RIG_T0 = 1_767_225_600_000_000;
const reader = createRecordReader(readDescriptor());

export type RigSettings = {
  readonly rules?: readonly CollectRule[];
  readonly historyBytes?: number;
  /** An outbox that was in use before. */
  readonly outbox?: Outbox;
  /** Where its clock starts; `RIG_T0` when absent. */
  readonly wallUs?: number;
  readonly facts?: () => FactValues;
  /** What expressions may ask; `bus.can0.up` when absent. */
  readonly factNames?: FactNames;
  /** Signals of bus can0 in place of Motion. */
  readonly table?: SignalTable;
};

/** What the rig's table has when it is given none: Motion (0x100), of two bytes, Speed and Brake. */
function motion(): SignalTable {
  return tableOf([
    {
      name: "Motion",
      signals: [
        { name: "Speed", unit: "km/h" },
        { name: "Brake", unit: "bar" },
      ],
    },
  ]);
}

/** A vehicle with one bus, can0, and one message, Motion; by default nothing is collected on change. */
export async function campaignRig(settings: RigSettings = {}) {
  const { rules = [{ signals: "*", mode: "off" }], historyBytes = 1_048_576, facts = () => new Map() } = settings;
  const { table = motion(), factNames = new Map([["bus.can0.up", { type: "bool" } as const]]) } = settings;
  const clock = new ManualClock({ wallUs: settings.wallUs ?? RIG_T0 });
  const outbox = settings.outbox ?? new FakeOutbox({ clock });
  const encoder = encoderOf(table, {}, undefined, clock);
  const appender = new Appender({ outbox, clock, log: new MemoryLog(), holdBytes: 1_000_000, wake: () => undefined });
  const collector = new Collector(table);
  const history = historyBytes === 0 ? undefined : new FrameHistory({ maxBytes: historyBytes, buses: 1 });
  const vehicleNow = { busCounts: () => [] };
  const campaign = { table, encoder, history, vehicle: vehicleNow, clock: encoder.stamps, batchSamples: 10_000 };
  const interests: (readonly number[])[] = [];
  const want = ({ signals }: { readonly signals: readonly number[] }): void => void interests.push(signals);
  const kept = outbox.kept();
  const campaigns = new CampaignSet({ campaign, appender, kept, run: "1", collector, busNames: ["can0"], facts, want });
  const context = {
    table,
    busNames: ["can0"],
    facts: factNames,
    hasHistory: history !== undefined,
  };
  const limits = limitsOf(agentConfig.shape.campaigns.parse({ history: { maxBytes: historyBytes } }));
  const control = new CampaignControl(rules, { set: campaigns, context, limits });
  control.useRules(rules);
  const takers = { history };
  const pipeline = new Pipeline({ table, collector, campaigns, encoder, appender, takers, clock, batchMs: 250 });
  const bus = new FakeCanBus();
  pipeline.start();
  await bus.start(pipeline.sinkFor(bus));
  /** One frame now, then time goes on. */
  const drive = (speed: number, brake: number, forMs: number): void => {
    const receivedAtUs = clock.wallUs();
    bus.deliver([{ id: 0x100, flags: 0, data: Uint8Array.of(speed, brake), receivedAtUs }]);
    clock.advance(forMs);
  };
  const use = (...given: readonly object[]) => {
    const documents = given.map((one) => campaignDocument.parse({ schemaVersion: 1, version: 1, ...one }));
    const refused = control.offer("files", { documents, unread: [] });
    campaigns.reportOrphans();
    return refused;
  };
  const records = (): DecodedRecord[] =>
    (["event", "telemetry", "capture"] as const).flatMap((stream) =>
      outbox.read(stream, 0, outbox.lastRow(), 10_000, 1e9).map(({ payload }) => reader.decode(payload)),
    );
  const signals = new LatestSignals(table, collector.latest);
  const log = new MemoryLog();
  const snapshotsOf = (given: object): Snapshots => {
    const snapshot = snapshotConfig.parse(given);
    const plan = control.planOf(snapshotCampaign(snapshot));
    if (plan === undefined) throw new TypeError("the signals of the snapshot do not fit");
    const minIntervalMs = snapshot.minIntervalSeconds * 1000;
    return new Snapshots({ plan, campaign, latest: collector.latest, appender, minIntervalMs, log });
  };
  const vehicle = { clock, outbox, log, history, bus, signals };
  return { ...vehicle, pipeline, campaigns, control, interests, drive, use, records, snapshotsOf };
}

/** The samples of a campaign's records as "column@ms=value", oldest record first; of the default campaign without an id. */
export function samplesIn(records: readonly DecodedRecord[], id?: string): string[] {
  return records.flatMap(({ body }) => {
    if (body.kind !== "samples" || body.campaign?.id !== id) return [];
    return body.columns.flatMap(({ signal, timesUs, raws }) =>
      timesUs.map((us, at) => `${signal}@${(us - RIG_T0) / 1000}=${raws[at]}`),
    );
  });
}
