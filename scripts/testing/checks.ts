import { spawn } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** What a check is called, and the command that is it. The longest comes first, since they start in this order. */
const CHECKS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["lint", "oxlint", "--type-aware"],
  ["type check", "tsc"],
  ["type check of the companion's page", "tsc", "--project", "agent/companion/tsconfig.page.json"],
  ["type check of the live page", "tsc", "--project", "agent/ui/page/tsconfig.json"],
  ["format", "biome", "check", "--error-on-warnings"],
  ["dead code", "knip", "--cache", "--cache-location", ".cache/knip"],
  ["generated files", process.execPath, "scripts/generate.ts", "--check"],
];

/** How one check ended, and what it wrote. */
type Checked = { readonly name: string; readonly ok: boolean; readonly ms: number; readonly output: string };

/**
 * Runs all checks side by side and prints a line for each as it ends, with its output when it failed. Gives the names of those that failed.
 */
export async function runChecks(): Promise<readonly string[]> {
  const ended = await Promise.all(
    CHECKS.map(async ([name, command, ...args]) => {
      const checked = await check(name, command, args);
      const seconds = `${(checked.ms / 1000).toFixed(1)} s`;
      process.stdout.write(
        `${checked.ok ? "ok    " : "FAILED"} ${name} (${seconds})\n${checked.ok ? "" : checked.output}`,
      );
      return checked;
    }),
  );
  return ended.filter(({ ok }) => !ok).map(({ name }) => name);
}

function check(name: string, command: string, args: readonly string[]): Promise<Checked> {
  const { promise, resolve } = Promise.withResolvers<Checked>();
  const beganMs = performance.now();
  const end = (ok: boolean, output: string): void => resolve({ name, ok, ms: performance.now() - beganMs, output });
  const bin = join(ROOT, "node_modules/.bin");
  // None outlives an interrupted run.
  const child = spawn("setpriv", ["--pdeathsig", "TERM", "--", command, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: `${bin}:${process.env.PATH ?? ""}` },
  });
  const kept: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => kept.push(chunk));
  child.on("error", (error) => end(false, `${command}: ${error.message}\n`));
  child.on("close", (code) => end(code === 0, Buffer.concat(kept).toString()));
  return promise;
}
