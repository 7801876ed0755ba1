import type { Outbox } from "../ports/outbox.ts";
import type { CodeReport } from "../telemetry/record/encode/code-report.ts";
import type { Encoder } from "../telemetry/record/encode/encoder.ts";
import type { EncodedDraft } from "../telemetry/record/encode/record-sealer.ts";
import type { TroubleCodeEvent } from "../telemetry/record/encode/trouble-code.ts";

/** Keys among the kept values of the outbox: number of the newest event of a trouble code, day of the newest report. */
export const CODE_NUMBER_KEY = "trouble-codes/number";
export const CODE_REPORT_KEY = "trouble-codes/day";

/** Draft of an event of a trouble code, with its number as a kept value: what was stored is known after any power cut. */
export function codeDraft(encoder: Encoder, event: TroubleCodeEvent): EncodedDraft {
  return { ...encoder.troubleCode(event), kept: [keptValue(CODE_NUMBER_KEY, event.number)] };
}

/** Drafts of a report, the last with its day as a kept value. */
export function reportDrafts(encoder: Encoder, report: CodeReport, day: number | undefined): readonly EncodedDraft[] {
  const drafts = encoder.codeReport(report);
  if (day === undefined) return drafts;
  return drafts.map((draft, at) =>
    at === drafts.length - 1 ? { ...draft, kept: [keptValue(CODE_REPORT_KEY, day)] } : draft,
  );
}

/** A number among kept values; undefined where there is none. */
export function keptCount(kept: ReturnType<Outbox["kept"]>, key: string): number | undefined {
  const value = kept.find((one) => one.key === key)?.value;
  const count = value === undefined ? Number.NaN : Number(Buffer.from(value).toString());
  return Number.isSafeInteger(count) ? count : undefined;
}

/** A number as a kept value. */
export function keptValue(key: string, value: number): { readonly key: string; readonly value: Uint8Array } {
  return { key, value: Buffer.from(`${value}`) };
}
