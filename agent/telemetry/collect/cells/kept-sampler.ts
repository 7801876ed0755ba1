import type { Sampler } from "../sampler.ts";
import type { CellLedger } from "./cell-ledger.ts";

/** A sampler that counts in cells, which live over restarts. It has no sink: what it gives are histograms. */
export interface KeptSampler extends Sampler {
  /** What it counts. Its owner takes reports and changes of it with each flush, and lets them be stored in one transaction. */
  readonly ledger: Pick<CellLedger, "retire" | "takeReports" | "takeChanges" | "forget">;
}
