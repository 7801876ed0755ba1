import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { EntryProblem } from "../../../core/entry-problem.ts";
import { CellRoom, cellBytes } from "../../collect/cells/cell-room.ts";
import type { CellShape } from "../../collect/cells/cell-state.ts";
import { COUNTER_SHAPE } from "../../collect/cells/counter-sampler.ts";
import { DURATION_SHAPE } from "../../collect/cells/duration-sampler.ts";
import { gridShape } from "../../collect/cells/grid-sampler.ts";
import { histogramShape } from "../../collect/cells/histogram-sampler.ts";
import type { ChosenSignal } from "./chosen-signal.ts";

type CollectEntry = CampaignDocument["collect"][number];

/** An entry that counts in cells, which are sent by themselves and are no column of samples. */
export type KeptEntry = Extract<CollectEntry, { mode: "duration" | "histogram" | "counter" }>;

export function isKept(entry: CollectEntry): entry is KeptEntry {
  return entry.mode === "duration" || entry.mode === "histogram" || entry.mode === "counter";
}

/** The signals of an entry; of a histogram of two signals each with its second, by `find`. */
export function pairedSignals(
  entry: CollectEntry,
  chosen: readonly ChosenSignal[],
  find: (pattern: string) => readonly ChosenSignal[],
): readonly ChosenSignal[] {
  if (entry.mode !== "histogram" || entry.with === undefined) return chosen;
  const [second] = find(entry.with.signal);
  return second === undefined ? [] : chosen.flatMap((one) => [one, second]);
}

/** What is wrong with entries that count in cells; `choices` are as `pairedSignals` gives them. */
export function keptProblems(
  { collect, trigger }: CampaignDocument,
  choices: readonly (readonly ChosenSignal[])[],
  find: (pattern: string) => readonly ChosenSignal[],
): readonly EntryProblem[] {
  let bytes = 0;
  const roomBytes = new CellRoom().freeBytes;
  return collect.flatMap((entry, at): EntryProblem[] => {
    if (!isKept(entry)) return [];
    const grids = entry.mode === "histogram" && entry.with !== undefined ? 2 : 1;
    const bytesBefore = bytes;
    bytes += (cellBytes(shapeOf(entry)) * choices[at].length) / grids;
    const path = ["collect", at];
    const isCapture = trigger?.mode === "rising";
    const capture = `${entry.mode} counts all the time: a trigger of mode rising does not go with it`;
    const tooMuch = `the cells of ${choices[at].length / grids} signals may take ${bytes} bytes with those before, more than ${roomBytes}`;
    return [
      ...(isCapture ? [{ path: [...path, "mode"], problem: capture }] : []),
      ...(bytes > roomBytes && bytesBefore <= roomBytes ? [{ path, problem: tooMuch }] : []),
      ...pairProblems(entry, choices[at], find).map((problem) => ({ path: [...path, "with", "signal"], problem })),
      ...increaseProblems(entry, choices[at]).map((problem) => ({ path: [...path, "of"], problem })),
    ];
  });
}

function shapeOf(entry: KeptEntry): CellShape {
  switch (entry.mode) {
    case "duration":
      return DURATION_SHAPE;
    case "counter":
      return COUNTER_SHAPE;
    case "histogram":
      if (entry.with === undefined) return histogramShape(entry.edges.length);
      return gridShape(entry.edges.length, entry.with.edges.length);
  }
}

function pairProblems(
  entry: KeptEntry,
  chosen: readonly ChosenSignal[],
  find: (pattern: string) => readonly ChosenSignal[],
): readonly string[] {
  if (entry.mode !== "histogram" || entry.with === undefined) return [];
  const seconds = find(entry.with.signal);
  if (seconds.length !== 1) return [`${entry.with.signal} is ${seconds.length} signals: name one`];
  const kinds = new Set(chosen.map((one) => one.kind === "table" && one.signal.pgn !== undefined));
  return kinds.size > 1
    ? ["one signal is of a message known by its PGN, the other is not: which sender is meant is not known"]
    : [];
}

function increaseProblems(entry: KeptEntry, chosen: readonly ChosenSignal[]): readonly string[] {
  if (entry.mode !== "counter" || entry.of !== "increase") return [];
  const isInteger = (one: ChosenSignal): boolean => one.kind === "table" && one.signal.kind === "integer";
  return chosen.every(isInteger) ? [] : ["increase is of integers: a signal here is none"];
}
