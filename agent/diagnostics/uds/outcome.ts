import type { AgentError } from "../../core/errors.ts";
import type { Withheld } from "../tester/tester-bus.ts";
import { nrcText } from "./nrc.ts";

/** Why something did not come about. */
export type UdsFailure =
  /** The ECU said no; `name` is what the code means. */
  | { readonly kind: "negative"; readonly code: number; readonly name: string }
  | { readonly kind: "silent"; readonly waitedMs: number }
  | Withheld
  | { readonly kind: "fault"; readonly fault: AgentError }
  /** What came is no answer to what was asked, or what was given cannot be sent. */
  | { readonly kind: "unfit"; readonly problem: string };

/** What became of something that was wanted of an ECU. */
export type UdsOutcome<T> = { readonly kind: "done"; readonly value: T } | UdsFailure;

/** What a failure is, as the end of a sentence that begins with the name of the ECU. */
export function failureText(failure: UdsFailure): string {
  switch (failure.kind) {
    case "negative":
      return `refused: ${nrcText(failure.code)}`;
    case "silent":
      return `did not answer within ${Math.round(failure.waitedMs)} ms`;
    case "withheld":
      return `was not asked: ${failure.what}`;
    case "fault":
      return failure.fault.message;
    case "unfit":
      return failure.problem;
  }
}
