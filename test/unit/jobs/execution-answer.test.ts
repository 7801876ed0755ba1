import { describe, expect, it } from "vitest";
import type { Reply } from "../../../agent/cloud/request-client.ts";
import { adoptVersion, statusIn } from "../../../agent/jobs/execution-answer.ts";

function rejected(code: string, executionState?: { status: string; versionNumber: number }): Reply<unknown> {
  return { kind: "rejected", rejection: { code, message: "", isRetryable: false, executionState } };
}
const executionAt = (versionNumber: number) => ({
  jobId: "job-1",
  executionNumber: 1,
  versionNumber,
  status: "IN_PROGRESS",
  jobDocument: {},
});

describe("statusIn", () => {
  it.each([
    [rejected("InvalidStateTransition", { status: "CANCELED", versionNumber: 3 }), "CANCELED"],
    [rejected("ResourceNotFound"), "REMOVED"],
    [rejected("TerminalStateReached"), "REMOVED"],
    [rejected("InvalidRequest"), undefined],
    [{ kind: "timeout" } as const, undefined],
  ])("reads of %j that the execution is %s", (reply, status) => {
    expect(statusIn(reply)).toBe(status);
  });
});

describe("adoptVersion", () => {
  it("takes over the version of an execution that runs, and says whether it was another one", () => {
    const execution = executionAt(2);
    const reply = rejected("VersionMismatch", { status: "IN_PROGRESS", versionNumber: 7 });
    expect([adoptVersion(execution, reply), execution.versionNumber]).toEqual([true, 7]);
    expect(adoptVersion(execution, reply)).toBe(false);
  });

  it.each([
    ["that has ended", rejected("VersionMismatch", { status: "TIMED_OUT", versionNumber: 7 })],
    ["of another rejection", rejected("InvalidRequest", { status: "IN_PROGRESS", versionNumber: 7 })],
    ["that is not told", rejected("VersionMismatch")],
  ])("leaves the version of an execution %s", (_name, reply) => {
    const execution = executionAt(2);
    expect([adoptVersion(execution, reply), execution.versionNumber]).toEqual([false, 2]);
  });
});
