import type { Json } from "../core/canonical-json.ts";
import { AgentError } from "../core/errors.ts";
import type { JournalSpace } from "./journal-spaces.ts";

/** One document; `undefined` as a value removes it. Spaces keep those of different parts apart: journal-spaces.ts lists them. */
export type JournalDocument = { readonly space: JournalSpace; readonly key: string; readonly value: Json | undefined };

/** "rejected": it will not be acted on; "received": taken, nothing done yet; "started": the act may have begun; "finished": the act is over. */
export const COMMAND_STATES = ["rejected", "received", "started", "finished"] as const;
export type CommandState = (typeof COMMAND_STATES)[number];

/** One command as the ledger remembers it. */
export type CommandEntry = {
  readonly id: string;
  /** SHA-256 of the request as it arrived, hexadecimal. */
  readonly digest: string;
  readonly state: CommandState;
  /** Whether it changes nothing, so that forgetting it costs nothing: one that comes again is read again. */
  readonly isRead: boolean;
  /** Whether whoever asked has the final answer, or cannot be told. */
  readonly isReported: boolean;
  /** What its owner needs to answer again. */
  readonly body: Json;
};

/** "lost": what the journal held before is gone; nothing that relies on it may act until someone has acknowledged that. */
export type JournalStatus =
  | { readonly kind: "sound" }
  | { readonly kind: "lost"; readonly what: string; readonly sinceUs: number };

/** Counts of the ledger. */
export type JournalStats = {
  readonly commands: number;
  readonly maxCommands: number;
  /** Reads among them. */
  readonly reads: number;
  /** Refused ones among them, and how many of those were forgotten early because there were too many. */
  readonly refused: number;
  readonly forgottenRejections: number;
};

/**
 * What must be remembered across power cuts: the command ledger, and documents of those who decide by them. Apart from the outbox,
 * never evicted for it. Calls are synchronous and atomic: when one returns, its effect survives a power cut; when it throws
 * (`journal.full`, `journal.unavailable`), nothing happened and nothing may be acted on.
 */
export interface Journal {
  status(): JournalStatus;
  /** Whoever compares it with another place has found that it is not what it was: it is "lost" from now on. */
  declareLost(what: string): void;
  /** Someone knows that the content was lost. */
  acknowledgeLoss(): void;
  /** Runs `work` as one transaction; the calls inside take effect together or not at all. Must be synchronous; may be nested. */
  atomically<T>(work: () => T): T;
  get(space: JournalSpace, key: string): Json | undefined;
  /** All documents of a space, by key. */
  list(space: JournalSpace): readonly JournalDocument[];
  /** Writes all of them, or none. */
  put(documents: readonly JournalDocument[]): void;
  command(id: string): CommandEntry | undefined;
  /**
   * Adds a command. "known": the id is in the ledger, which stays as it is. "full": it holds its bound of entries that are too young
   * to forget. Entries are forgotten once their answer is told and the agent has run for the time to keep since (time asleep does
   * not count, so never too early, whatever the wall clock does). Refused ones have a bound of their own, past which the oldest goes, and
   * so have reads, past which the oldest that is reported goes: neither takes room from what acts.
   */
  addCommand(entry: CommandEntry): "added" | "known" | "full";
  /** Changes a command; one that is not in the ledger is a bug. */
  changeCommand(id: string, change: Partial<Pick<CommandEntry, "state" | "isReported" | "body">>): void;
  /** The newest first. */
  listCommands(limit: number): readonly CommandEntry[];
  /** Those whose answer is not told yet, oldest first. */
  unreportedCommands(limit: number): readonly CommandEntry[];
  stats(): JournalStats;
  close(): void;
}

/** Whether a journal has thrown it. */
export function isJournalFault(thrown: unknown): thrown is AgentError {
  return thrown instanceof AgentError && thrown.code.startsWith("journal.");
}
