import { fstatSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { OWN_STDERR, runQuietly } from "../../drivers/os/quiet-process.ts";
import { runInUnit, unitSettings } from "../../drivers/os/service-unit.ts";
import { becomeUser, ownerOf } from "../../drivers/os/service-user.ts";
import type { TextSink } from "./context.ts";
import type { OwnProcess, RootPowers } from "./own-process.ts";
import { type ProcessParts, runProcess, type Surroundings } from "./process.ts";
import { createProgram } from "./program.ts";

/** Says to the process that a verb is run in that its stderr is elsewhere. */
const QUIET = "CAUSEWAY_QUIET";

/** How long a verb may take to end once its time is over, ms. */
const END_MS = 1000;

/** The program with all its verbs, each loaded when it is asked for. */
export async function run(parts: Omit<ProcessParts, "surroundings">): Promise<void> {
  await runProcess({ ...parts, surroundings: surroundingsOf }, createProgram);
}

function surroundingsOf(environment: NodeJS.ProcessEnv): Surroundings {
  const isQuiet = environment[QUIET] !== undefined && isOpen(OWN_STDERR);
  delete environment[QUIET];
  const root = process.geteuid?.() === 0 ? { root: rootPowers(environment) } : {};
  if (isQuiet) return { process: root, stderr: sinkAt(OWN_STDERR) };
  const quietly: OwnProcess["runQuietly"] = (signal, limitMs) =>
    runQuietly(
      { command: sameCommand(), environment: { ...environment, [QUIET]: "1" } },
      signal,
      limitMs === undefined ? undefined : limitMs + graceMs(),
    );
  return { process: { ...root, runQuietly: quietly } };
}

function rootPowers(environment: NodeJS.ProcessEnv): RootPowers {
  return {
    ownerOf,
    becomeUser,
    unitSettings,
    runInUnit: (uid, settings, signal) => runInUnit({ uid, settings, command: sameCommand(), environment }, signal),
  };
}

/** The verb has to start first, which takes it about as long as it took this process to come here: seconds on a small machine. */
function graceMs(): number {
  return END_MS + 2 * process.uptime() * 1000;
}

/** What this process was started with. */
function sameCommand(): readonly string[] {
  return [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
}

function isOpen(descriptor: number): boolean {
  try {
    fstatSync(descriptor);
    return true;
  } catch {
    // EBADF: somebody else has set the variable.
    return false;
  }
}

function sinkAt(descriptor: number): TextSink {
  return {
    write: (text) => void writeSync(descriptor, text),
    isTerminal: isatty(descriptor),
    columns: () => process.stdout.columns || 80,
    rows: () => process.stdout.rows || 24,
  };
}
