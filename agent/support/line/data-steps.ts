import type { CollectRule } from "../../../config/schema.ts";
import { AgentError } from "../../core/errors.ts";
import { formatBytes, formatCount, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import { matchesSignal } from "../../signals/signal-patterns.ts";
import { diskProblems } from "../delivery-checks.ts";
import { heldBack } from "../link-checks.ts";
import { broken, doubtful, type LineStep, sound } from "./line-step.ts";

/** An agent that decodes has collected something within so long, unless a rule waits for the end of a long window. */
const FIRST_SAMPLE_MS = 300_000;
/** How many rules without a signal are named. */
const NAMED_RULES = 3;

/** What the rules of collection ask for. */
export type RuleSight = {
  readonly signals: number;
  readonly collected: number;
  /** Patterns that match no signal. */
  readonly idle: readonly string[];
};

/** The running agent, or why nobody answers. */
export type AgentSight = { readonly status: Status } | { readonly fault: AgentError };

/** Holds the rules against the signals: the last that matches one counts, and where none does it is collected. */
export function ruleSight(rules: readonly CollectRule[], signals: readonly SignalEntry[]): RuleSight {
  const modeOf = (signal: SignalEntry) => rules.findLast((rule) => matchesSignal(rule.signals, signal))?.mode;
  const collected = signals.filter((signal) => modeOf(signal) !== "off").length;
  const idle = rules.filter((rule) => !signals.some((signal) => matchesSignal(rule.signals, signal)));
  return { signals: signals.length, collected, idle: idle.map((rule) => rule.signals) };
}

/** Whether an agent runs, and whether it runs what was written. `refused`: why a start would end at once, where none runs. */
export function agentStep(agent: AgentSight, refused?: AgentError): LineStep {
  if ("fault" in agent) {
    const { message, remedy } = agent.fault;
    if (refused === undefined) return broken("agent", { what: message, remedy });
    const what = `${message}, and its configuration is refused: ${refused.message}`;
    return broken("agent", { what, remedy: `${refused.remedy}; then ${remedy}` });
  }
  const { uptimeMs, version, configuration } = agent.status;
  const [problem] = configuration.problems;
  if (problem !== undefined) return doubtful("agent", problem);
  return sound("agent", `causeway ${version} runs for ${formatDuration(uptimeMs)}`);
}

/** What is collected; without an agent, what its rules would collect. */
export function collectionStep(status: Status | undefined, rules: RuleSight | AgentError): LineStep {
  if (status !== undefined && status.collected.samples > 0) {
    const { samples, records } = status.collected;
    return sound(
      "collection",
      `${formatCounted(samples, "sample")} in ${formatCounted(records, "record")} since the start`,
    );
  }
  if (rules instanceof AgentError) return broken("collection", { what: rules.message, remedy: rules.remedy });
  const what = nothingCollected(rules, status);
  if (what !== undefined) {
    const remedy =
      "mend collect.rules: causeway dbc list shows the signals and how a pattern names them; or give a campaign";
    return broken("collection", { what, remedy });
  }
  if (status === undefined || status.uptimeMs < FIRST_SAMPLE_MS) {
    return sound(
      "collection",
      `${status === undefined ? "" : "nothing yet; "}the rules collect ${formatCount(rules.collected)} of ${formatCounted(rules.signals, "signal")}`,
    );
  }
  return broken("collection", {
    what: `nothing was collected in ${formatDuration(status.uptimeMs)}, though the rules ask for ${formatCounted(rules.collected, "signal")}`,
    remedy: "causeway signals watch shows which signals come; mend collect.rules or the DBC files",
  });
}

/** Undefined where something is asked for: by a rule, a campaign, or what else makes records of signals. */
function nothingCollected({ signals, collected, idle }: RuleSight, status: Status | undefined): string | undefined {
  if (collected > 0 || (status?.campaigns?.running ?? 0) > 0) return undefined;
  if (signals === 0) return "nothing is collected, since no DBC file gives a signal";
  const named = idle.slice(0, NAMED_RULES).join(", ");
  const none = idle.length === 0 ? "" : `, and ${named} in collect.rules matches none`;
  return `nothing is collected: the rules switch ${signals === 1 ? "the only signal" : `all ${formatCount(signals)} signals`} off${none}`;
}

/** What is stored, and what keeps records from the disk, or on it. */
export function outboxSteps(status: Status): readonly LineStep[] {
  const { outbox } = status;
  if (outbox.fault !== undefined) return [broken("outbox", outbox.fault)];
  if (outbox.disk?.isFull === true) {
    return diskProblems(status).map((problem) => broken("outbox", problem));
  }
  const held = heldBack(status);
  const wait = formatCounted(outbox.records, "record waits", "records wait");
  const stored = sound("outbox", `${wait}, ${formatBytes(outbox.bytes)} of ${formatBytes(outbox.maxBytes)}`);
  const remedy = "it goes by itself then; causeway status shows the budgets";
  return [stored, ...held.map((what) => doubtful("outbox", { what, remedy }))];
}
