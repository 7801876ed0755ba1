import type { CollectRule } from "../../config/schema.ts";
import type { SignalEntry } from "./signal-table.ts";

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
};

/**
 * Whether `name` matches `pattern`, where '*' stands for any run of characters, also an empty one. Upper and lower case differ.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  let inPattern = 0;
  let inName = 0;
  let star = -1;
  let resumeAt = 0;
  while (inName < name.length) {
    if (pattern[inPattern] === "*") {
      star = inPattern;
      resumeAt = inName;
      inPattern += 1;
    } else if (pattern[inPattern] === name[inName]) {
      inPattern += 1;
      inName += 1;
    } else if (star >= 0) {
      resumeAt += 1;
      inPattern = star + 1;
      inName = resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === "*") inPattern += 1;
  return inPattern === pattern.length;
}

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

/** Applies `rules` to `signals`: the last rule that matches "MESSAGE.SIGNAL" counts, on-change when none does. */
export function planCollection(rules: readonly CollectRule[], signals: readonly SignalEntry[]): CollectPlan {
  const modes = new Uint8Array(signals.length).fill(MODE.onChange);
  const periodsUs = new Float64Array(signals.length);
  const warnings: string[] = [];
  rules.forEach((rule, at) => {
    const { mode, periodUs } = settingOf(rule);
    let matches = 0;
    for (const signal of signals) {
      if (!matchesPattern(rule.signals, `${signal.message}.${signal.name}`)) continue;
      modes[signal.index] = mode;
      periodsUs[signal.index] = periodUs;
      matches += 1;
    }
    if (matches === 0) warnings.push(`collect.rules[${at}]: "${rule.signals}" matches no signal`);
  });
  return { modes, periodsUs, warnings };
}
