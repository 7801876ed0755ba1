import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { AgentError } from "../../agent/core/errors.ts";

/** What a command may be given besides its arguments. */
export type CommandOptions = {
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
};

/**
 * Runs one command to its end and gives what it wrote to stdout. Throws `internal.bug` with the end of its output when it
 * fails or is not installed.
 */
export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): string {
  const result = spawnSync(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.environment },
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (result.status === 0) return result.stdout;
  const written = `${result.stdout ?? ""}${result.stderr ?? ""}`.trimEnd().split("\n").slice(-15).join("\n");
  throw new AgentError("internal.bug", {
    what: `${[command, ...args].join(" ")} failed (${result.error?.message ?? result.signal ?? `exit ${result.status}`})\n${written}`,
    remedy: "see what it wrote above",
  });
}

/** Whether a command is on PATH. */
export function isInstalled(command: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, command)));
}
