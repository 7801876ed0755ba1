import { describe, expect, it } from "vitest";
import { rejectionOf } from "../../../agent/cloud/rejection.ts";

describe("rejectionOf", () => {
  it.each([
    ["jobs", { code: "VersionMismatch", message: "late" }, "VersionMismatch", "late"],
    ["shadow", { code: 404, message: "none" }, "404", "none"],
    [
      "provisioning",
      { statusCode: 400, errorCode: "InvalidParameters", errorMessage: "bad" },
      "InvalidParameters",
      "bad",
    ],
    ["commands", { error: "ResourceNotFound" }, "ResourceNotFound", ""],
    ["streams", { o: "InvalidStream", m: "unknown" }, "InvalidStream", "unknown"],
    ["Defender", { statusDetails: { ErrorCode: "Throttled", ErrorMessage: "slow" } }, "Throttled", "slow"],
    ["Defender in CBOR", { statusDetails: { errorCode: "Throttled", errorMessage: "slow" } }, "Throttled", "slow"],
    ["a status alone", { statusCode: 500 }, "500", ""],
    ["nothing", {}, "unknown", ""],
  ])("reads the body of %s", (_, body, code, message) => {
    expect(rejectionOf(body)).toMatchObject({ code, message });
  });

  it.each([
    [{ code: "InternalError" }, true],
    [{ code: 429 }, true],
    [{ statusCode: 503, errorCode: "X" }, true],
    [{ code: 404 }, false],
    [{ errorCode: "InvalidParameters" }, false],
    ["no body", false],
  ])("says of %j that another try may help: %s", (body, isRetryable) => {
    expect(rejectionOf(body).isRetryable).toBe(isRetryable);
  });

  it("hands on the state of a job execution", () => {
    const executionState = { status: "IN_PROGRESS", versionNumber: 3 };
    expect(rejectionOf({ code: "VersionMismatch", executionState }).executionState).toEqual(executionState);
  });

  it("gives terminals no control characters and no endless text", () => {
    const { message } = rejectionOf({ code: "X", message: `\u001b[31m${"a".repeat(400)}` });
    expect(message.startsWith(" [31maaa")).toBe(true);
    expect(message).toHaveLength(300);
  });
});
