import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** The checks that come before the tests, cheapest first. */
const CHECKS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["type check", "npx", "tsc", "--noEmit"],
  ["lint", "npx", "oxlint", "--type-aware"],
  ["format", "npx", "biome", "check", "--error-on-warnings"],
  ["dead code", "npx", "knip"],
  ["generated files", "node", "scripts/generate.ts", "--check"],
];

const ROOT = join(import.meta.dirname, "..");
/** Where scripts/guest leaves the report of its run. */
const GUEST_REPORT = join(ROOT, ".cache", "guest", "report.json");

/** What this reads of vitest's JSON report. */
const report = z.object({
  success: z.boolean(),
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numFailedTestSuites: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

type Counts = { passed: number; failed: number; skipped: number };

/** Runs a command with its output on ours, or kept and shown only when it fails. Gives its exit code. */
function run(command: string, args: readonly string[], quiet: boolean): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"] });
    const kept: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => kept.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => kept.push(chunk));
    child.on("error", (error) => {
      process.stdout.write(`${command}: ${error.message}\n`);
      resolve(127);
    });
    child.on("close", (code) => {
      if (quiet && code !== 0) process.stdout.write(Buffer.concat(kept));
      resolve(code ?? 1);
    });
  });
}

async function runChecks(): Promise<string[]> {
  const failed: string[] = [];
  for (const [name, command, ...args] of CHECKS) {
    const code = await run(command, args, true);
    process.stdout.write(`${code === 0 ? "ok    " : "FAILED"} ${name}\n`);
    if (code !== 0) failed.push(name);
  }
  return failed;
}

/** Runs one runner and adds what its report says. A runner that fails without naming a failed test counts as one failure. */
async function runReported(
  command: string,
  args: readonly string[],
  file: string,
  counts: Counts,
  skips: string[],
): Promise<void> {
  rmSync(file, { force: true });
  const code = await run(command, args, false);
  if (!existsSync(file)) {
    process.stdout.write(`FAILED ${command} ${args[0]}: no report (exit ${code})\n`);
    counts.failed += 1;
    return;
  }
  const parsed = report.parse(JSON.parse(readFileSync(file, "utf8")));
  const tests = parsed.testResults.flatMap((suite) => suite.assertionResults);
  const broken = parsed.testResults.filter(
    (suite) => suite.status === "failed" && suite.assertionResults.every((test) => test.status !== "failed"),
  );
  for (const suite of broken)
    process.stdout.write(`FAILED ${suite.name}: ${suite.message ?? "the file did not run"}\n`);
  const failed = parsed.numFailedTests + broken.length;
  const skipped = tests.filter((test) => !["passed", "failed"].includes(test.status));
  counts.passed += parsed.numPassedTests;
  counts.skipped += skipped.length;
  counts.failed += failed > 0 || code === 0 ? failed : 1;
  skips.push(...skipped.map((test) => test.fullName));
}

const filters = process.argv.slice(2);
const folder = join(ROOT, "build", "test");
mkdirSync(folder, { recursive: true });
const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
const skips: string[] = [];

const failedChecks = filters.length === 0 ? await runChecks() : [];
counts.failed += failedChecks.length;

const vitestReport = join(folder, "vitest.json");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${vitestReport}`];
await runReported("npx", ["vitest", "run", ...reporters, ...filters], vitestReport, counts, skips);

if (filters.length === 0) {
  await runReported("scripts/guest", ["run"], GUEST_REPORT, counts, skips);
}

for (const name of skips) process.stdout.write(`skipped: ${name}\n`);
for (const name of failedChecks) process.stdout.write(`failed check: ${name}\n`);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
