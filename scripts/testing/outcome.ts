import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { z } from "zod";

/** What this reads of vitest's JSON report. */
const report = z.object({
  numPassedTests: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).default([]) }),
      ),
    }),
  ),
});

/** Of what a failed test says; the rest stands where it ran. */
const MAX_REASON = 1000;

/** What all runners together came to. `failed` and `skipped` name each; what a failure says is in a second line. */
export type Outcome = { passed: number; readonly failed: string[]; readonly skipped: string[] };

/** Adds what the report of a runner says. `runner` that failed without naming a failed test counts as one failure. */
export function addReport(outcome: Outcome, runner: string, code: number, file: string, root: string): void {
  if (!existsSync(file)) {
    outcome.failed.push(`${runner}: no report (exit ${code})`);
    return;
  }
  const { numPassedTests, testResults } = report.parse(JSON.parse(readFileSync(file, "utf8")));
  const failed: string[] = [];
  for (const { name, status, message, assertionResults } of testResults) {
    const failedTests = assertionResults.filter((test) => test.status === "failed");
    failed.push(
      ...failedTests.map((test) => `${relative(root, name)}: ${test.fullName}${reasonOf(test.failureMessages)}`),
    );
    if (status === "failed" && failedTests.length === 0) {
      failed.push(`${relative(root, name)}: ${message ?? "the file did not run"}`);
    }
    const skipped = assertionResults.filter((test) => !["passed", "failed"].includes(test.status));
    outcome.skipped.push(...skipped.map((test) => test.fullName));
  }
  if (failed.length === 0 && code !== 0) failed.push(`${runner}: exit ${code}, though no test failed`);
  outcome.passed += numPassedTests;
  outcome.failed.push(...failed);
}

/** What failed, without where in the code and without colours; nothing where nothing is said. */
function reasonOf([first = ""]: readonly string[]): string {
  const [said = ""] = stripVTControlCharacters(first).split(/\n\s+at /);
  const line = said.replaceAll(/\s+/g, " ").trim();
  return line === "" ? "" : `\n  ${line.slice(0, MAX_REASON)}`;
}
