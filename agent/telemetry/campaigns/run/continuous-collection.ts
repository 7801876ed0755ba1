import type { KeptValue } from "../../../ports/outbox.ts";
import type { SenderSlots } from "../../../signals/signal-slots.ts";
import {
  type CellRecords,
  type CellRecordsParts,
  cellRecords,
  lastCellRecords,
} from "../../collect/cells/cell-records.ts";
import type { KeptSampler } from "../../collect/cells/kept-sampler.ts";
import type { CloseCause } from "../../collect/sampler.ts";
import type { SamplerLink } from "../../collect/sampler-chains.ts";
import type { LaneEncoder } from "../../record/encode/lane-encoder.ts";
import type { CampaignPlan } from "../plan/campaign-plan.ts";
import { CampaignIntake } from "./campaign-intake.ts";
import { type CampaignOutput, type CampaignParts, laneEncoderOf } from "./campaign-parts.ts";
import type { Collection, CollectionLink, Look, TriggerOccasion } from "./collection.ts";
import { Gate } from "./gated-samplers.ts";
import { triggerReport } from "./trigger-report.ts";

/** Collects all the time, or with a trigger of mode "while" as long as its condition is true. */
export class ContinuousCollection implements Collection {
  readonly #plan: CampaignPlan;
  readonly #output: CampaignOutput;
  readonly #parts: CampaignParts;
  readonly #intake: CampaignIntake;
  readonly #encoder: LaneEncoder;
  /** Always open where there is no trigger. */
  readonly #gate = new Gate();
  /** 0: at each flush. */
  readonly #batchMs: number;
  #dueMs = 0;
  #kept: KeptValue[] = [];
  #occasion: TriggerOccasion | undefined;

  constructor(plan: CampaignPlan, output: CampaignOutput, parts: CampaignParts) {
    const { table, pass, batchSamples, encoder } = parts;
    this.#plan = plan;
    this.#output = output;
    this.#parts = parts;
    this.#intake = new CampaignIntake(plan, { table, pass, batchSamples, places: output.places });
    this.#encoder = laneEncoderOf(plan, encoder);
    this.#gate.set(plan.document.trigger === undefined);
    this.#batchMs = plan.document.send.batchMs ?? 0;
  }

  links(): readonly CollectionLink[] {
    return this.#gated(this.#intake.links());
  }

  admit(sender: SenderSlots): readonly CollectionLink[] {
    return this.#gated(this.#intake.admit(sender));
  }

  takeDerived(index: number, value: number, timeUs: number): void {
    if (this.#gate.isOpen) this.#intake.takeDerived(index, value, timeUs);
  }

  begin(occasion: TriggerOccasion): void {
    this.#gate.set(true);
    this.#occasion = occasion;
    this.#report("begin", occasion.timeUs);
  }

  end(timeUs: number): void {
    if (this.#occasion === undefined) return;
    this.#gate.set(false);
    this.#store("stop");
    this.#report("end", timeUs);
    this.#occasion = undefined;
  }

  look(): Look {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#intake.close(nowMs, "tick");
    const { count, isFull } = this.#intake.lane;
    if (this.#batchMs === 0) return { isDue: isFull, samples: count };
    return { isDue: isFull || (count > 0 && nowMs >= this.#dueMs), samples: 0 };
  }

  flush(cause: CloseCause): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const isDue = cause !== "tick" || nowMs >= this.#dueMs || this.#intake.lane.isFull;
    if (isDue) this.#store(cause);
    else this.#intake.close(nowMs, cause);
  }

  retire(): void {
    this.end(this.#parts.clock.wallUs());
    this.#countOut(({ ledger }, parts) => lastCellRecords(ledger, parts));
  }

  takeKept(): readonly KeptValue[] {
    const kept = this.#kept;
    this.#kept = [];
    return kept;
  }

  discarded(): number {
    return this.#intake.lane.discarded;
  }

  #store(cause: CloseCause): void {
    const { clock, vehicle } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#dueMs = nowMs + this.#batchMs;
    this.#intake.close(nowMs, cause);
    const log = this.#intake.lane.drain();
    const drafts = log.count === 0 ? [] : this.#encoder.encode(log, vehicle.busCounts(), this.#occasion?.number);
    for (const draft of drafts) this.#output.add(draft);
    // With the samples, so that after a kill the cells are those of what was stored.
    this.#countOut(({ ledger }, parts) => cellRecords(ledger, parts));
  }

  #countOut(recordsOf: (sampler: KeptSampler, parts: CellRecordsParts) => CellRecords): void {
    const { campaign } = this.#output;
    if (campaign === undefined) return;
    const { stream, form } = this.#plan.document.send;
    const parts = { campaign, stream, form, encoder: this.#parts.encoder };
    for (const sampler of this.#intake.kept) {
      const { drafts, kept } = recordsOf(sampler, parts);
      for (const draft of drafts) this.#output.add(draft);
      this.#kept.push(...kept);
    }
  }

  #report(phase: "begin" | "end", timeUs: number): void {
    const { campaign } = this.#output;
    if (this.#occasion === undefined || campaign === undefined) return;
    const { encoder, vehicle } = this.#parts;
    const report = triggerReport({ plan: this.#plan, campaign, occasion: this.#occasion, vehicle }, phase, timeUs);
    this.#output.add(encoder.trigger(report, this.#plan.document.send.form));
  }

  #gated(links: readonly SamplerLink[]): readonly CollectionLink[] {
    if (this.#plan.document.trigger === undefined) return links;
    return links.map((link) => ({ ...link, gate: this.#gate }));
  }
}
