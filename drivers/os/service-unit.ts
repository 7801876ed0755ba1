import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { AgentError } from "../../agent/core/errors.ts";

/** Unit of the agent (product names and places). */
const UNIT = "causeway.service";
/** There while systemd is the service manager of this machine (sd_booted(3)). */
const BOOTED = "/run/systemd/system";
/** How long systemctl may take, ms. */
const ASK_MS = 5000;
/**
 * Settings of systemd.exec(5) that hand secrets to a service, and the groups that open devices to it. SetCredential, whose secret stands in the
 * unit itself, is not handed on: it would be an argument, which every user of the machine can read.
 */
const HANDED_ON =
  /^(?:LoadCredential|LoadCredentialEncrypted|SetCredentialEncrypted|ImportCredential|SupplementaryGroups)$/;
/** What a verb reads of its environment; a unit begins with none of it. */
const ENVIRONMENT =
  /^(?:TERM|LANG|LC_\w+|TZ|NO_COLOR|TPM2\w+|TSS2\w+|DBUS_\w+_BUS_ADDRESS|\w+_proxy|\w+_PROXY|NODE_COMPILE_CACHE)$/;
/** Exit codes by which systemd says why a unit was not run (systemd.exec(5), "Process Exit Codes"). */
const NOT_BEGUN: ReadonlyMap<number, string> = new Map([
  [203, "the program cannot be run (203/EXEC)"],
  [216, "its group does not exist (216/GROUP)"],
  [217, "its user does not exist (217/USER)"],
  [243, "the credentials cannot be given (243/CREDENTIALS)"],
]);

/** A verb as the service would run it. `settings` as `unitSettings` gives them. */
export type UnitRun = {
  readonly uid: number;
  readonly settings: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
};

const run = promisify(execFile);

/** What the unit of the agent and its drop-ins say of credentials and groups, "Name=value" each; empty where systemd has no such unit. */
export async function unitSettings(): Promise<readonly string[]> {
  if (!existsSync(BOOTED)) return [];
  try {
    const { stdout } = await run("systemctl", ["cat", "--no-pager", UNIT], { timeout: ASK_MS });
    return settingsOf(stdout);
  } catch {
    // No unit, or no systemctl: the verb says by itself what it misses.
    return [];
  }
}

/** The settings in the text of a unit and its drop-ins. An empty value takes back what was set before (systemd.unit(5)). */
export function settingsOf(text: string): readonly string[] {
  let found: (readonly [name: string, value: string])[] = [];
  for (const line of text.replace(/\\\n/g, " ").split("\n")) {
    const [, name = "", value = ""] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (!HANDED_ON.test(name)) continue;
    found = value === "" ? found.filter(([other]) => other !== name) : [...found, [name, value] as const];
  }
  return found.map(([name, value]) => `${name}=${value}`);
}

/**
 * Runs a command in a unit of its own, on this process's terminal or pipes, and gives its exit code. When `signal` aborts it is stopped.
 * Rejects with `identity.pin-missing` where systemd cannot run it with these settings.
 */
export async function runInUnit(
  { uid, settings, command, environment }: UnitRun,
  signal: AbortSignal,
): Promise<number> {
  const unit = `causeway-verb-${process.pid}-${randomBytes(4).toString("hex")}`;
  const own = [`User=${uid}`, `WorkingDirectory=-${process.cwd()}`, "UMask=0077", "LimitCORE=0", ...settings];
  const kept = Object.keys(environment).filter((name) => ENVIRONMENT.test(name));
  const args = [
    "--quiet",
    "--pipe",
    "--wait",
    "--collect",
    `--unit=${unit}`,
    ...own.flatMap((setting) => ["--property", setting]),
    ...kept.map((name) => `--setenv=${name}`),
    "--",
    ...command,
  ];
  // A session of its own: the interrupt of a terminal must not end systemd-run and leave the verb running.
  const child = spawn("systemd-run", args, { env: { ...environment }, stdio: "inherit", detached: true });
  const stop = (): void => void execFile("systemctl", ["stop", `${unit}.service`], () => undefined);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (ended) => resolve(ended ?? 1));
  }).finally(() => signal.removeEventListener("abort", stop));
  const problem = NOT_BEGUN.get(code);
  if (problem === undefined) return code;
  throw new AgentError("identity.pin-missing", {
    what: `systemd does not run the verb as the service: ${problem}`,
    remedy:
      "see journalctl -n 20; a credential that was encrypted on another machine, or before its TPM was cleared, is made anew: systemd-creds encrypt --name=causeway-pin PIN_FILE /etc/causeway/causeway-pin.cred",
  });
}
