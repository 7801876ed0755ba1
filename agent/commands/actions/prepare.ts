import type { z } from "zod";
import { issueText } from "../../core/issue-text.ts";
import type { Prepared } from "../action.ts";
import { type Refusal, refused } from "../answer.ts";

/** The refusal of arguments that do not fit their schema; names the first that does not. */
export function mistyped(error: z.ZodError): Refusal {
  return refused("ARGUMENT_TYPE_MISMATCH", issueText(error));
}

/** An act that no state of the vehicle forbids. */
export function harmless(run: Prepared["run"]): Prepared {
  return { kind: "prepared", unsafe: () => undefined, run };
}
