import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { AgentError, EXIT, FAULTS } from "../../agent/core/errors.ts";
import { cannotRunGuest } from "./base-image.ts";
import { GUEST_CACHE, ROOT } from "./cached.ts";
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
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const { status } = spawnSync(process.execPath, [vitest, "run", "--config", CONFIG, ...filters], {
    cwd: ROOT,
    stdio: "inherit",
  });
  const found: unknown = JSON.parse(readFileSync(REPORT, "utf8"));
  const { numPassedTests, numFailedTests, numPendingTests } = report.parse(found);
  process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
  return status ?? EXIT.failed;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (thrown) {
  if (!(thrown instanceof AgentError)) throw thrown;
  say(`${thrown.message}\n  remedy: ${thrown.remedy}`);
  process.exitCode = FAULTS[thrown.code].exit;
}
