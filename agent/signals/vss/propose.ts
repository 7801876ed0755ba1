import type { SignalEntry } from "../signal-entry.ts";
import { conversionOf } from "./units.ts";
import type { VssLeaf } from "./vss-tree.ts";
import { meaningsOf, pathWords } from "./words.ts";

/** What a word of the message's name counts beside one of the signal's. */
const MESSAGE_WEIGHT = 0.8;
/** What the last part of a path counts beside the others. */
const LAST_WEIGHT = 2;
/** Candidates of one signal that are looked at again when a path is taken by another. */
const MAX_CANDIDATES = 8;
/** Below this a candidate is not worth a look. */
const LEAST_SCORE = 0.2;

/** A path that a signal may be. */
export type Candidate = {
  readonly leaf: VssLeaf;
  /** 0 to 1; of names, units and types. The same for the same files. */
  readonly confidence: number;
  /** Whether the two units measure two things: then names may fit and it is another thing all the same. */
  readonly hasTwoUnits: boolean;
};

/** What is proposed for a signal: the best path that no other signal fits better. */
export type Proposal = { readonly signal: SignalEntry; readonly candidate: Candidate };

export type Proposals = {
  /** By confidence, the best first. */
  readonly proposed: readonly Proposal[];
  /** Signals whose best candidate has a unit that theirs cannot be converted to. */
  readonly twoUnits: readonly Proposal[];
  /** All others, with the nearest candidate where there is one. */
  readonly unmapped: readonly { readonly signal: SignalEntry; readonly nearest: Candidate | undefined }[];
};

/**
 * Proposes paths of `leaves` for `signals` by the similarity of their names, their units and types. Each path is proposed once. Only
 * candidates of at least `leastConfidence` are.
 */
export function proposePaths(
  signals: readonly SignalEntry[],
  leaves: readonly VssLeaf[],
  leastConfidence: number,
): Proposals {
  const scorer = new Scorer(leaves);
  const prefixes = sharedWords(signals);
  const ranked = signals.map((signal) => ({
    signal,
    candidates: scorer.candidates(signal, prefixes.get(messageOf(signal)) ?? new Set()),
  }));
  const given = assign(ranked, leastConfidence);
  const rest = ranked.filter(({ signal }) => !given.has(signal));
  const twoUnits = rest.flatMap(({ signal, candidates }): Proposal[] => {
    const found = candidates.find(({ hasTwoUnits }) => hasTwoUnits);
    return found !== undefined && found.confidence >= leastConfidence ? [{ signal, candidate: found }] : [];
  });
  const told = new Set(twoUnits.map(({ signal }) => signal));
  return {
    proposed: [...given].map(([signal, candidate]) => ({ signal, candidate })),
    twoUnits,
    unmapped: rest.flatMap(({ signal, candidates }) =>
      told.has(signal) ? [] : [{ signal, nearest: candidates.find(({ hasTwoUnits }) => !hasTwoUnits) }],
    ),
  };
}

/** Words that all signals of a message begin with or have, such as the name of the control unit, by message. */
function sharedWords(signals: readonly SignalEntry[]): ReadonlyMap<string, ReadonlySet<string>> {
  const shared = new Map<string, ReadonlySet<string>>();
  for (const [message, own] of Map.groupBy(signals, messageOf)) {
    const words = own.map(({ name }) => new Set(meaningsOf(name).map(([word]) => word)));
    if (words.length > 1)
      shared.set(
        message,
        words.reduce((left, right) => new Set([...left].filter((word) => right.has(word)))),
      );
  }
  return shared;
}

function messageOf({ bus, message, arbitrationId }: SignalEntry): string {
  return `${bus} ${message} ${arbitrationId}`;
}

type Ranked = { readonly signal: SignalEntry; readonly candidates: readonly Candidate[] };

/** The best pairs first, each signal and each path once. */
function assign(ranked: readonly Ranked[], leastConfidence: number): ReadonlyMap<SignalEntry, Candidate> {
  const pairs = ranked.flatMap(({ signal, candidates }) =>
    candidates
      .filter(({ confidence, hasTwoUnits }) => !hasTwoUnits && confidence >= leastConfidence)
      .map((candidate) => ({ signal, candidate })),
  );
  pairs.sort(
    (a, b) =>
      b.candidate.confidence - a.candidate.confidence ||
      a.signal.index - b.signal.index ||
      (a.candidate.leaf.path < b.candidate.leaf.path ? -1 : 1),
  );
  const taken = new Set<string>();
  const given = new Map<SignalEntry, Candidate>();
  for (const { signal, candidate } of pairs) {
    if (given.has(signal) || taken.has(candidate.leaf.path)) continue;
    given.set(signal, candidate);
    taken.add(candidate.leaf.path);
  }
  return given;
}

type KnownLeaf = { readonly leaf: VssLeaf; readonly words: readonly (readonly [word: string, weight: number])[] };

