import type { DatabaseDraft, ProblemList, SignalDraft, Suspect } from "./draft.ts";
import { INDEPENDENT_SIGNALS_IDS } from "./statements.ts";

/** Statements without which a signal is read wrongly. */
const WORDS = { SIG_VALTYPE_: "type", SG_MUL_VAL_: "ranges" } as const;

/** Keeps a line that cannot be read as a suspect when its first word may have been that of a statement about how a signal is read. */
export function suspectLine({ suspects }: DatabaseDraft, at: number, line: string): void {
  const [, word = "", rest = ""] = /^(\S+)(.*)$/.exec(line.trimEnd()) ?? [];
  for (const [wanted, about] of Object.entries(WORDS)) {
    const isCut = rest.trim() === "" && wanted.startsWith(word);
    if (word === wanted || !(isCut || isAlike(word, wanted))) continue;
    const [, id, name] = /^\s+(\d+)\s+(\S+)\s/.exec(rest) ?? [];
    suspects.push({ at, about, rawId: id === undefined ? undefined : Number(id), name });
  }
}

/** Whether at most two characters in one place make a word another. */
function isAlike(word: string, wanted: string): boolean {
  let before = 0;
  while (before < wanted.length && word[before] === wanted[before]) before += 1;
  let behind = 0;
  while (behind < wanted.length - before && word.at(-1 - behind) === wanted.at(-1 - behind)) behind += 1;
  return before + behind >= wanted.length - 2;
}

/**
 * Leaves out every signal that a statement may be about which names none that is there: without the statement the signal would be read
 * as another type, or in frames that do not hold it.
 */
export function excludeCandidates(draft: DatabaseDraft, problems: ProblemList): void {
  for (const suspect of draft.suspects) {
    for (const signal of candidatesOf(suspect, draft)) {
      const statement = suspect.about === "type" ? "SIG_VALTYPE_" : "SG_MUL_VAL_";
      signal.problems += 1;
      problems.error(
        signal.at,
        `signal ${signal.name} is left out: the ${statement} in line ${problems.lineOf(suspect.at)} may be about it`,
      );
    }
  }
}

function candidatesOf(suspect: Suspect, { messages, byId, lostIds }: DatabaseDraft): readonly SignalDraft[] {
  const { about, rawId, name } = suspect;
  const message = rawId === undefined ? undefined : byId.get(rawId);
  if (message !== undefined) {
    const named = name === undefined ? undefined : message.byName.get(name);
    if (named !== undefined) return named.filter(unsaid(about));
    // Of a name that is not there a signal that was left out is the one that is meant.
    return name !== undefined && !message.complete ? [] : message.signals.filter(unsaid(about));
  }
  if (rawId !== undefined && (lostIds.has(rawId) || INDEPENDENT_SIGNALS_IDS.has(rawId))) return [];
  const all = messages.flatMap(({ signals }) => signals).filter(unsaid(about));
  // The name is whole, so the id is damaged, or the message is one that the file no longer has.
  return name === undefined ? all : all.filter((signal) => signal.name === name);
}

/** Whether a signal could have such a statement and has none. */
function unsaid(about: Suspect["about"]): (signal: SignalDraft) => boolean {
  if (about === "type")
    return ({ bits, isTyped, problems }) => (bits === 32 || bits === 64) && !isTyped && problems === 0;
  return ({ indicator, multiplexing, problems }) =>
    (indicator.multiplexer || indicator.value !== undefined) && multiplexing.length === 0 && problems === 0;
}
