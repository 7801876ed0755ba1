import type { MessageDraft, ProblemList, SignalDraft } from "./draft.ts";

/** Values of a multiplexer, both ends included. */
export type Ranges = readonly (readonly [first: number, last: number])[];

/** Where a signal stands in its message. */
export type MultiplexPlace = {
  /** The signal whose value decides; undefined for a signal that is in every frame. */
  readonly by: SignalDraft | undefined;
  readonly ranges: Ranges;
  /** Multiplexers above it. */
  readonly depth: number;
};

/** More levels than any real message has; what goes deeper is refused, circles included. */
const MAX_DEPTH = 16;

type Dependency = { readonly by: SignalDraft; readonly ranges: Ranges };
/** What the signals of a message may depend on. */
type Multiplexers = {
  readonly byName: ReadonlyMap<string, readonly SignalDraft[]>;
  /** Those that depend on nothing themselves. */
  readonly roots: readonly SignalDraft[];
  readonly problems: ProblemList;
};

/**
 * What each signal depends on. SG_MUL_VAL_ decides where there is one, otherwise m<number> means the message's only plain
 * multiplexer. A signal whose multiplexer cannot be told is reported and left out.
 */
export function resolveMultiplexing(
  message: MessageDraft,
  signals: readonly SignalDraft[],
  problems: ProblemList,
): ReadonlyMap<SignalDraft, MultiplexPlace> {
  const { dependencies, refused } = dependenciesOf(message, signals, problems);
  const places = new Map<SignalDraft, MultiplexPlace>();
  for (const signal of signals) {
    if (refused.has(signal)) continue;
    const depth = depthOf(signal, dependencies, refused);
    if (depth === undefined) {
      problems.error(signal.at, `signal ${signal.name} depends on a multiplexer that cannot be read; it is left out`);
      continue;
    }
    const { by, ranges } = dependencies.get(signal) ?? { by: undefined, ranges: [] };
    places.set(signal, { by, ranges, depth });
  }
  return places;
}

/** What the signals depend on directly; `refused` are those of which it cannot be told. */
function dependenciesOf(
  message: MessageDraft,
  signals: readonly SignalDraft[],
  problems: ProblemList,
): { readonly dependencies: ReadonlyMap<SignalDraft, Dependency>; readonly refused: ReadonlySet<SignalDraft> } {
  const dependencies = new Map<SignalDraft, Dependency>();
  const refused = new Set<SignalDraft>();
  const roots = signals.filter((signal) => signal.indicator.multiplexer && signal.indicator.value === undefined);
  const multiplexers = { byName: Map.groupBy(signals, ({ name }) => name), roots, problems };
  for (const signal of signals) {
    const dependency = dependencyOf(signal, multiplexers);
    if (dependency === undefined) continue;
    if (typeof dependency === "string") {
      const at = signal.multiplexing.at(-1)?.at ?? signal.at;
      problems.error(at, `message ${message.name}: ${dependency}; it is left out`);
      refused.add(signal);
    } else {
      dependencies.set(signal, dependency);
      warnOfAbsence(signal, dependency, problems);
    }
  }
  return { dependencies, refused };
}

/** What each multiplexer above a signal must say for it to be in the frame. */
export function needsOf(
  signal: SignalDraft,
  places: ReadonlyMap<SignalDraft, MultiplexPlace>,
): ReadonlyMap<SignalDraft, Ranges> {
  const needs = new Map<SignalDraft, Ranges>();
  for (let place = places.get(signal); place?.by !== undefined; place = places.get(place.by)) {
    needs.set(place.by, place.ranges);
  }
  return needs;
}

/** Whether one frame can hold both: signals exclude each other only where one multiplexer would have to say two things at once. */
export function canMeet(left: ReadonlyMap<SignalDraft, Ranges>, right: ReadonlyMap<SignalDraft, Ranges>): boolean {
  return [...left].every(([by, ranges]) => {
    const others = right.get(by);
    if (others === undefined) return true;
    return ranges.some(([first, last]) => others.some(([from, to]) => first <= to && from <= last));
  });
}

/** What the signal depends on, undefined when on nothing, or what is wrong. */
function dependencyOf(signal: SignalDraft, multiplexers: Multiplexers): Dependency | string | undefined {
  if (signal.multiplexing.length > 0) return declaredDependency(signal, multiplexers);
  const { value } = signal.indicator;
  return value === undefined ? undefined : indicatedDependency(signal.name, value, multiplexers);
}

/** By SG_MUL_VAL_, which names the multiplexer. */
function declaredDependency(signal: SignalDraft, { byName, problems }: Multiplexers): Dependency | string {
  const { name, multiplexing } = signal;
  const [{ by: wanted }, ...more] = multiplexing;
  const second = more.find(({ by }) => by !== wanted);
  if (second !== undefined) return `signal ${name} depends on two multiplexers, ${wanted} and ${second.by}`;
  for (const { at } of more) problems.warn(at, `signal ${name} has another SG_MUL_VAL_; the ranges of both count`);
  const [by, namesake] = byName.get(wanted) ?? [];
  if (by === undefined || by === signal) return `signal ${name} has the unknown multiplexer ${wanted}`;
  if (namesake !== undefined) return `multiplexer ${by.name} of signal ${name} is twice in the message`;
  if (!by.indicator.multiplexer) return `multiplexer ${by.name} of signal ${name} is not marked M`;
  if (by.kind !== "integer") return `multiplexer ${by.name} of signal ${name} is not an integer`;
  const ranges = usableRanges(signal, problems);
  return ranges.length > 0 ? { by, ranges } : `signal ${name} has only empty ranges`;
}

/** By m<value>, which means the message's only plain multiplexer. */
function indicatedDependency(name: string, value: number, { byName, roots }: Multiplexers): Dependency | string {
  const [by, second] = roots;
  if (by === undefined) return `signal ${name} has an unknown multiplexer: no signal is marked M`;
  if (second !== undefined) return `signal ${name} has an unknown multiplexer: ${by.name} or ${second.name}`;
  if (byName.get(by.name)?.length !== 1) return `multiplexer ${by.name} of signal ${name} is twice in the message`;
  if (by.kind !== "integer") return `multiplexer ${by.name} of signal ${name} is not an integer`;
  return { by, ranges: [[value, value]] };
}

function usableRanges({ name, multiplexing }: SignalDraft, problems: ProblemList): Ranges {
  return multiplexing.flatMap(({ at, ranges }) =>
    ranges.filter(([first, last]) => {
      if (first > last) problems.warn(at, `signal ${name} has the range ${first}-${last}, which is empty`);
      return first <= last;
    }),
  );
}

/** The bits of a multiplexer are read as unsigned, whatever its sign, so none is beyond its size. */
function warnOfAbsence(
  { name, multiplexing, at }: SignalDraft,
  { by, ranges }: Dependency,
  problems: ProblemList,
): void {
  const largest = 2 ** by.bits - 1;
  if (ranges.some(([first]) => first <= largest)) return;
  const wanted = ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(", ");
  problems.warn(
    multiplexing.at(-1)?.at ?? at,
    `signal ${name} can never be present: its multiplexer ${by.name} has ${by.bits} bits and is never ${wanted}`,
  );
}

function depthOf(
  signal: SignalDraft,
  dependencies: ReadonlyMap<SignalDraft, Dependency>,
  refused: ReadonlySet<SignalDraft>,
): number | undefined {
  let at: SignalDraft | undefined = signal;
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    if (at === undefined || refused.has(at)) return undefined;
    const link: Dependency | undefined = dependencies.get(at);
    if (link === undefined) return depth;
    at = link.by;
  }
  return undefined;
}
