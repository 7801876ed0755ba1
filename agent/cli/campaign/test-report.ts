import { printable } from "../../core/plain-text.ts";
import { formatBytes, formatCount, formatCounted } from "../../core/quantity.ts";
import { alignColumns } from "../text.ts";
import type { SimulatedCampaign } from "./simulation.ts";
import type { CampaignTally, RecordCount } from "./tally.ts";
import { type LogSpan, timelineText } from "./timeline.ts";

/** Signals that never came and are told by name. */
const TOLD_UNSEEN = 8;
const DAY_US = 86_400_000_000;

/** What a campaign did on a log. */
export type TestedCampaign = SimulatedCampaign & { readonly tally: CampaignTally };

/** A campaign for a person: its triggers, then its records and their bytes. */
export function testText({ plan, figures, tally, unseen }: TestedCampaign, span: LogSpan): readonly string[] {
  const { id, version, trigger, budget } = plan.document;
  const triggers = [...tally.triggers.values()];
  const fired =
    trigger === undefined ? "" : `, ${count(figures.triggers, "trigger")}, ${figures.suppressed} suppressed`;
  const lost = figures.discardedSamples === 0 ? "" : `, ${formatCounted(figures.discardedSamples, "sample")} discarded`;
  const counts = [...tally.counts.values()];
  const rows = counts.map((one) => countRow(`${one.kind} (${one.stream})`, one, span));
  const total = countRow("total", totalOf(counts), span);
  const told =
    figures.triggers > triggers.length && triggers.length > 0 ? [`     ${triggers.length} of them are told here`] : [];
  const bounded = budget === undefined ? [] : [`  budget ${formatBytes(budget.bytesPerDay)} a day`];
  return [
    `${id} v${version}: ${figures.state}${fired}${lost}`,
    ...timelineText(triggers, span),
    ...told,
    ...(counts.length === 0
      ? ["  sends nothing"]
      : alignColumns([COUNT_HEAD, ...rows, ...(rows.length > 1 ? [total] : [])])),
    ...bounded,
    ...unseenText(unseen),
  ];
}

const COUNT_HEAD = ["  records (stream)", "   count", "     samples", "     bytes", " bytes a day"];

function countRow(name: string, { records, samples, bytes }: Counted, span: LogSpan): readonly string[] {
  const perDay = perDayOf(bytes, span);
  return [
    `  ${name}`,
    formatCount(records).padStart(8),
    formatCount(samples).padStart(12),
    formatBytes(bytes).padStart(10),
    (perDay === undefined ? "-" : formatBytes(perDay)).padStart(12),
  ];
}

type Counted = Pick<RecordCount, "records" | "samples" | "bytes">;

function totalOf(counts: readonly Counted[]): Counted {
  const total = { records: 0, samples: 0, bytes: 0 };
  for (const { records, samples, bytes } of counts) {
    total.records += records;
    total.samples += samples;
    total.bytes += bytes;
  }
  return total;
}

/** Bytes of a day that is like the log; undefined for a log without length. */
function perDayOf(bytes: number, { fromUs, toUs }: LogSpan): number | undefined {
  return toUs > fromUs ? Math.round((bytes / (toUs - fromUs)) * DAY_US) : undefined;
}

/** Most often the answer to why nothing is sent. */
function unseenText(unseen: readonly string[]): readonly string[] {
  if (unseen.length === 0) return [];
  const told = unseen.slice(0, TOLD_UNSEEN).map((name) => `    ${printable(name)}`);
  const more = unseen.length - told.length;
  return ["  never seen in the log:", ...told, ...(more > 0 ? [`    and ${count(more, "signal")} more`] : [])];
}

/** The same for programs. */
export function testJson({ plan, figures, tally, unseen }: TestedCampaign, span: LogSpan): object {
  const { id, version } = plan.document;
  const counts = [...tally.counts.values()];
  const total = totalOf(counts);
  const { state, triggers, suppressed, discardedSamples } = figures;
  const about = { id, version, digest: plan.digest, state, triggers, suppressed, discardedSamples };
  return { ...about, ...total, bytesPerDay: perDayOf(total.bytes, span) ?? null, kinds: counts, unseen };
}

function count(amount: number, noun: string): string {
  return `${formatCount(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}
