import type { Answer, CommandRejection, ReasonCode } from "./answer.ts";

/** What a command may do: R0 reads, R1 changes configuration, R2 disrupts the agent or its link, R3 moves something on the vehicle. */
export const COMMAND_CLASSES = ["R0", "R1", "R2", "R3"] as const;
export type CommandClass = (typeof COMMAND_CLASSES)[number];

/** Whether a command of this class needs a signature whatever the policy says, and a ledger that is known to be whole. */
export function requiresSignatureAndLedger(commandClass: CommandClass): boolean {
  return commandClass === "R2" || commandClass === "R3";
}

/**
 * How an act ended. "rejected": nothing was done; "failed": something may have been done; "held": it goes on past the end of this
 * process, and the ledger settles it at the next start (only where `endsInRestart`).
 */
export type Outcome =
  | {
      readonly kind: "done";
      readonly result: Answer["result"];
      /** What whoever asked should know of it; absent where there is nothing. */
      readonly reason?: NonNullable<Answer["reason"]>;
    }
  | {
      readonly kind: "failed";
      readonly code: ReasonCode;
      readonly description: string;
      readonly result?: Answer["result"];
    }
  | { readonly kind: "held" }
  | CommandRejection;

/** One of several parts of a result, told before the rest is known: what one control unit of many answered. */
export type PartialResult = {
  readonly name: string;
  /** As it will stand in the result of the whole. */
  readonly value: string;
  /** Place among all parts, from 0, and their number. */
  readonly index: number;
  readonly total: number;
};

/** An action bound to validated arguments. */
export type Prepared = {
  readonly kind: "prepared";
  /** Why the vehicle's present state does not allow it; undefined where it does. */
  unsafe(): CommandRejection | undefined;
  /**
   * Does it, once. Looks at `unsafe` again right before whatever cannot be undone. Aborted: ends soon and says what was done. `tell` takes
   * parts of the result as they come; whoever asked may get them, the result at the end holds them all.
   */
  run(signal: AbortSignal, tell: (part: PartialResult) => void): Promise<Outcome>;
};

/** One thing that a command can ask for. */
export type Action = {
  readonly name: string;
  readonly commandClass: CommandClass;
  /** Which keys sign it where it is signed. */
  readonly keyRole: "commands" | "keys";
  /** Whether the act ends with a restart of the system: its answer is then given after it. */
  readonly endsInRestart: boolean;
  /** One sentence for people. */
  readonly summary: string;
  /** What it uses alone: two actions with one of these in common never run at a time. */
  readonly uses: readonly string[];
  /** Whether a command that comes while another uses that waits for its turn, up to its end; refused as busy when absent. */
  readonly queues?: boolean;
  /** Whether who does it is not there yet and may still come by itself: a command waits for that, and is judged again then. Never when absent. */
  awaits?(): boolean;
  /** Longest time it may take. */
  readonly timeoutMs: number;
  /** Checks the arguments; does nothing. `ledgerId` is of the command, for who names it to others; absent for a step of a sequence. */
  prepare(given: Readonly<Record<string, unknown>>, ledgerId?: string): Prepared | CommandRejection;
};
