import { hexByte } from "./malformed.ts";
import type { ObdOutcome } from "./obd-client.ts";

/** Everything that an outcome may be but its value. */
export type FailedOutcome = Exclude<ObdOutcome<never>, { readonly kind: "done" }>;

/** What was in the way of an answer, as the end of a sentence that begins with the ECU. */
export function outcomeText(outcome: FailedOutcome): string {
  switch (outcome.kind) {
    case "withheld":
      return `was not asked: ${outcome.what}`;
    case "fault":
      return `could not be asked: ${outcome.fault.message}`;
    case "silent":
      return `did not answer within ${Math.round(outcome.waitedMs)} ms`;
    case "negative":
      return `refused with ${hexByte(outcome.code)}`;
    case "malformed":
      return `answered what is not OBD-II: ${outcome.problem}`;
  }
}
