import { bitRunsOf } from "../codec/layout.ts";
import type { MessageDraft, ProblemList, SignalDraft } from "./draft.ts";
import { canMeet, type MultiplexPlace, needsOf, type Ranges } from "./multiplexing.ts";

/** Signals that are in a frame under the same condition, with the one that holds each bit. */
type Branch = {
  /** What each multiplexer above must say. */
  readonly needs: ReadonlyMap<SignalDraft, Ranges>;
  readonly holders: Map<number, SignalDraft>;
  /** Branches that can be in one frame with it, itself among them. */
  readonly together: Branch[];
};

/** Warns of each signal that shares a bit with one that can be in the same frame, whatever switches decide of the two. */
export function reportOverlaps(
  message: MessageDraft,
  signals: readonly SignalDraft[],
  places: ReadonlyMap<SignalDraft, MultiplexPlace>,
  problems: ProblemList,
): void {
  const branches = new Map<string, Branch>();
  const depthOf = (signal: SignalDraft): number => places.get(signal)?.depth ?? 0;
  const ordered = signals.filter((signal) => places.has(signal)).sort((a, b) => depthOf(a) - depthOf(b));
  for (const signal of ordered) {
    const own = branchOf(signal, places, branches);
    const bits = bitsOf(signal);
    const first = firstHolder(bits, own.together);
    if (first !== undefined) {
      problems.warn(signal.at, `signal ${signal.name} overlaps signal ${first.name} in message ${message.name}`);
    }
    for (const bit of bits) if (!own.holders.has(bit)) own.holders.set(bit, signal);
  }
}

function firstHolder(bits: readonly number[], branches: readonly Branch[]): SignalDraft | undefined {
  for (const { holders } of branches) {
    const bit = bits.find((candidate) => holders.has(candidate));
    if (bit !== undefined) return holders.get(bit);
  }
  return undefined;
}

function branchOf(
  signal: SignalDraft,
  places: ReadonlyMap<SignalDraft, MultiplexPlace>,
  branches: Map<string, Branch>,
): Branch {
  const needs = needsOf(signal, places);
  const key = [...needs].map(([{ at }, ranges]) => `${at}:${ranges.join(";")}`).join(" ");
  const known = branches.get(key);
  if (known !== undefined) return known;
  const branch: Branch = { needs, holders: new Map(), together: [] };
  branch.together.push(branch);
  for (const other of branches.values()) {
    if (!canMeet(needs, other.needs)) continue;
    branch.together.push(other);
    other.together.push(branch);
  }
  branches.set(key, branch);
  return branch;
}

function bitsOf(signal: SignalDraft): readonly number[] {
  return bitRunsOf(signal).flatMap((run) =>
    Array.from({ length: run.count }, (_, bit) => run.byte * 8 + run.shift + bit),
  );
}
