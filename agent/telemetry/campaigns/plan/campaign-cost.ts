import type { CampaignDocument } from "../../../../config/campaign.ts";
import { windowBytes } from "../../expressions/compile.ts";
import type { CampaignPlan, PlannedSampling } from "./campaign-plan.ts";
import type { ChosenSignal } from "./chosen-signal.ts";
import type { FrameRates } from "./frame-rates.ts";

const DAY_MS = 86_400_000;
/** A frame of 8 bytes as the history holds it. */
const HISTORY_BYTES_PER_FRAME = 32;
/** A frame of a black box in a record. */
const BYTES_PER_FRAME = 12;
/** A sample in a record, by the form of the record; columns are compressed. */
const BYTES_PER_SAMPLE = { columns: 3, rows: 80, json: 160 } as const;
/** A curve keeps one of so many samples, where nothing is known of the signal. */
const CURVE_SHARE = 0.1;
/** Triggers of a condition, which nobody knows before. */
const TRIGGERS_PER_DAY = 24;

/** What a campaign is estimated to cost: by the cycle times of the DBC files, and where they have none as `FrameRates` says. */
export type CampaignCost = {
  /** Of received frames that are held for the time before a trigger. */
  readonly historyBytes: number;
  readonly historySeconds: number;
  /** That the windows of its expressions come to hold at most. */
  readonly windowBytes: number;
  /** Of its expressions: each when a frame brings one of its inputs. */
  readonly evaluationsPerSecond: number;
  /** Of stored payloads; never more than its budget. */
  readonly bytesPerDay: number;
};

/** Estimates what a plan costs. */
export function costOf(plan: CampaignPlan, rates: FrameRates): CampaignCost {
  const { trigger, budget } = plan.document;
  const { derived, conditions } = plan.expressions;
  const historySeconds = trigger?.mode === "rising" ? trigger.beforeMs / 1000 : 0;
  const expressions = [...derived, ...conditions];
  const perDay = bytesPerSecond(plan, rates) * 86_400 * activeShare(trigger);
  return {
    historyBytes: Math.round(historySeconds * keptFrames(plan, rates) * HISTORY_BYTES_PER_FRAME),
    historySeconds,
    windowBytes: sum(expressions.map(windowBytes)),
    evaluationsPerSecond: Math.round(sum(expressions.map((one) => rates.of(messagesOf(plan, one.operands, rates))))),
    bytesPerDay: Math.round(Math.min(perDay, budget?.bytesPerDay ?? Number.POSITIVE_INFINITY)),
  };
}

/** Messages that bring inputs, those of derived signals among them. */
function messagesOf(
  { expressions }: CampaignPlan,
  operands: readonly { readonly input: number }[],
  rates: FrameRates,
): ReadonlySet<number> {
  const { inputs, derived } = expressions;
  const found = new Set<number>();
  const seen = new Set<number>();
  const waiting = operands.map(({ input }) => input);
  for (let input = waiting.pop(); input !== undefined; input = waiting.pop()) {
    if (seen.has(input)) continue;
    seen.add(input);
    if (input < inputs.length) found.add(rates.messageOf(inputs[input].index));
    else waiting.push(...(derived[input - inputs.length]?.operands ?? []).map((operand) => operand.input));
  }
  return found;
}

function bytesPerSecond(plan: CampaignPlan, rates: FrameRates): number {
  const { frames, send } = plan.document;
  const samples = sum(plan.samplings.map((sampling) => samplesPerSecond(plan, sampling, rates)));
  return samples * BYTES_PER_SAMPLE[send.form] + framesPerSecond(frames, [], rates) * BYTES_PER_FRAME;
}

function samplesPerSecond(plan: CampaignPlan, { entry, signals }: PlannedSampling, rates: FrameRates): number {
  return sum(signals.map(({ chosen }) => sampledHz(entry, rates.of(sourcesOf(plan, chosen, rates)))));
}

/** The messages whose frames bring a new value of a signal. */
function sourcesOf(plan: CampaignPlan, chosen: ChosenSignal, rates: FrameRates): ReadonlySet<number> {
  if (chosen.kind === "table") return new Set([rates.messageOf(chosen.signal.index)]);
  return messagesOf(plan, plan.expressions.derived[chosen.index].operands, rates);
}

/** How often something is taken of a signal that comes so often. */
function sampledHz(entry: PlannedSampling["entry"], hz: number): number {
  switch (entry.mode) {
    case "every":
      return entry.ms === 0 ? hz : Math.min(hz, 1000 / entry.ms);
    case "on-change":
      return hz;
    case "curve":
      return Math.max(hz * CURVE_SHARE, Math.min(hz, 1000 / entry.maxDelayMs));
    case "latest":
      return Math.min(hz, 1000 / entry.windowMs);
    case "aggregate":
      return "windowMs" in entry.over ? 1000 / entry.over.windowMs : 0;
    case "duration":
    case "histogram":
    case "counter":
      return 1 / (entry.everyHours * 3600);
  }
}

/** Which part of the day is recorded. */
function activeShare(trigger: CampaignDocument["trigger"]): number {
  if (trigger?.mode !== "rising") return 1;
  const { beforeMs, afterMs, minIntervalMs, maxCount = TRIGGERS_PER_DAY } = trigger;
  const count = Math.min(TRIGGERS_PER_DAY, maxCount, DAY_MS / Math.max(1, minIntervalMs));
  return Math.min(1, (count * (beforeMs + afterMs)) / DAY_MS);
}

/** Frames a second that are kept for what it captures. */
function keptFrames({ document, samplings, expressions }: CampaignPlan, rates: FrameRates): number {
  const collected = samplings.flatMap(({ signals }) =>
    signals.flatMap(({ chosen }) => (chosen.kind === "table" ? [chosen.signal.index] : [])),
  );
  const inputs = expressions.derived.length > 0 ? expressions.inputs.map(({ index }) => index) : [];
  const messages = [...collected, ...inputs].map((index) => rates.messageOf(index));
  return framesPerSecond(document.frames, messages, rates);
}

/** Of a black box and of these messages, a frame that is of both counting once. */
function framesPerSecond(choices: CampaignDocument["frames"], messages: readonly number[], rates: FrameRates): number {
  const chosen = new Set([...messages, ...choices.flatMap((choice) => rates.messagesIn(choice))]);
  return rates.of(chosen) + sum(choices.map((choice) => rates.ofUnknown(choice)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
