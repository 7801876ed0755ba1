import { bitRunsOf } from "../layout.ts";
import type { MessageDraft, ProblemList, SignalDraft } from "./draft.ts";
import type { MultiplexPlace } from "./multiplexing.ts";

/** Which signal holds each bit, for signals that are always in the frame together. */
type Occupancy = Map<number, SignalDraft>;

/**
 * Warns of each signal that shares a bit with one that can be in the same frame: in the same multiplexer branch or in one above it.
 *
 * Branches of extended multiplexing that share only some of their values are taken as separate.
 */
export function reportOverlaps(
  message: MessageDraft,
  signals: readonly SignalDraft[],
  places: ReadonlyMap<SignalDraft, MultiplexPlace>,
  problems: ProblemList,
): void {
  const branches = new Map<SignalDraft | undefined, Map<string, Occupancy>>();
  const depthOf = (signal: SignalDraft): number => places.get(signal)?.depth ?? 0;
  const ordered = signals.filter((signal) => places.has(signal)).sort((a, b) => depthOf(a) - depthOf(b));
  for (const signal of ordered) {
    const own = branchOf(signal, places, branches);
    const seen = [own];
    for (let above = places.get(signal)?.by; above !== undefined; above = places.get(above)?.by) {
      seen.push(branchOf(above, places, branches));
    }
    const bits = bitsOf(signal);
    const other = seen.map((branch) => bits.map((bit) => branch.get(bit)).find((holder) => holder !== undefined));
    const first = other.find((holder) => holder !== undefined);
    if (first !== undefined) {
      problems.warn(signal.at, `signal ${signal.name} overlaps signal ${first.name} in message ${message.name}`);
    }
    for (const bit of bits) if (!own.has(bit)) own.set(bit, signal);
  }
}

function branchOf(
  signal: SignalDraft,
  places: ReadonlyMap<SignalDraft, MultiplexPlace>,
  branches: Map<SignalDraft | undefined, Map<string, Occupancy>>,
): Occupancy {
  const place = places.get(signal);
  const siblings = branches.get(place?.by) ?? new Map<string, Occupancy>();
  branches.set(place?.by, siblings);
  const key = (place?.ranges ?? []).join(";");
  const branch = siblings.get(key) ?? new Map<number, SignalDraft>();
  siblings.set(key, branch);
  return branch;
}

function bitsOf(signal: SignalDraft): readonly number[] {
  return bitRunsOf(signal).flatMap((run) =>
    Array.from({ length: run.count }, (_, bit) => run.byte * 8 + run.shift + bit),
  );
}
