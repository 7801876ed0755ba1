import type { VehicleSignal } from "../../vehicle/vehicle-dbc.ts";
import type { WireHistogram } from "../record-reader.ts";
import type { CampaignTally } from "./campaign-verdict.ts";
import { type CellOrder, cellsOf } from "./cell-model.ts";
import { keyOf, type Sampling } from "./chosen-signals.ts";
import type { Sample } from "./received-frames.ts";

const HOUR_US = 3_600_000_000;

const COUNTS: Readonly<Record<string, CellOrder["by"]>> = {
  HISTOGRAM_COUNT_TIME: "time",
  HISTOGRAM_COUNT_SAMPLES: "samples",
  HISTOGRAM_COUNT_CHANGES: "changes",
  HISTOGRAM_COUNT_INCREASE: "increase",
};
const KINDS: Readonly<Record<string, CellOrder["kind"]>> = {
  HISTOGRAM_KIND_HISTOGRAM: "histogram",
  HISTOGRAM_KIND_DURATION: "duration",
  HISTOGRAM_KIND_COUNTER: "counter",
};
const KIND_OF_MODE: Readonly<Record<string, CellOrder["kind"]>> = {
  histogram: "histogram",
  duration: "duration",
  counter: "counter",
};

/** Judges the reports of one sampling that counts in cells; each period that has ended must have one. Grids of two signals are not judged. */
export function judgeCells(
  { entry, source }: Sampling,
  samples: readonly Sample[],
  reports: readonly WireHistogram[],
  tally: CampaignTally,
): void {
  if (entry.mode !== "duration" && entry.mode !== "histogram" && entry.mode !== "counter") return;
  const key = keyOf(source);
  const mine = reports.filter(
    ({ axes, kind }) =>
      axes.length === 1 && `${axes[0].message}.${axes[0].name}` === key && KINDS[kind] === KIND_OF_MODE[entry.mode],
  );
  if (source.kind === "derived" || (entry.mode === "histogram" && entry.with !== undefined)) {
    tally.unknown(`${entry.mode} of ${key}: cells of two signals, or of derived ones, are not judged`, mine.length);
    return;
  }
  const everyUs = entry.everyHours * HOUR_US;
  const seen = new Set<number>();
  for (const [period, parts] of Map.groupBy(mine, ({ fromUs }) => Math.floor(fromUs / everyUs))) {
    seen.add(period);
    const span = { signal: source.signal, fromUs: period * everyUs, toUs: (period + 1) * everyUs };
    judgeReport(wholeOf(parts), samples, span, tally);
  }
  const last = Math.floor((samples.at(-1)?.timeUs ?? 0) / everyUs);
  const ended = new Set(samples.map(({ timeUs }) => Math.floor(timeUs / everyUs)).filter((period) => period < last));
  for (const period of ended)
    if (!seen.has(period)) tally.wrong(`${key} ${entry.mode}: no report of the period ${period}`);
}

/** The report that parts of one make: the last that came of each cell counts, and cells in no part are 0. */
function wholeOf(parts: readonly WireHistogram[]): WireHistogram {
  const cells = Array.from({ length: parts[0].totalCells }, () => 0);
  for (const part of parts) part.cells.forEach((count, at) => cells.splice(part.firstCell + at, 1, count));
  return { ...parts[parts.length - 1], cells };
}

function judgeReport(
  report: WireHistogram,
  samples: readonly Sample[],
  period: { readonly signal: VehicleSignal; readonly fromUs: number; readonly toUs: number },
  tally: CampaignTally,
): void {
  const { axes, cells, states, totalCells } = report;
  const [{ message, name, edges }] = axes;
  const { signal, ...span } = period;
  const must = cellsOf(samples, signal, { kind: KINDS[report.kind], by: COUNTS[report.by], edges, states, ...span });
  if (totalCells !== must.length) {
    tally.wrong(`${message}.${name}: must be ${must.length} cells, it says ${totalCells}`, must.length);
    return;
  }
  must.forEach((count, cell) => {
    const told = cells[cell];
    if (told === count) tally.right(1);
    else tally.wrong(`${message}.${name} cell ${cell} from ${report.fromUs}: must be ${count}, it says ${told}`);
  });
}
