import type { SignalTable } from "../../signals/signal-table.ts";
import type { CampaignPlan } from "../../telemetry/campaigns/plan/campaign-plan.ts";
import { conditionText } from "../condition-text.ts";
import type { CollectionScheme, SchemeSignal } from "../read/collection-schemes.ts";
import { shownIds } from "../read/document.ts";
import type { EventSource } from "./event-records.ts";
import type { FindSignal } from "./manifest-signal.ts";
import { digestWith, ownPlan } from "./own-plan.ts";
import { BYTES_PER_SAMPLE } from "./sample-rings.ts";
import type { CollectedSignal, SchemeSettings } from "./scheme-collection.ts";
import { LEAST_INTERVAL_MS, type SchemeTriggerSettings } from "./scheme-trigger.ts";

/** A scheme as the campaigns engine takes it. */
export type PlannedScheme = {
  readonly plan: CampaignPlan;
  readonly settings: SchemeSettings;
  readonly source: EventSource;
  /** Memory of the samples that it holds, bytes. */
  readonly bufferBytes: number;
  /** What of it is not done, one sentence each. */
  readonly remarks: readonly string[];
};

export type SchemePlanning =
  | { readonly kind: "planned"; readonly planned: PlannedScheme }
  | { readonly kind: "unfit"; readonly problem: string };

/** The manifest that schemes must fit. */
export type SchemeContext = {
  readonly manifestSyncId: string;
  readonly table: SignalTable;
  readonly find: FindSignal;
  /** Exact name of a signal, as expressions find it; undefined for one that there is not. */
  readonly nameOf: (id: number) => string | undefined;
  /** Whether trouble codes are known. */
  readonly readsCodes: boolean;
};

/**
 * The campaign that a scheme is here. What it collects of signals that the manifest has not, or that come on no bus of the vehicle, is a
 * remark; a condition over one of them can never be true, so that the scheme is unfit.
 */
export function planScheme(scheme: CollectionScheme, context: SchemeContext): SchemePlanning {
  const wanted = conditionOf(scheme, context);
  if (wanted.kind === "unfit") return wanted;
  const { startMs, expiryMs, syncId, manifestSyncId, compress, includesCodes } = scheme;
  const { signals, remarks } = collected(scheme, context);
  const digest = digestWith(context.table, scheme);
  const { text: condition, inputs } = wanted;
  const times = { start: dateOf(startMs), end: dateOf(expiryMs) };
  const known = signals.map(({ signal }) => signal);
  const plan = ownPlan({ digest, ...times, inputs, condition }, known, context.table);
  if (typeof plan === "string") return { kind: "unfit", problem: plan };
  const trigger = triggerOf(scheme);
  const tooOften = trigger.intervalMs < LEAST_INTERVAL_MS ? [`it fires every ${LEAST_INTERVAL_MS} ms at most`] : [];
  const withoutCodes =
    includesCodes && !context.readsCodes ? ["active DTCs are not sent: the configuration has no diagnostics"] : [];
  const planned = {
    plan,
    settings: { trigger, signals },
    source: { syncId, manifestSyncId, digest, stream: streamOf(scheme), compress, includesCodes },
    bufferBytes: signals.reduce((sum, { ring }) => sum + ring.samples * BYTES_PER_SAMPLE, 0),
    remarks: [...withoutCodes, ...scheme.remarks, ...remarks, ...tooOften],
  };
  return { kind: "planned", planned };
}

function triggerOf({ trigger, afterMs }: CollectionScheme): SchemeTriggerSettings {
  return trigger.kind === "time"
    ? { intervalMs: trigger.periodMs, afterMs, risingEdge: false }
    : { intervalMs: trigger.minIntervalMs, afterMs, risingEdge: trigger.risingEdge };
}

/** FWE copies the priority along and reads it nowhere: here what is not the first goes last, and is evicted first. */
function streamOf({ priority, trigger }: CollectionScheme): EventSource["stream"] {
  if (priority > 0) return "capture";
  return trigger.kind === "condition" && trigger.risingEdge ? "event" : "telemetry";
}

type Wanted = { readonly text: string; readonly inputs: Readonly<Record<string, string>> };

function conditionOf(
  { trigger, signals }: CollectionScheme,
  { find, nameOf }: SchemeContext,
): ({ readonly kind: "wanted" } & Wanted) | { readonly kind: "unfit"; readonly problem: string } {
  if (trigger.kind === "time") return { kind: "wanted", text: "true", inputs: {} };
  const made = conditionText(trigger.condition, {
    signal: (id) => find(id)?.wire,
    windowMs: (id) => signals.find((one) => one.id === id)?.windowMs ?? 0,
  });
  if (made.kind === "unfit") return made;
  const inputs: Record<string, string> = {};
  for (const [name, id] of made.inputs) {
    const signal = nameOf(id);
    if (signal === undefined)
      return { kind: "unfit", problem: `its condition reads signal ${id}, which never comes here` };
    inputs[name] = signal;
  }
  return { kind: "wanted", text: made.text, inputs };
}

function collected(
  { signals }: CollectionScheme,
  { find }: SchemeContext,
): { readonly signals: readonly CollectedSignal[]; readonly remarks: readonly string[] } {
  const sent = new Map<number, SchemeSignal>();
  const missing: number[] = [];
  const twice: number[] = [];
  for (const signal of signals) {
    if (signal.conditionOnly) continue;
    if (find(signal.id) === undefined) missing.push(signal.id);
    else if (sent.has(signal.id)) twice.push(signal.id);
    else sent.set(signal.id, signal);
  }
  const found = [...sent.values()].flatMap(({ id, bufferSize, minPeriodMs }) => {
    const signal = find(id);
    return signal === undefined ? [] : [{ signal, ring: { samples: bufferSize, minPeriodMs } }];
  });
  const remarks = [
    ...(missing.length > 0 ? [`signals that never come here are not collected: ${shownIds(missing)}`] : []),
    ...(twice.length > 0 ? [`signals that are named twice count as they are named first: ${shownIds(twice)}`] : []),
  ];
  return { signals: found, remarks };
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString();
}
