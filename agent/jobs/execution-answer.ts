import type { Reply } from "../cloud/request-client.ts";
import type { JobExecution } from "./aws-jobs.ts";

/** States that an execution does not leave (AWS IoT Jobs). */
const TERMINAL: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "TIMED_OUT", "REJECTED", "REMOVED", "CANCELED"]);
/** Codes of a rejection that come without the state, of an execution that has ended or is not there any more. */
const ENDED = /^(TerminalStateReached|ResourceNotFound|InvalidStateTransition)$/;

/** Whether an execution in this state goes on no more. */
export function isTerminal(status: string): boolean {
  return TERMINAL.has(status);
}

/** The state of an execution that a rejection of its update or of a question for it speaks of; undefined when it speaks of none. */
export function statusIn(reply: Reply<unknown>): string | undefined {
  if (reply.kind !== "rejected") return undefined;
  const { code, executionState } = reply.rejection;
  return executionState?.status ?? (ENDED.test(code) ? "REMOVED" : undefined);
}

/**
 * Takes over the version that the service has of an execution that still runs, where it rejected an update for the version. Gives
 * whether that is another one than ours, so that the update may be sent again.
 */
export function adoptVersion(execution: JobExecution, reply: Reply<unknown>): boolean {
  if (reply.kind !== "rejected" || reply.rejection.code !== "VersionMismatch") return false;
  const { executionState } = reply.rejection;
  if (executionState === undefined || isTerminal(executionState.status)) return false;
  const isOther = execution.versionNumber !== executionState.versionNumber;
  execution.versionNumber = executionState.versionNumber;
  return isOther;
}
