import type { CollectRule } from "../../../config/schema.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import { exactSignalName } from "../../signals/signal-names.ts";
import { matchesSignal } from "../../signals/signal-patterns.ts";

/** What to do with each sample of a signal; see `CollectPlan.modes`. */
export const MODE = { off: 0, onChange: 1, every: 2, latest: 3 } as const;

/** The rules applied to a table: one entry a signal, so that the frame path looks nothing up. */
export type CollectPlan = {
  /** One of `MODE` for each signal. */
  readonly modes: Uint8Array;
  /** For `every` the least time between samples, for `latest` the window, for `onChange` the longest silence (0: none); µs. */
  readonly periodsUs: Float64Array;
  /** One sentence for each rule that matches no signal. */
  readonly warnings: readonly string[];
  /** Each rule without '*' that is meant for one message and matches several of a bus. */
  readonly ambiguous: readonly { readonly rule: number; readonly problem: string }[];
};

function settingOf(rule: CollectRule): { mode: number; periodUs: number } {
  switch (rule.mode) {
    case "on-change":
      return { mode: MODE.onChange, periodUs: (rule.atLeastEveryMs ?? 0) * 1000 };
    case "every":
      return { mode: MODE.every, periodUs: rule.ms * 1000 };
    case "latest":
      return { mode: MODE.latest, periodUs: rule.windowMs * 1000 };
    case "off":
      return { mode: MODE.off, periodUs: 0 };
  }
}

/** Applies `rules` to `signals`: the last rule that matches a signal counts, on-change when none does. */
export function planCollection(rules: readonly CollectRule[], signals: readonly SignalEntry[]): CollectPlan {
  const modes = new Uint8Array(signals.length).fill(MODE.onChange);
  const periodsUs = new Float64Array(signals.length);
  const warnings: string[] = [];
  const ambiguous: CollectPlan["ambiguous"][number][] = [];
  rules.forEach((rule, at) => {
    const { mode, periodUs } = settingOf(rule);
    const matches = signals.filter((signal) => matchesSignal(rule.signals, signal));
    for (const { index } of matches) {
      modes[index] = mode;
      periodsUs[index] = periodUs;
    }
    if (matches.length === 0) warnings.push(`collect.rules[${at}]: "${rule.signals}" matches no signal`);
    const problem = rule.signals.includes("*") ? undefined : ambiguity(rule.signals, matches);
    if (problem !== undefined) ambiguous.push({ rule: at, problem });
  });
  return { modes, periodsUs, warnings, ambiguous };
}

/** A name without '*' means the same message on each bus, not two messages of one. */
function ambiguity(name: string, matches: readonly SignalEntry[]): string | undefined {
  const buses = new Set(matches.map(({ bus }) => bus));
  const exact = new Set(matches.map(exactSignalName));
  if (exact.size === buses.size) return undefined;
  return `${name} is several signals of a bus, write which: ${[...exact].join(", ")}`;
}
