import type { StreamName } from "../../ports/outbox.ts";
import type { DecodedRecord, RecordBody } from "../../telemetry/record/read/decoded-record.ts";
import type { RecordReader } from "../../telemetry/record/read/record-reader.ts";
import { labelOf, type RecordLabel } from "./record-label.ts";
import type { SimulatedRecord } from "./simulation.ts";

/** Triggers of a campaign that are told one by one; more are counted. */
const MAX_TOLD_TRIGGERS = 1000;

export type TriggerBody = Extract<RecordBody, { kind: "trigger" }>;

/** A trigger, and what belongs to it. `end` is undefined where the log ended first. */
export type ToldTrigger = {
  readonly number: number;
  readonly begin: TriggerBody;
  end: TriggerBody | undefined;
  samples: number;
  bytes: number;
};

/** Records of one kind and stream. */
export type RecordCount = {
  readonly kind: string;
  readonly stream: StreamName;
  records: number;
  samples: number;
  bytes: number;
};

/** What one campaign has sent. */
export type CampaignTally = {
  readonly counts: Map<string, RecordCount>;
  readonly triggers: Map<number, ToldTrigger>;
};

/** Counts the records of campaigns, and keeps their triggers. */
export class Tally {
  readonly #reader: RecordReader;
  readonly #campaigns = new Map<string, CampaignTally>();

  constructor(reader: RecordReader) {
    this.#reader = reader;
  }

  /** `decoded` where it has been decoded already. */
  take(record: SimulatedRecord, decoded?: DecodedRecord): void {
    const label = labelOf(record.payload);
    if (label === undefined) return;
    const campaign = this.of(label.campaign);
    count(campaign, label, record);
    if (label.kind === "trigger") this.#note(campaign, (decoded ?? this.#reader.decode(record.payload)).body);
    const trigger = campaign.triggers.get(label.trigger);
    if (trigger === undefined) return;
    trigger.samples += record.samples;
    trigger.bytes += record.payload.length;
  }

  of(id: string): CampaignTally {
    const known = this.#campaigns.get(id) ?? { counts: new Map(), triggers: new Map() };
    this.#campaigns.set(id, known);
    return known;
  }

  #note({ triggers }: CampaignTally, body: RecordBody): void {
    if (body.kind !== "trigger") return;
    const known = triggers.get(body.number);
    if (known !== undefined) known.end = body;
    else if (triggers.size < MAX_TOLD_TRIGGERS) {
      triggers.set(body.number, { number: body.number, begin: body, end: undefined, samples: 0, bytes: 0 });
    }
  }
}

function count({ counts }: CampaignTally, { kind }: RecordLabel, { stream, samples, payload }: SimulatedRecord): void {
  const key = `${kind} ${stream}`;
  const known = counts.get(key) ?? { kind, stream, records: 0, samples: 0, bytes: 0 };
  known.records += 1;
  known.samples += samples;
  known.bytes += payload.length;
  counts.set(key, known);
}
