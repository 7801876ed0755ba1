/** A value of a command, or of what became of it. */
export type ProgramScalar = number | boolean | string;

/** How a program says that a command has ended: "rejected" where it did nothing, "failed" where it may have done something. */
export const PROGRAM_STATUSES = ["succeeded", "failed", "rejected"] as const;

/** What a program says of a command. `reason` is for people, and empty where it gives none. */
export type ProgramAnswer = {
  readonly status: (typeof PROGRAM_STATUSES)[number];
  readonly reason: string;
  readonly results: Readonly<Record<string, ProgramScalar>>;
};

/** A command for a program. */
export type ProgramCommand = {
  readonly program: string;
  /** As the program calls it. */
  readonly name: string;
  /** By which the ledger, the audit trail and whoever asked know it; undefined for a step of a sequence. */
  readonly ledgerId: string | undefined;
  readonly arguments: Readonly<Record<string, ProgramScalar>>;
  /** The program is told to answer within so many ms; the caller aborts when they are over. */
  readonly deadlineMs: number;
  /** What is wrong with an answer; undefined where it can be used. */
  readonly problemWith: (answer: ProgramAnswer) => string | undefined;
};

/**
 * What became of a command. "absent": nobody got it. All others: it was handed over once, and is never handed over again. "gone": the
 * connection of the program ended first; "ended": the agent ends; "unfit": its answer cannot be used; "late": `signal` aborted first.
 */
export type ProgramReply =
  | { readonly kind: "answered"; readonly answer: ProgramAnswer }
  | { readonly kind: "absent" | "unfit"; readonly what: string }
  | { readonly kind: "gone" | "ended" | "late" };

/** Hands commands to programs that are connected. */
export interface ProgramCommands {
  /** Why this program can never get a command of this name; undefined where the configuration allows it. */
  problem(program: string, name: string): string | undefined;
  /** Why nobody would get it at this moment; undefined where a program of this name that answers it is connected. */
  absence(program: string, name: string): string | undefined;
  /** Whether nobody answers it yet and a program may still come that does: the agent started a moment ago. */
  isAwaited(program: string, name: string): boolean;
  /** Hands a command over, once, and gives what became of it, which is soon once `signal` aborts. Never rejects. */
  ask(command: ProgramCommand, signal: AbortSignal): Promise<ProgramReply>;
}
