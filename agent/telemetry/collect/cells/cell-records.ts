import type { KeptValue, StreamName } from "../../../ports/outbox.ts";
import type { CampaignRef } from "../../record/encode/campaign-ref.ts";
import type { Encoder } from "../../record/encode/encoder.ts";
import type { HistogramsReport } from "../../record/encode/histograms.ts";
import type { EncodedDraft } from "../../record/encode/record-sealer.ts";
import type { CellLedger } from "./cell-ledger.ts";

/** Records, and the kept values as they are when those are stored: for `Appender.addTogether`, with all else of the flush. */
export type CellRecords = { readonly drafts: readonly EncodedDraft[]; readonly kept: readonly KeptValue[] };

/** Who the records are of, and how they go. */
export type CellRecordsParts = {
  readonly campaign: CampaignRef;
  readonly stream: StreamName;
  /** As `Encoder.histograms` takes it; columns when absent. */
  readonly form?: "columns" | "rows" | "json";
  readonly encoder: Pick<Encoder, "histograms">;
};

/** What a sampler has for the flush that is under way: what is due to be reported, and what has changed. */
export function cellRecords(
  ledger: Pick<CellLedger, "takeReports" | "takeChanges">,
  parts: CellRecordsParts,
): CellRecords {
  const histograms = ledger.takeReports();
  return recordsWith({ campaign: parts.campaign, histograms }, ledger.takeChanges(), parts);
}

/** The last records of a sampler: all that it counted, and the end of what is kept. */
export function lastCellRecords(
  ledger: Pick<CellLedger, "retire" | "takeReports" | "forget">,
  parts: CellRecordsParts,
): CellRecords {
  ledger.retire();
  return recordsWith({ campaign: parts.campaign, histograms: ledger.takeReports() }, ledger.forget(), parts);
}

/** Records of `report`; the last of them is not stored without `kept`. */
export function recordsWith(
  report: HistogramsReport,
  kept: readonly KeptValue[],
  { stream, form, encoder }: Omit<CellRecordsParts, "campaign">,
): CellRecords {
  if (report.histograms.length === 0) return { drafts: [], kept };
  const drafts = encoder.histograms(report, stream, form);
  const last = drafts.length - 1;
  return { drafts: drafts.map((draft, at) => (at === last ? { ...draft, kept } : draft)), kept };
}
