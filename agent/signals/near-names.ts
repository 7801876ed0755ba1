import { nearestWord } from "../core/nearest-word.ts";
import type { SignalEntry } from "./signal-entry.ts";
import { matchesPattern } from "./signal-patterns.ts";

/** So many names a person can look at. */
const MOST_NAMES = 4;
/** Of more than this many signals, comparing letter by letter would hold up the agent. */
const MOST_COMPARED = 4000;

/**
 * Names of signals that `pattern`, which matches none, may have been meant for: those that have its letters in them whatever their case, or
 * else the one that differs in the fewest.
 */
export function nearNames(signals: readonly SignalEntry[], pattern: string): readonly string[] {
  if (/^\**$/.test(pattern)) return [];
  const within = `*${pattern.toLowerCase()}*`;
  const found = new Set<string>();
  for (const signal of signals) {
    for (const name of namesOf(signal)) {
      if (matchesPattern(within, name.toLowerCase())) found.add(name);
    }
    if (found.size >= MOST_NAMES) break;
  }
  if (found.size > 0) return [...found].slice(0, MOST_NAMES);
  return nearest(signals.slice(0, MOST_COMPARED), pattern);
}

function nearest(signals: readonly SignalEntry[], pattern: string): readonly string[] {
  const whole = nearestWord(pattern, signals.flatMap(namesOf));
  if (whole !== undefined) return [whole];
  // The name of the signal may be right, or nearly so, and that of the message wrong or absent.
  const own = pattern.slice(pattern.lastIndexOf(".") + 1);
  const near = nearestWord(
    own,
    signals.map(({ name }) => name),
  );
  const named = signals.filter(({ name }) => name === near).flatMap((signal) => namesOf(signal).slice(0, 1));
  return [...new Set(named)].slice(0, MOST_NAMES);
}

function namesOf({ message, name, vss }: SignalEntry): readonly string[] {
  return [`${message}.${name}`, ...vss.map(({ path }) => path)];
}
