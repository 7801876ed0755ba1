import { describe, expect, it } from "vitest";
import { operationOf } from "../../../agent/jobs/job-operation.ts";

const KNOWN = { ota: true, steps: true };

describe("operationOf", () => {
  it.each([
    [{ operation: "ota" }, { operation: "ota" }],
    [{ steps: [] }, { operation: "steps" }],
    [{ operation: "ota", steps: [] }, { operation: "ota" }],
    [{ operation: 5, steps: [] }, { operation: "steps" }],
  ])("reads %j", (document, found) => {
    expect(operationOf(document, KNOWN)).toEqual(found);
  });

  it.each([
    [undefined, "malformed: the job has no document"],
    [[], "malformed: the document is no object"],
    [null, "malformed: the document is no object"],
    [{}, "unsupported: the document names no operation"],
    [{ operation: "reboot" }, "unsupported: operation reboot"],
    [{ operation: "toString" }, "unsupported: operation toString"],
  ])("does not take %j", (document, rejection) => {
    expect(operationOf(document, KNOWN)).toEqual({ rejection });
  });
});
