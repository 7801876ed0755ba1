import { type ChildProcess, spawn } from "node:child_process";
import { type BackoffBounds, backoffMs } from "../../agent/core/backoff.ts";
import type { Clock } from "../../agent/core/clock.ts";
import { errnoOf } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type { ShoulderTap } from "../../agent/ports/shoulder-tap.ts";

const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
const RESTART: BackoffBounds = { minMs: 1000, maxMs: 300_000 };
/** One that ran for so long was well, ms. */
const WELL_MS = 60_000;
const NEWLINE = 10;

/** `program` is a path, run without arguments and without a shell. */
export type ProgramTapsParts = { readonly program: string; readonly clock: Clock; readonly log: Log };

/** A program of the integrator: each line that it writes is a tap, whatever stands in it. Started again, with back-off, when it ends; it and what it has started end with the agent. */
export function programTaps({ program, clock, log }: ProgramTapsParts): ShoulderTap {
  const stopping = new AbortController();
  let child: ChildProcess | undefined;
  const keep = async (onTap: () => void): Promise<void> => {
    for (let attempt = 0; !stopping.signal.aborted; attempt += 1) {
      const beganMs = clock.monotonicMs();
      const end = await run(program, onTap, (started) => {
        child = started;
      });
      if (stopping.signal.aborted) return;
      if (clock.monotonicMs() - beganMs >= WELL_MS) attempt = 0;
      const waitMs = backoffMs(attempt, RESTART);
      log.warn("tap.program-ended", { program, end, waitMs });
      await clock.sleep(waitMs, stopping.signal);
    }
  };
  return {
    name: program,
    start: (onTap) => void keep(onTap),
    stop: async () => {
      stopping.abort();
      killGroup(child);
    },
  };
}

/** Resolves with how it ended. */
function run(program: string, onTap: () => void, onStarted: (child: ChildProcess) => void): Promise<string> {
  const child = spawn(program, [], { cwd: "/", env: ENVIRONMENT, detached: true, stdio: ["ignore", "pipe", "ignore"] });
  onStarted(child);
  // Counted byte by byte: a line of any length takes no memory.
  child.stdout.on("data", (chunk: Uint8Array) => {
    for (const byte of chunk) if (byte === NEWLINE) onTap();
  });
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(errnoOf(error) ?? "not run"));
    child.once("exit", (code, signal) => {
      // What it has started must not tap beside its successor.
      killGroup(child);
      resolve(signal ?? `exit code ${code}`);
    });
  });
}

function killGroup(child: ChildProcess | undefined): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
