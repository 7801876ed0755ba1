import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { SignalEntry } from "../../../signals/signal-entry.ts";
import { exactMessageName } from "../../../signals/signal-names.ts";
import { matchesPattern, matchesSignal } from "../../../signals/signal-patterns.ts";
import type { ChosenSignal } from "./chosen-signal.ts";

/** Names that are looked for in the whole table before all of its names are put together. */
const FEW_NAMES = 16;

/** Finds what the patterns of a document choose. Many names without '*' are looked up; others go through the table. */
export class SignalChoice {
  readonly #signals: readonly SignalEntry[];
  readonly #derived: CampaignDocument["derived"];
  /** One for all entries that choose a signal. */
  readonly #chosen: readonly ChosenSignal[];
  #byName: ReadonlyMap<string, readonly SignalEntry[]> | undefined;
  #lookups = 0;

  constructor(signals: readonly SignalEntry[], derived: CampaignDocument["derived"]) {
    this.#signals = signals;
    this.#derived = derived;
    this.#chosen = signals.map((signal) => ({ kind: "table", signal }));
  }

  /** Signals of the table in its order, then derived ones in theirs, each once. */
  of(patterns: readonly string[]): readonly ChosenSignal[] {
    const found = new Uint8Array(this.#signals.length);
    for (const pattern of patterns) for (const { index } of this.matching(pattern)) found[index] = 1;
    return [
      ...this.#chosen.filter((_, index) => found[index] === 1),
      ...this.#derived.flatMap(({ name }, index) =>
        patterns.some((pattern) => matchesPattern(pattern, name)) ? [{ kind: "derived", index } as const] : [],
      ),
    ];
  }

  /** Signals of the table that a pattern matches; see `matchesSignal`. */
  matching(pattern: string): readonly SignalEntry[] {
    if (!pattern.includes("*") && ++this.#lookups > FEW_NAMES) {
      this.#byName ??= byName(this.#signals);
      return this.#byName.get(pattern) ?? [];
    }
    return this.#signals.filter((signal) => matchesSignal(pattern, signal));
  }
}

function byName(signals: readonly SignalEntry[]): ReadonlyMap<string, readonly SignalEntry[]> {
  const found = new Map<string, SignalEntry[]>();
  for (const signal of signals) {
    for (const name of new Set(namesOf(signal))) {
      const known = found.get(name);
      if (known === undefined) found.set(name, [signal]);
      else known.push(signal);
    }
  }
  return found;
}

/** All that a signal goes by in patterns. */
function namesOf(signal: SignalEntry): readonly string[] {
  const { bus, message, name, vss } = signal;
  const plain = `${message}.${name}`;
  const exact = `${exactMessageName(signal)}.${name}`;
  return [plain, exact, `${bus}/${plain}`, `${bus}/${exact}`, ...vss.map(({ path }) => path)];
}
