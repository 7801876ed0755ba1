import type { Clock } from "../../../core/clock.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import type { CellPlace } from "../../collect/cells/cell-ledger.ts";
import type { FramePass } from "../../collect/lane.ts";
import type { FrameHistory } from "../../history/frame-history.ts";
import type { BusCount } from "../../record/encode/bus-count.ts";
import type { CampaignRef, RecordMark } from "../../record/encode/campaign-ref.ts";
import type { Encoder } from "../../record/encode/encoder.ts";
import type { LaneEncoder } from "../../record/encode/lane-encoder.ts";
import type { EncodedDraft } from "../../record/encode/record-sealer.ts";
import type { Position } from "../../record/encode/trigger.ts";
import type { CampaignPlan } from "../plan/campaign-plan.ts";
import { DEFAULT_CAMPAIGN } from "../plan/default-campaign.ts";

/** What records say of the vehicle beside what was collected. */
export type VehicleFacts = {
  /** What each bus has done since the agent started, in the order of the configuration. */
  readonly busCounts: () => readonly BusCount[];
  /** Active trouble codes in the field's notation; absent where none are read. */
  readonly codes?: (() => readonly string[]) | undefined;
  /** Where it is, as far as that may leave it. */
  readonly position?: (() => Position | undefined) | undefined;
};

/** What campaigns collect with, and where their records go. */
export type CampaignParts = {
  readonly table: SignalTable;
  readonly pass: FramePass;
  readonly encoder: Encoder;
  /** Takes a record over; it is stored with the others of the same flush. */
  readonly add: (draft: EncodedDraft) => void;
  /** Received frames of the time before triggers; undefined where no campaign may ask for them. */
  readonly history: FrameHistory | undefined;
  readonly vehicle: VehicleFacts;
  readonly clock: Clock;
  /** Samples after which a batch is full. */
  readonly batchSamples: number;
};

/** Where the records of one campaign go: each is counted for its budget. */
export type CampaignOutput = {
  /** How they name it; undefined for the default campaign, which they do not name. */
  readonly campaign: CampaignRef | undefined;
  readonly add: (draft: EncodedDraft) => void;
  /** Where its cells are kept; undefined for the default campaign, which has none. */
  readonly places: CellPlaces | undefined;
};

/** Where cells are kept, by the name of their sampler in the campaign. */
export type CellPlaces = (name: string) => CellPlace;

/** How the records of a campaign name it; the default campaign has no name in them. */
export function refOf({ document, digest }: CampaignPlan): CampaignRef | undefined {
  const { id, version } = document;
  return id === DEFAULT_CAMPAIGN ? undefined : { id, version, digest };
}

/** Writes the samples of a plan as its document says. */
export function laneEncoderOf(plan: CampaignPlan, encoder: Encoder): LaneEncoder {
  const { schema, document } = plan;
  const { stream, form, compression } = document.send;
  return encoder.lane({ schema, campaign: refOf(plan), stream, form, compression, thin: document.thin });
}

/** What frames of a trigger are marked with. */
export function markOf(campaign: CampaignRef | undefined, trigger: number): RecordMark | undefined {
  return campaign === undefined ? undefined : { campaign, trigger };
}
