import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addReport, type Outcome } from "../../../scripts/testing/outcome.ts";

const ROOT = "/checkout";
let folder: string;
let outcome: Outcome;

/** Adds a report of one file with these tests, from a runner that ended with `code`. */
function add(code: number, assertionResults: readonly object[], file: object = {}): void {
  const path = join(folder, "report.json");
  const result = { name: `${ROOT}/test/a.test.ts`, status: "failed", assertionResults, ...file };
  writeFileSync(path, JSON.stringify({ numPassedTests: 3, testResults: [result] }));
  addReport(outcome, "vitest", code, path, ROOT);
}

describe("addReport", () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "causeway-outcome-"));
    outcome = { passed: 0, failed: [], skipped: [] };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("says of a failed test what it said, in one line without colours and without where", () => {
    const said = "\u001b[31mAssertionError\u001b[39m: expected 1\nto be 2\n    at /checkout/test/a.test.ts:3:1";
    add(1, [
      { fullName: "one", status: "failed", failureMessages: [said] },
      { fullName: "two", status: "failed" },
      { fullName: "three", status: "skipped" },
    ]);
    expect(outcome).toEqual({
      passed: 3,
      failed: ["test/a.test.ts: one\n  AssertionError: expected 1 to be 2", "test/a.test.ts: two"],
      skipped: ["three"],
    });
  });

  it("keeps a long failure short", () => {
    add(1, [{ fullName: "one", status: "failed", failureMessages: ["x".repeat(5000)] }]);
    expect(outcome.failed[0]).toHaveLength("test/a.test.ts: one\n  ".length + 1000);
  });

  it("counts a runner that failed without a failed test, a file that did not run, and a report that is not there", () => {
    add(1, [], { status: "passed" });
    add(1, [], { message: "cannot load" });
    addReport(outcome, "CAN guest", 3, join(folder, "none.json"), ROOT);
    expect(outcome.failed).toEqual([
      "vitest: exit 1, though no test failed",
      "test/a.test.ts: cannot load",
      "CAN guest: no report (exit 3)",
    ]);
  });
});
