import { globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { EXIT, messageOf } from "../agent/core/errors.ts";
import { runChecks } from "./testing/checks.ts";
import { addReport, type Outcome } from "./testing/outcome.ts";
import { type Selection, select } from "./testing/selection.ts";
import { type Stage, Stages } from "./testing/stages.ts";

const ROOT = join(import.meta.dirname, "..");
const BUILD = join(ROOT, "build", "test");
const GUEST = join(ROOT, ".cache", "guest");

// Programs are started from their sources some hundred times: what is stripped and compiled once is kept for the next start.
process.env.NODE_COMPILE_CACHE ??= join(ROOT, ".toolchain", "compile-cache");

const stages = new Stages();
const outcome: Outcome = { passed: 0, failed: [], skipped: [] };

/** Runs one runner, adds what its report says, and shows what it wrote when that went to a file. */
async function report(runner: string, stage: Stage, file: string): Promise<void> {
  rmSync(file, { force: true });
  const beganMs = performance.now();
  const code = await stages.run(stage);
  const minutes = ((performance.now() - beganMs) / 60_000).toFixed(1);
  if (stage.logFile !== undefined)
    process.stdout.write(`\n---- ${runner} ----\n${readFileSync(stage.logFile, "utf8")}`);
  process.stdout.write(`${runner}: ${minutes} min\n`);
  addReport(outcome, runner, code, file, ROOT);
}

async function vitest(files: readonly string[], options: readonly string[] = []): Promise<void> {
  const file = join(BUILD, "vitest.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const args = ["run", ...reporters, ...options, ...files];
  await report("vitest", { command: "node_modules/.bin/vitest", args }, file);
}

async function kernelGuest(files: readonly string[], isAlone: boolean): Promise<void> {
  const stage = { command: "scripts/guest", args: ["run", ...files], ...logged("kernel", isAlone) };
  await report("CAN guest", stage, join(GUEST, "report.json"));
}

async function systemGuest(files: readonly string[], isAlone: boolean): Promise<void> {
  const stage = { command: "scripts/guest", args: ["system", ...files], ...logged("system", isAlone) };
  await report("systemd guest", stage, join(GUEST, "system-report.json"));
}

/** Beside the others a guest's output goes to a file, and is shown at its end. */
function logged(guest: string, isAlone: boolean): Pick<Stage, "logFile"> {
  return isAlone ? {} : { logFile: join(BUILD, `${guest}.log`) };
}

async function runAll(): Promise<void> {
  if ((await stages.run({ command: "scripts/setup", args: ["test"] })) !== 0) throw new Error("scripts/setup failed");
  outcome.failed.push(...(await runChecks()).map((name) => `check: ${name}`));
  process.stdout.write(
    "the guests run beside the rest and are shown when they end; their output: build/test/{system,kernel}.log\n",
  );
  // The emulated machines wait the longer the less of a core they get: vitest leaves them the larger share.
  const workers = `--maxWorkers=${Math.max(1, availableParallelism() - 1)}`;
  const first = [vitest([], [workers]), systemGuest([], false)];
  // Two at a time, so that no core is idle before the end: the second guest takes the place of what ends first.
  await Promise.all([...first, Promise.race(first).then(() => kernelGuest([], false))]);
}

async function runChosen({ vitest: plain, kernel, system, purposes }: Selection): Promise<void> {
  if (purposes.length === 0) throw new Error("no test file has one of the filters in its path");
  if ((await stages.run({ command: "scripts/setup", args: purposes })) !== 0) throw new Error("scripts/setup failed");
  if (plain.length > 0) await vitest(plain);
  if (kernel.length > 0) await kernelGuest(kernel, true);
  if (system.length > 0) await systemGuest(system, true);
}

async function interrupt(): Promise<void> {
  await stages.interrupt();
  process.exit(EXIT.interrupted);
}

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => void interrupt());
process.chdir(ROOT);
mkdirSync(BUILD, { recursive: true });
const filters = process.argv.slice(2);
try {
  if (filters.length === 0) await runAll();
  else await runChosen(select(globSync("test/**/*.test.ts").sort(), filters));
} catch (thrown) {
  outcome.failed.push(messageOf(thrown));
}

for (const name of outcome.skipped) process.stdout.write(`skipped: ${name}\n`);
// Last, so that the end of a long output says what is wrong.
for (const name of outcome.failed) process.stdout.write(`failed: ${name}\n`);
process.exitCode = outcome.failed.length > 0 || outcome.passed === 0 ? EXIT.failed : EXIT.ok;
process.stdout.write(`${outcome.passed} passed, ${outcome.failed.length} failed, ${outcome.skipped.length} skipped\n`);
