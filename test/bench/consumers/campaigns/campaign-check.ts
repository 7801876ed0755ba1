import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { type CampaignDocument, campaignDocument } from "../../../../config/campaign.ts";
import { samplesOfColumns, samplesOfRows } from "../campaign-samples.ts";
import type { Arrival } from "../record-check.ts";
import { createRecordReader, type ReadRecord, type WireRecord, type WireSignal } from "../record-reader.ts";
import { columnsOf } from "../sample-judge.ts";
import { CampaignEvidence } from "./campaign-evidence.ts";
import { judgeCampaign } from "./campaign-judge.ts";
import type { CampaignVerdict } from "./campaign-verdict.ts";
import { type DriveFacts, missingFrames, ReceivedFrames } from "./received-frames.ts";

export type CampaignCheckParts = {
  readonly descriptor: Uint8Array;
  readonly documents: readonly CampaignDocument[];
  readonly drive: Omit<DriveFacts, "startUs">;
};

/** How far a campaign has come. */
export type CampaignProgress = { readonly id: string; readonly triggers: number; readonly samples: number };

type Body = Pick<WireRecord, "samples" | "rows" | "trigger" | "frames" | "histograms">;

/** Reads the documents of campaigns; throws where one is none. */
export function readCampaigns(files: readonly string[]): readonly CampaignDocument[] {
  return files.map((file) => {
    const value: unknown = parse(readFileSync(file, "utf8"));
    return campaignDocument.parse(value);
  });
}

/** Keeps all that comes of campaigns until the drive is over, and judges it then. */
export class CampaignCheck {
  readonly #parts: CampaignCheckParts;
  readonly #read: ReadRecord;
  readonly #tables = new Map<string, Map<number, WireSignal>>();
  readonly #totals = new Map<string, number>();
  readonly #seen = new Set<string>();
  readonly #records: WireRecord[] = [];
  readonly #progress = new Map<string, { triggers: number; samples: number }>();
  #startUs: number | undefined;

  constructor(parts: CampaignCheckParts) {
    this.#parts = parts;
    this.#read = createRecordReader(parts.descriptor);
  }

  /** Wall time of the vehicle's first frame, µs since the Unix epoch. */
  start(startUs: number): void {
    this.#startUs = startUs;
  }

  /** What cannot be read is for the other consumers to find. */
  arrive({ payload, properties, contentType }: Arrival): void {
    const record = this.#read(payload, properties.get("encoding") ?? "identity", contentType);
    if (record.table !== undefined) {
      const { id, total, signals } = record.table;
      const known = this.#tables.get(id) ?? new Map<number, WireSignal>();
      this.#tables.set(id, known);
      this.#totals.set(id, total);
      for (const signal of signals) known.set(signal.index, signal);
      return;
    }
    const key = `${record.epoch}/${record.stream}/${record.seq}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#records.push(record);
    this.#count(record);
  }

  progress(): readonly CampaignProgress[] {
    return this.#parts.documents.map(({ id }) => ({ id, ...(this.#progress.get(id) ?? { triggers: 0, samples: 0 }) }));
  }

  /** `excuse`: why what is missing may be missing. */
  judge(excuse: string | undefined): readonly CampaignVerdict[] {
    const facts = { ...this.#parts.drive, startUs: this.#startUs ?? 0 };
    const received = new ReceivedFrames(facts);
    const evidence = new Map(this.#parts.documents.map(({ id }) => [id, new CampaignEvidence()]));
    let waiting = 0;
    for (const record of this.#records) if (!this.#sort(record, received, evidence)) waiting += 1;
    const frames = received.ordered();
    const missing = missingFrames(frames);
    const why =
      waiting > 0
        ? `${waiting} records wait for a signal table`
        : missing.length > 0
          ? `${missing.length} frames are in no record of the default campaign, such as ${missing[0]}`
          : excuse;
    return this.#parts.documents.map((document) => {
      const own = evidence.get(document.id) ?? new CampaignEvidence();
      return judgeCampaign({ document, frames, facts, evidence: own, excuse: why });
    });
  }

  /** False where the table of a record has not come. */
  #sort(record: WireRecord, received: ReceivedFrames, all: ReadonlyMap<string, CampaignEvidence>): boolean {
    const { samples, rows, trigger, frames, histograms } = record;
    const { vehicle } = this.#parts.drive;
    const evidence = all.get(campaignOf(record)?.id ?? "");
    if (record.thinned && evidence !== undefined) evidence.isThinned = true;
    if (samples !== undefined) {
      const table = this.#tables.get(samples.table);
      if (table === undefined || table.size < (this.#totals.get(samples.table) ?? 1)) return false;
      const columns = columnsOf(samples, table);
      if (samples.campaign === null) received.note(columns);
      else evidence?.take(samplesOfColumns(samples, columns), vehicle);
    }
    if (rows !== undefined) evidence?.take(samplesOfRows(rows), vehicle);
    if (trigger !== undefined) evidence?.triggers.push(trigger);
    if (frames !== undefined) evidence?.frames.push(frames);
    if (histograms !== undefined) evidence?.histograms.push(...histograms.histograms);
    return true;
  }

  #count(record: WireRecord): void {
    const id = campaignOf(record)?.id;
    if (id === undefined) return;
    const progress = this.#progress.get(id) ?? { triggers: 0, samples: 0 };
    this.#progress.set(id, progress);
    if (record.trigger?.phase === "TRIGGER_PHASE_BEGIN") progress.triggers += 1;
    progress.samples += record.rows?.rows.length ?? 0;
    for (const { raws, floats, doubles } of record.samples?.columns ?? [])
      progress.samples += raws.length + floats.length + doubles.length;
  }
}

function campaignOf({ samples, rows, trigger, frames, histograms }: Body) {
  return (samples ?? rows ?? trigger ?? frames ?? histograms)?.campaign ?? undefined;
}
