import type { CampaignRef } from "../encode/campaign-ref.ts";
import type { TriggerCapture, TriggerCause, TriggerReport, TriggerValue } from "../encode/trigger.ts";
import type { OfCampaign, RecordBody, RecordHistogram, RecordRow } from "./decoded-record.ts";
import { malformed } from "./malformed-record.ts";
import { busCountOf } from "./record-columns.ts";
import type { WireRecord } from "./record-schema.ts";

type WireTrigger = NonNullable<WireRecord["trigger"]>;
type WireRow = NonNullable<WireRecord["rows"]>["rows"][number];

/** The campaign and the trigger that a record names, each undefined where it names none. */
export function ofCampaign(wire: { readonly campaign: CampaignRef | null; readonly trigger: number }): OfCampaign {
  return { campaign: wire.campaign ?? undefined, trigger: wire.trigger === 0 ? undefined : wire.trigger };
}

/** A batch of samples with their names. */
export function rowsOf(wire: NonNullable<WireRecord["rows"]>): RecordBody {
  return { kind: "rows", ...ofCampaign(wire), rows: wire.rows.map(rowOf), buses: wire.buses.map(busCountOf) };
}

function rowOf({
  number,
  exact,
  time_us: timeUs,
  window_us: windowUs,
  vss_paths: vssPaths,
  ...wire
}: WireRow): RecordRow {
  return {
    ...wire,
    value: exact ?? number,
    timeUs,
    aggregate: wire.aggregate === "" ? undefined : wire.aggregate,
    windowUs: windowUs === 0 ? undefined : windowUs,
    vssPaths,
  };
}

/** A trigger that has fired, or what belongs to it that has ended. Throws `input.malformed` for a value of no kind. */
export function triggerOf(wire: WireTrigger): RecordBody {
  const { campaign, number, phase, time_us: timeUs, buses, dtcs, dtcs_dropped: dtcsDropped, position } = wire;
  const { frames, frames_lost: framesLost, samples_discarded: samplesDiscarded } = wire;
  const counts = { frames, framesLost, samplesDiscarded, buses: buses.map(busCountOf) };
  const about = { campaign, number, phase, timeUs, cause: causeOf(wire), capture: captureOf(wire), counts };
  return { kind: "trigger", ...about, context: { dtcs, dtcsDropped, position: positionOf(position) } };
}

function causeOf({
  expression,
  mode,
  by_hand: byHand,
  values,
  values_dropped: valuesDropped,
}: WireTrigger): TriggerCause {
  return { expression, mode, byHand, values: values.map(valueOf), valuesDropped };
}

function captureOf(wire: WireTrigger): TriggerCapture {
  const { before_ms: beforeMs, after_ms: afterMs, history_ms: historyMs } = wire;
  const { clock_stepped: clockStepped, spans_stop: spansStop } = wire;
  const { marks_us: marksUs, marks_dropped: marksDropped } = wire;
  return { beforeMs, afterMs, historyMs, clockStepped, spansStop, marksUs, marksDropped };
}

function valueOf({ name, number, flag, text, unit, time_us: timeUs }: WireTrigger["values"][number]): TriggerValue {
  const value = number ?? flag ?? text;
  if (value === undefined) throw malformed(`the trigger gives no value of ${name}`);
  return { name, value, unit, timeUs };
}

/** Where the vehicle was, of any record that says so. */
export function positionOf(wire: WireTrigger["position"]): NonNullable<TriggerReport["context"]>["position"] {
  if (wire === null) return undefined;
  const { time_us: timeUs, ...place } = wire;
  return { ...place, timeUs };
}

/** Cells that were counted. */
export function histogramsOf({ campaign, histograms }: NonNullable<WireRecord["histograms"]>): RecordBody {
  return { kind: "histograms", campaign, histograms: histograms.map(histogramOf) };
}

function histogramOf({
  from_us: fromUs,
  to_us: toUs,
  total_cells: totalCells,
  first_cell: firstCell,
  left_out: leftOut,
  ...wire
}: NonNullable<WireRecord["histograms"]>["histograms"][number]): RecordHistogram {
  return { ...wire, fromUs, toUs, totalCells, firstCell, leftOut };
}

/** What campaigns run, and which were refused. */
export function campaignReportOf(wire: NonNullable<WireRecord["campaign_report"]>): RecordBody {
  const { time_us: timeUs, running, refused, part, parts } = wire;
  const known = running.map(({ bytes_today: bytesToday, ...rest }) => ({ ...rest, bytesToday }));
  return { kind: "campaign-report", timeUs, running: known, refused, part, parts };
}
