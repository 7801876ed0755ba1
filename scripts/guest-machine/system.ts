import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { AgentError, EXIT, FAULTS } from "../../agent/core/errors.ts";
import { until } from "../../test/bench/core/wait.ts";
import { GUEST_CACHE, ROOT } from "../testing/cached.ts";
import { cannotRunGuest } from "./base-image.ts";
import { removeLeftovers } from "./place.ts";
import { provisionedImage } from "./provisioned.ts";

const REPORT = join(GUEST_CACHE, "system-report.json");
const CONFIG = "test/guest/system/vitest.config.ts";

const report = z.object({ numPassedTests: z.int(), numFailedTests: z.int(), numPendingTests: z.int() });

function say(line: string): void {
  process.stderr.write(`guest: ${line}\n`);
}

/** Makes what is missing, so that its time is not counted as a test's, and runs the tests that drive the guest. Gives the exit code. */
async function main(filters: readonly string[]): Promise<number> {
  const reason = cannotRunGuest();
  if (reason !== undefined) {
    say(reason);
    return EXIT.unavailable;
  }
  removeLeftovers();
  await provisionedImage(say);
  rmSync(REPORT, { force: true });
  const code = await runVitest(filters);
  if (!existsSync(REPORT)) {
    say("the tests ended without a report");
    return code === EXIT.ok ? EXIT.failed : code;
  }
  const found: unknown = JSON.parse(readFileSync(REPORT, "utf8"));
  const { numPassedTests, numFailedTests, numPendingTests } = report.parse(found);
  process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
  return code;
}

/** When this process is interrupted or killed, the runner goes too, and with it (PR_SET_PDEATHSIG) every machine that it has started. */
async function runVitest(filters: readonly string[]): Promise<number> {
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const command = [process.execPath, vitest, "run", "--config", CONFIG, ...filters];
  const child = spawn("setpriv", ["--pdeathsig", "TERM", "--", ...command], { cwd: ROOT, stdio: "inherit" });
  const interrupt = (): void => void child.kill("SIGTERM");
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, interrupt);
  await once(child, "exit");
  // Interrupted, its workers end a little later; what stays longer is another run's.
  const gone = (): true | undefined => (removeLeftovers() === 0 ? true : undefined);
  await until(gone, { what: "the workers have ended", timeoutMs: 5000 }).catch(() => undefined);
  return child.exitCode ?? EXIT.interrupted;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (thrown) {
  if (!(thrown instanceof AgentError)) throw thrown;
  say(`${thrown.message}; ${thrown.remedy}`);
  process.exitCode = FAULTS[thrown.code].exit;
}
