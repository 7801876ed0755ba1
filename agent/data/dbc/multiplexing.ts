import type { MessageDraft, ProblemList, SignalDraft } from "./draft.ts";

/** Where a signal stands in its message. */
export type MultiplexPlace = {
  /** The signal whose value decides; undefined for a signal that is in every frame. */
  readonly by: SignalDraft | undefined;
  readonly ranges: readonly (readonly [number, number])[];
  /** Multiplexers above it. */
  readonly depth: number;
};

/** More levels than any real message has; what goes deeper is refused, circles included. */
const MAX_DEPTH = 16;

type Link = { readonly by: SignalDraft; readonly ranges: readonly (readonly [number, number])[] };

/**
 * What each signal depends on. SG_MUL_VAL_ decides where there is one, otherwise m<number> means the message's only plain
 * multiplexer. A signal whose multiplexer cannot be told is reported and left out.
 */
export function resolveMultiplexing(
  message: MessageDraft,
  signals: readonly SignalDraft[],
  problems: ProblemList,
): ReadonlyMap<SignalDraft, MultiplexPlace> {
  const links = new Map<SignalDraft, Link>();
  const refused = new Set<SignalDraft>();
  const byName = new Map(signals.map((signal) => [signal.name, signal]));
  const roots = signals.filter((signal) => signal.indicator.multiplexer && signal.indicator.value === undefined);
  for (const signal of signals) {
    const link = linkOf(signal, byName, roots);
    if (typeof link === "string") {
      problems.error(signal.multiplexing?.at ?? signal.at, `message ${message.name}: ${link}`);
      refused.add(signal);
    } else if (link !== undefined) links.set(signal, link);
  }
  const places = new Map<SignalDraft, MultiplexPlace>();
  for (const signal of signals) {
    const depth = depthOf(signal, links, refused);
    if (depth === undefined) {
      if (!refused.has(signal)) {
        problems.error(signal.at, `signal ${signal.name} depends on a multiplexer that cannot be read`);
      }
      continue;
    }
    const link = links.get(signal);
    places.set(signal, { by: link?.by, ranges: link?.ranges ?? [], depth });
  }
  return places;
}

/** What the signal depends on, undefined when on nothing, or what is wrong. */
function linkOf(
  signal: SignalDraft,
  byName: ReadonlyMap<string, SignalDraft>,
  roots: readonly SignalDraft[],
): Link | string | undefined {
  const { multiplexing, indicator, name } = signal;
  if (multiplexing !== undefined) {
    const by = byName.get(multiplexing.by);
    if (by === undefined || by === signal) return `signal ${name} has the unknown multiplexer ${multiplexing.by}`;
    if (!by.indicator.multiplexer) return `multiplexer ${by.name} of signal ${name} is not marked M`;
    if (by.kind !== "integer") return `multiplexer ${by.name} of signal ${name} is not an integer`;
    const wrong = multiplexing.ranges.find(([first, last]) => first > last);
    return wrong === undefined
      ? { by, ranges: multiplexing.ranges }
      : `signal ${name} has the range ${wrong[0]}-${wrong[1]}, which is empty`;
  }
  if (indicator.value === undefined) return undefined;
  const [by, second] = roots;
  if (by === undefined) return `signal ${name} has an unknown multiplexer: no signal is marked M`;
  if (second !== undefined) return `signal ${name} has an unknown multiplexer: ${by.name} or ${second.name}`;
  if (by.kind !== "integer") return `multiplexer ${by.name} of signal ${name} is not an integer`;
  return { by, ranges: [[indicator.value, indicator.value]] };
}

function depthOf(
  signal: SignalDraft,
  links: ReadonlyMap<SignalDraft, Link>,
  refused: ReadonlySet<SignalDraft>,
): number | undefined {
  let at: SignalDraft | undefined = signal;
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    if (at === undefined || refused.has(at)) return undefined;
    const link: Link | undefined = links.get(at);
    if (link === undefined) return depth;
    at = link.by;
  }
  return undefined;
}
