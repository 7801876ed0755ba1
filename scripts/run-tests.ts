import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { z } from "zod";
import { runChecks } from "./testing/checks.ts";

const ROOT = join(import.meta.dirname, "..");
const BUILD = join(ROOT, "build", "test");
const GUEST = join(ROOT, ".cache", "guest");
/** What runs in or drives a guest, and where scripts/guest leaves the report of it. */
const GUEST_RUNS = [
  { verb: "run", report: join(GUEST, "report.json") },
  { verb: "system", report: join(GUEST, "system-report.json") },
] as const;

/** What this reads of vitest's JSON report. */
const report = z.object({
  numPassedTests: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

/** What all runners together came to. `failed` and `skipped` name each. */
type Outcome = { passed: number; readonly failed: string[]; readonly skipped: string[] };

/** Runs a command with its output on ours. Gives its exit code. */
function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", (error) => {
      process.stdout.write(`${command}: ${error.message}\n`);
      resolve(127);
    });
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** Runs one runner and adds what its report says. A runner that fails without naming a failed test counts as one failure. */
async function runReported(command: string, args: readonly string[], file: string, outcome: Outcome): Promise<void> {
  rmSync(file, { force: true });
  const code = await run(command, args);
  if (!existsSync(file)) {
    outcome.failed.push(`${command} ${args[0]}: no report (exit ${code})`);
    return;
  }
  const { numPassedTests, testResults } = report.parse(JSON.parse(readFileSync(file, "utf8")));
  const failed: string[] = [];
  for (const { name, status, message, assertionResults } of testResults) {
    const failedTests = assertionResults.filter((test) => test.status === "failed");
    failed.push(...failedTests.map((test) => `${relative(ROOT, name)}: ${test.fullName}`));
    if (status === "failed" && failedTests.length === 0) {
      failed.push(`${relative(ROOT, name)}: ${message ?? "the file did not run"}`);
    }
    const skipped = assertionResults.filter((test) => !["passed", "failed"].includes(test.status));
    outcome.skipped.push(...skipped.map((test) => test.fullName));
  }
  if (failed.length === 0 && code !== 0) failed.push(`${command} ${args[0]}: exit ${code}, though no test failed`);
  outcome.passed += numPassedTests;
  outcome.failed.push(...failed);
}

const filters = process.argv.slice(2);
mkdirSync(BUILD, { recursive: true });
const outcome: Outcome = { passed: 0, failed: [], skipped: [] };

if (filters.length === 0) outcome.failed.push(...(await runChecks()).map((name) => `check: ${name}`));

const vitestReport = join(BUILD, "vitest.json");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${vitestReport}`];
await runReported("npx", ["vitest", "run", ...reporters, ...filters], vitestReport, outcome);

for (const { verb, report } of filters.length === 0 ? GUEST_RUNS : []) {
  await runReported("scripts/guest", [verb], report, outcome);
}

for (const name of outcome.skipped) process.stdout.write(`skipped: ${name}\n`);
// Last, so that the end of a long output says what is wrong.
for (const name of outcome.failed) process.stdout.write(`failed: ${name}\n`);
process.exitCode = outcome.failed.length > 0 || outcome.passed === 0 ? 1 : 0;
process.stdout.write(`${outcome.passed} passed, ${outcome.failed.length} failed, ${outcome.skipped.length} skipped\n`);
