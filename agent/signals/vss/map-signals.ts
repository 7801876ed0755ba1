import type { SignalEntry, VssName, VssValue } from "../signal-entry.ts";
import { exactSignalName } from "../signal-names.ts";
import { matchesSignal } from "../signal-patterns.ts";
import { textPairs, valueTexts } from "../value-texts.ts";
import type { MappedValue, Mapping, MappingEntry } from "./mapping.ts";
import { expressionOf, linearOf } from "./math.ts";
import { conversionOf, unitNameIn } from "./units.ts";
import type { VssLeaf } from "./vss-tree.ts";

/** Candidates that a problem names. */
const MAX_NAMED = 5;
const PATH = /^[A-Za-z_]\w*(?:\.\w+)+$/;

/** The catalogue that the paths of a mapping are of. */
export type VssRelease = {
  /** For example "6.0". */
  readonly release: string;
  /** By path; undefined where no catalogue was brought. */
  readonly leaves: ReadonlyMap<string, VssLeaf> | undefined;
};

/** A signal of the table as a mapping names it in VSS, and how often the mapping wants it. */
export type MappedSignal = {
  readonly signal: SignalEntry;
  readonly vss: VssName;
  /** Least time between two values, ms. */
  readonly intervalMs: number;
  /** Whether only values that differ from the one before are wanted. */
  readonly onChange: boolean;
};

/**
 * What the entries of `mapping` say of `signals`, in their order. What is wrong is added to its problems: an error for what contradicts itself
 * or picks no signal, a warning for a signal that no DBC file has, for a unit that is not known, and for a text that the signal has not.
 * A name without a bus means the same message on each bus that has it; one of several messages is refused.
 */
export function mapSignals(
  signals: readonly SignalEntry[],
  mapping: Mapping,
  catalogue: VssRelease,
): readonly MappedSignal[] {
  const mapper = new Mapper(signals, mapping, catalogue);
  return mapping.entries.flatMap((entry) => mapper.map(entry));
}

/** The names of each signal in the order of their paths, by its index. */
export function namesBySignal(mapped: readonly MappedSignal[]): ReadonlyMap<number, readonly VssName[]> {
  const bySignal = Map.groupBy(mapped, ({ signal }) => signal.index);
  const byPath = (a: VssName, b: VssName): number => (a.path < b.path ? -1 : 1);
  return new Map([...bySignal].map(([index, names]) => [index, names.map(({ vss }) => vss).sort(byPath)]));
}

class Mapper {
  readonly #byName: ReadonlyMap<string, readonly SignalEntry[]>;
  readonly #mapping: Mapping;
  readonly #catalogue: VssRelease;
  readonly #paths = new Map<string, MappingEntry>();
  readonly #toldUnits = new Set<string>();

  constructor(signals: readonly SignalEntry[], mapping: Mapping, catalogue: VssRelease) {
    this.#byName = Map.groupBy(signals, ({ name }) => name);
    this.#mapping = mapping;
    this.#catalogue = catalogue;
  }

