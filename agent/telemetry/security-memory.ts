import { z } from "zod";
import type { Journal } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";
import type { Occurrence } from "./security-events.ts";

const SPACE: JournalSpace = "security";
const RUN = "run";
const FILES = "files";
/** Names that an event says; it has the number of all. */
const NAMES_TOLD = 5;

const keptRun = z.strictObject({ bootId: z.string(), hasEnded: z.boolean() });
const keptFiles = z.record(z.string(), z.string());

/** What a start finds: the kernel's boot id, and the configuration's files with their SHA-256; undefined where those could not be used. */
export type FoundAtStart = {
  readonly bootId: string;
  readonly files: ReadonlyMap<string, string> | undefined;
};

/**
 * Compares what a start finds with what the last one left, and remembers it: whether that one ended in order, in this boot or before, and
 * whether the configuration's files are what they were. The agent writes none of them. Throws the faults of the journal.
 */
export function noteStart(journal: Pick<Journal, "get" | "put">, { bootId, files }: FoundAtStart): Occurrence[] {
  const last = keptRun.safeParse(journal.get(SPACE, RUN)).data;
  const before = keptFiles.safeParse(journal.get(SPACE, FILES)).data;
  const now = files === undefined ? undefined : Object.fromEntries(files);
  journal.put([
    { space: SPACE, key: RUN, value: { bootId, hasEnded: false } },
    ...(now === undefined ? [] : [{ space: SPACE, key: FILES, value: now }]),
  ]);
  const changed = before === undefined || now === undefined ? [] : changesOf(before, now);
  return [...endOf(last, bootId), ...changed];
}

/** Remembers that the agent ends in order. Throws the faults of the journal. */
export function noteEnd(journal: Pick<Journal, "put">, bootId: string): void {
  journal.put([{ space: SPACE, key: RUN, value: { bootId, hasEnded: true } }]);
}

function endOf(last: z.infer<typeof keptRun> | undefined, bootId: string): Occurrence[] {
  if (last === undefined || last.hasEnded) return [];
  const isOfThisBoot = last.bootId === bootId;
  const event = isOfThisBoot ? "unexpected-restart" : "unexpected-reboot";
  const detail = isOfThisBoot
    ? "the agent did not end in order before this start"
    : "the system went down without ending the agent in order";
  return [{ event, reason: "", source: "", detail }];
}

function changesOf(before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): Occurrence[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (name) => before[name] !== now[name],
  );
  if (names.length === 0) return [];
  const more = names.length > NAMES_TOLD ? ` and ${names.length - NAMES_TOLD} more` : "";
  const detail = `changed since the last start: ${names.sort().slice(0, NAMES_TOLD).join(", ")}${more}`;
  return [{ event: "config-changed", reason: "", source: "", detail }];
}
