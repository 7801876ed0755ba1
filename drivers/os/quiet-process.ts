import { spawn } from "node:child_process";

/** Where the process that is run without the words of its libraries has the stderr of this one. */
export const OWN_STDERR = 3;
/** How much of what libraries say is kept, for a process that they have broken. */
const KEPT_CHARACTERS = 4000;

/** How long a terminal's interrupt is given to end the process, ms. */
const TOLD_MS = 1000;

/** The program with its arguments, and its environment. */
export type QuietCommand = {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** `noise`: the end of what its libraries wrote to stderr. `code` is undefined for one that a signal has ended; `isLate`: at its limit. */
export type QuietEnd = { readonly code: number | undefined; readonly noise: string; readonly isLate: boolean };

/**
 * Runs a command on this process's stdin and stdout. Its descriptor `OWN_STDERR` is the stderr of this process, and what any
 * library writes to its own stderr is taken from there: libtpm2_pkcs11 prints errors at its lowest level too, GLib its criticals, and Node has
 * no dup2(2). The process is ended when `signal` aborts, and killed after `limitMs`: a library may keep its thread for ever.
 */
export function runQuietly(
  { command: [program = process.execPath, ...args], environment }: QuietCommand,
  signal: AbortSignal,
  limitMs?: number,
): Promise<QuietEnd> {
  const child = spawn(program, args, { env: { ...environment }, stdio: ["inherit", "inherit", "pipe", 2] });
  let noise = "";
  let isLate = false;
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    noise = (noise + text).slice(-KEPT_CHARACTERS);
  });
  // A terminal has told it too, and a second signal would force it; who sends a signal to this process alone waits that little.
  const end = (): void =>
    void setTimeout(() => child.kill("SIGTERM"), signal.reason === "SIGINT" ? TOLD_MS : 0).unref();
  const kill = (): void => {
    isLate = true;
    child.kill("SIGKILL");
  };
  const timer = limitMs === undefined ? undefined : setTimeout(kill, limitMs);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  return new Promise<QuietEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve({ code: code ?? undefined, noise, isLate }));
  }).finally(() => {
    signal.removeEventListener("abort", end);
    clearTimeout(timer);
  });
}