  map(entry: MappingEntry): readonly MappedSignal[] {
    const unit = this.#unitOf(entry);
    if (unit === undefined || !this.#isFirst(entry)) return [];
    return this.#signalsOf(entry).flatMap((signal) => {
      const value = this.#valueOf(entry, signal, unit);
      if (value === undefined) return [];
      const { path, intervalMs, onChange } = entry;
      return [{ signal, vss: { path, unit, value }, intervalMs, onChange }];
    });
  }

  /** The unit in VSS; undefined when the entry is refused. */
  #unitOf({ at, path, unit }: MappingEntry): string | undefined {
    const { release, leaves } = this.#catalogue;
    const leaf = leaves?.get(path);
    if (!PATH.test(path)) return this.#refuse(at, `${path} is no path in VSS, such as Vehicle.Speed`);
    if (leaves !== undefined && leaf === undefined) {
      return this.#refuse(at, `${path} is not in the catalogue (vss.release ${release})${nearTo(path, leaves)}`);
    }
    const named = unitNameIn(release, unit ?? "") ?? unit;
    if (leaf === undefined || leaf.unit === "") return named ?? "";
    this.#checkRelease(at, leaf.unit);
    if (named === undefined || named === "" || named === unitNameIn(release, leaf.unit) || unit === leaf.unit) {
      return leaf.unit;
    }
    return this.#refuse(at, `${path} has two units: ${unit} here, ${leaf.unit} in the catalogue`);
  }

  #checkRelease(at: number, unit: string): void {
    const { release } = this.#catalogue;
    const name = unitNameIn(release, unit);
    if (name === undefined || name === unit || this.#toldUnits.has(unit)) return;
    this.#toldUnits.add(unit);
    this.#warn(at, `the catalogue has the unit ${unit}, which is ${name} in release ${release}: is it of another one?`);
  }

  #isFirst(entry: MappingEntry): boolean {
    const first = this.#paths.get(entry.path);
    if (first === undefined) {
      this.#paths.set(entry.path, entry);
      return true;
    }
    const line = this.#mapping.problems.lineOf(first.at);
    this.#refuse(entry.at, `${entry.path} is mapped to ${first.signal} already (line ${line})`);
    return false;
  }

  #signalsOf({ at, signal: wanted, path }: MappingEntry): readonly SignalEntry[] {
    const isBare = !wanted.includes(".");
    const namesakes = this.#byName.get(isBare ? wanted : wanted.slice(wanted.lastIndexOf(".") + 1)) ?? [];
    const found = isBare ? namesakes : namesakes.filter((signal) => matchesSignal(wanted, signal));
    if (found.length === 0) this.#warn(at, `no DBC file has the signal ${wanted} of ${path}`);
    // The same message may be on several buses, and its branches may share a name.
    const messages = new Set(found.map(({ message, arbitrationId }) => `${message} ${arbitrationId}`));
    if (messages.size <= 1) return found;
    const candidates = [...new Set(found.map(exactSignalName))];
    const others = candidates.length > MAX_NAMED ? ` and ${candidates.length - MAX_NAMED} more` : "";
    this.#refuse(
      at,
      `${wanted} is several signals, write which: ${candidates.slice(0, MAX_NAMED).join(", ")}${others}`,
    );
    return [];
  }

  #valueOf(entry: MappingEntry, signal: SignalEntry, unit: string): VssValue | undefined {
    const { transform } = entry;
    switch (transform.kind) {
      case "linear":
        return transform;
      case "math": {
        const line = linearOf(transform.formula);
        if (line !== undefined) return { kind: "linear", ...line };
        return { kind: "expression", expression: expressionOf(transform.formula) };
      }
      case "values":
        return this.#mappedValues(entry, signal, transform.pairs);
      case "none":
        return this.#converted(entry, signal, unit);
    }
  }

  #converted({ at, path, datatype }: MappingEntry, signal: SignalEntry, unit: string): VssValue | undefined {
    const type = datatype ?? this.#catalogue.leaves?.get(path)?.datatype;
    if (type === "string" && signal.texts !== undefined) return { kind: "values", values: signal.texts };
    const conversion = conversionOf(signal.unit, unit);
    const name = `${path}: ${signal.name} of ${signal.message}`;
    switch (conversion.kind) {
      case "linear":
        return conversion;
      case "unitless":
        return { kind: "linear", factor: 1, offset: 0 };
      case "unknown":
        this.#warn(at, `${name} is left out: the unit ${conversion.unit} is not known; give factor, or transform.math`);
        return undefined;
      case "unlike":
        return this.#refuse(
          at,
          `${name} has two units: ${signal.unit} (${conversion.from}) in the DBC file, ${unit} (${conversion.to}) in VSS; give factor, or transform.math`,
        );
    }
  }

  /** The first pair that fits a value counts. */
  #mappedValues(
    { at, path }: MappingEntry,
    signal: SignalEntry,
    pairs: readonly (readonly [from: MappedValue, to: MappedValue])[],
  ): VssValue | undefined {
    const values = new Map<number | bigint, string>();
    for (const [from, to] of pairs) {
      const raws = typeof from === "string" ? rawsOfText(signal, from) : rawsOfValue(signal, Number(from));
      if (raws.length === 0) this.#warn(at, `${path}: ${signal.name} of ${signal.message} has no value ${from}`);
      for (const raw of raws) if (!values.has(raw)) values.set(raw, String(to));
    }
    const listed = valueTexts(values);
    if (listed !== undefined) return { kind: "values", values: listed };
    return this.#refuse(at, `${path}: no value of its mapping is one of ${signal.name} of ${signal.message}`);
  }

  #refuse(at: number, problem: string): undefined {
    this.#mapping.problems.error(at, problem);
  }

  #warn(at: number, problem: string): void {
    this.#mapping.problems.warn(at, problem);
  }
}

function rawsOfText({ texts }: SignalEntry, wanted: string): readonly (number | bigint)[] {
  return textPairs(texts).flatMap(([raw, text]) => (text === wanted ? [raw] : []));
}

/** The raw value of a physical one, which must be one of the signal's steps. */
function rawsOfValue({ factor, offset, kind }: SignalEntry, physical: number): readonly number[] {
  const raw = Math.round((physical - offset) / factor);
  const isExact = Math.abs(raw * factor + offset - physical) <= 1e-9 * Math.max(1, Math.abs(physical));
  return kind === "integer" && isExact && Number.isSafeInteger(raw) ? [raw] : [];
}

/** Paths of the catalogue that end as this one does. */
function nearTo(path: string, leaves: ReadonlyMap<string, VssLeaf>): string {
  const last = path.slice(path.lastIndexOf("."));
  const near = [...leaves.keys()].filter((one) => one.endsWith(last)).slice(0, MAX_NAMED);
  return near.length === 0 ? "" : `; it has ${near.join(", ")}`;
}
