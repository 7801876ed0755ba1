import type { SeqAccount } from "../store/seq-account.ts";
import type { SeqRange } from "../store/seq-ranges.ts";

/** Runs of seqs that one record is noted to stand for at most; further ones show as gaps. */
const MAX_STAND_IN_RUNS = 500;

/**
 * Something that changes an account. Entries may be entered twice, and by several workers at once: the account is the same after.
 *
 * "taken": records first..last have come, `us` is when (µs since the Unix epoch). "tables": the same of parts of signal tables, which say
 * nothing of the seqs before them. "stands": record `first` (= `last`) has come, and
 * stands for others. "lost": a loss record says so; `kept` where it is of the reason "thinned".
 */
export type AccountEntry =
  | (SeqRange & { readonly kind: "taken" | "tables"; readonly us: number })
  | (SeqRange & { readonly kind: "stands"; readonly us: number; readonly runs: readonly SeqRange[] })
  | (SeqRange & { readonly kind: "lost"; readonly kept: SeqRange | undefined });

const INTEGER = /^\d{1,16}$/;

/** One line, equal for equal entries: "t 1 9 1767225600000000". */
export function entryText(entry: AccountEntry): string {
  const { first, last } = entry;
  switch (entry.kind) {
    case "taken":
      return `t ${first} ${last} ${entry.us}`;
    case "tables":
      return `p ${first} ${last} ${entry.us}`;
    case "stands":
      return `s ${first} ${last} ${entry.us} ${entry.runs.map((run) => `${run.first}-${run.last}`).join(",")}`;
    case "lost":
      return entry.kept === undefined
        ? `l ${first} ${last}`
        : `l ${first} ${last} ${entry.kept.first} ${entry.kept.last}`;
  }
}

/** The entry of a line; undefined for one that is none. */
export function parseEntry(line: string): AccountEntry | undefined {
  const [kind, ...words] = line.split(" ");
  const runs = kind === "s" ? (words[3] ?? "").split(",").map((run) => run.split("-")) : [];
  const plain = kind === "s" ? words.slice(0, 3) : words;
  if (![...plain, ...runs.flat()].every((word) => INTEGER.test(word))) return undefined;
  const [first, last, third, fourth] = plain.map(Number);
  if (kind === "t" && plain.length === 3) return { kind: "taken", first, last, us: third };
  if (kind === "p" && plain.length === 3) return { kind: "tables", first, last, us: third };
  if (kind === "l" && plain.length === 2) return { kind: "lost", first, last, kept: undefined };
  if (kind === "l" && plain.length === 4) return { kind: "lost", first, last, kept: { first: third, last: fourth } };
  if (kind !== "s" || plain.length !== 3 || runs.some((run) => run.length !== 2)) return undefined;
  return {
    kind: "stands",
    first,
    last,
    us: third,
    runs: runs.map(([from, to]) => ({ first: Number(from), last: Number(to) })),
  };
}

/** Enters all of them, in the order in which the records came. */
export function enterAll(account: SeqAccount, entries: readonly AccountEntry[]): void {
  const arrival = (entry: AccountEntry): number => (entry.kind === "lost" ? 0 : entry.us);
  for (const entry of entries.toSorted((one, other) => arrival(one) - arrival(other) || one.first - other.first)) {
    if (entry.kind === "lost")
      account.lose({
        ...entry,
        thinned: entry.kept && { ratio: 0, keptFirst: entry.kept.first, keptLast: entry.kept.last },
      });
    else if (entry.kind === "stands")
      account.take({ seq: entry.first, thinned: { ratio: 0, seqs: seqsOf(entry.runs) } }, entry.us);
    else {
      const body = { kind: entry.kind === "tables" ? "table" : "other" };
      for (let seq = entry.first; seq <= entry.last; seq++) account.take({ seq, body }, entry.us);
    }
  }
}

/** Entries for records of one (thing, epoch, stream) that have come: neighbours that came at one time are one entry. */
export function takenEntries(
  records: readonly {
    readonly seq: number;
    readonly receivedUs: number;
    readonly isTable?: boolean;
    readonly standsFor?: readonly number[] | undefined;
  }[],
): readonly AccountEntry[] {
  const entries: AccountEntry[] = [];
  for (const { seq, receivedUs, isTable = false, standsFor } of records.toSorted((one, other) => one.seq - other.seq)) {
    const before = entries.at(-1);
    const kind = isTable ? "tables" : "taken";
    if (standsFor !== undefined) {
      entries.push({ kind: "stands", first: seq, last: seq, us: receivedUs, runs: runsOf(standsFor) });
    } else if (before?.kind === kind && before.last + 1 >= seq) {
      entries[entries.length - 1] = { ...before, last: seq, us: Math.min(before.us, receivedUs) };
    } else entries.push({ kind, first: seq, last: seq, us: receivedUs });
  }
  return entries;
}

function runsOf(seqs: readonly number[]): SeqRange[] {
  const runs: SeqRange[] = [];
  for (const seq of seqs.toSorted((one, other) => one - other)) {
    const before = runs.at(-1);
    if (before !== undefined && before.last + 1 >= seq) runs[runs.length - 1] = { first: before.first, last: seq };
    else if (runs.length < MAX_STAND_IN_RUNS) runs.push({ first: seq, last: seq });
  }
  return runs;
}

function seqsOf(runs: readonly SeqRange[]): number[] {
  return runs.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, at) => first + at));
}