/** Weighs words by how rare they are in the catalogue, and finds the leaves that share some with a signal. */
class Scorer {
  readonly #leaves: readonly KnownLeaf[];
  readonly #byWord = new Map<string, Set<KnownLeaf>>();
  readonly #rarest: number;

  constructor(leaves: readonly VssLeaf[]) {
    this.#leaves = leaves.map((leaf) => ({ leaf, words: weighted(pathWords(leaf.path)) }));
    for (const known of this.#leaves) {
      for (const [word] of known.words) this.#byWord.set(word, (this.#byWord.get(word) ?? new Set()).add(known));
    }
    this.#rarest = Math.log(1 + leaves.length);
  }

  /** The best first. Of the words `shared` by all signals of a message those count that the catalogue has. */
  candidates(signal: SignalEntry, shared: ReadonlySet<string>): readonly Candidate[] {
    const own = meaningsOf(signal.name).filter(
      (words) => !shared.has(words[0]) || words.some((word) => this.#byWord.has(word)),
    );
    const around = meaningsOf(signal.message);
    const near = new Set(own.flat().flatMap((word) => [...(this.#byWord.get(word) ?? [])]));
    const found = [...near].map((known) => this.#candidate(signal, known, own, around));
    const good = found.filter(({ confidence }) => confidence >= LEAST_SCORE);
    good.sort((a, b) => b.confidence - a.confidence || (a.leaf.path < b.leaf.path ? -1 : 1));
    return good.slice(0, MAX_CANDIDATES);
  }

  #candidate(
    signal: SignalEntry,
    { leaf, words }: KnownLeaf,
    own: readonly (readonly string[])[],
    around: readonly (readonly string[])[],
  ): Candidate {
    const ownWords = new Set(own.flat());
    const allWords = new Set(around.flat());
    const inPath = new Set(words.map(([word]) => word));
    let whole = 0;
    let met = 0;
    for (const [word, weight] of words) {
      const value = weight * this.#weightOf(word);
      whole += value;
      if (ownWords.has(word)) met += value;
      else if (allWords.has(word)) met += value * MESSAGE_WEIGHT;
    }
    const ofPath = whole === 0 ? 0 : met / whole;
    const ofName = this.#covered(own, inPath);
    const byName = ofPath + ofName === 0 ? 0 : (2 * ofPath * ofName) / (ofPath + ofName);
    const { factor, hasTwoUnits } = fitOf(signal, leaf);
    return { leaf, confidence: Math.round(byName * factor * 100) / 100, hasTwoUnits };
  }

  /** How much of a name's weight is in the path. */
  #covered(meanings: readonly (readonly string[])[], inPath: ReadonlySet<string>): number {
    let whole = 0;
    let met = 0;
    for (const words of meanings) {
      const found = words.filter((word) => inPath.has(word));
      const weight = Math.max(...(found.length > 0 ? found : words).map((word) => this.#weightOf(word)));
      // A number tells one of many apart, and says nothing of what it is.
      const value = /^\d+$/.test(words[0]) ? weight / 3 : weight;
      whole += value;
      if (found.length > 0) met += value;
    }
    return whole === 0 ? 0 : met / whole;
  }

  #weightOf(word: string): number {
    const count = this.#byWord.get(word)?.size ?? 0;
    return count === 0 ? this.#rarest / 2 : Math.log(1 + this.#leaves.length / count);
  }
}

function weighted(parts: readonly (readonly string[])[]): KnownLeaf["words"] {
  return parts.flatMap((words, index) =>
    words.map((word) => [word, index === parts.length - 1 ? LAST_WEIGHT : 1] as const),
  );
}

/** How far unit and type of a signal fit those of a leaf: 1 where they do. */
function fitOf(signal: SignalEntry, leaf: VssLeaf): { readonly factor: number; readonly hasTwoUnits: boolean } {
  const conversion = conversionOf(signal.unit, leaf.unit);
  const byType = typeFit(signal, leaf.datatype);
  switch (conversion.kind) {
    case "linear":
      return { factor: byType, hasTwoUnits: false };
    case "unitless":
      return { factor: byType * (leaf.unit === "" && signal.unit !== "" ? 0.6 : 0.85), hasTwoUnits: false };
    case "unknown":
      return { factor: byType * 0.7, hasTwoUnits: false };
    case "unlike":
      return { factor: byType, hasTwoUnits: true };
  }
}

function typeFit({ bits, texts, unit }: SignalEntry, datatype: string): number {
  if (datatype.endsWith("[]")) return 0.3;
  switch (datatype) {
    case "boolean":
      return bits > 4 || unit !== "" ? 0.4 : 1;
    case "string":
      return texts === undefined ? 0.4 : 1;
    default:
      return bits === 1 ? 0.4 : 1;
  }
}
