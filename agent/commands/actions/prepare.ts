import type { z } from "zod";
import { issueText } from "../../core/issue-text.ts";
import type { Prepared } from "../action.ts";
import { type CommandRejection, rejected } from "../answer.ts";

/** The rejection of arguments that do not fit their schema; names the first that does not. */
export function invalidArguments(error: z.ZodError): CommandRejection {
  return rejected("ARGUMENT_TYPE_MISMATCH", issueText(error));
}

/** An act that no state of the vehicle forbids. */
export function alwaysSafe(run: Prepared["run"]): Prepared {
  return { kind: "prepared", unsafe: () => undefined, run };
}
