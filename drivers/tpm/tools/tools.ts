import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { AgentError, errnoOf } from "../../../agent/core/errors.ts";
import { tpmAbsent, tpmCrowded, tpmLockout } from "../faults.ts";

/** A tool that hangs longer than this is killed; making an RSA key takes some TPMs 30 s and more. */
export const TOOL_TIMEOUT_MS = 120_000;
/** TPM 2.0 part 2, 6.6.3: response codes without their parameter and session numbers. */
const RC_LOCKOUT = 0x921;
/** TPM_RC_OBJECT_MEMORY, _SESSION_MEMORY, _MEMORY, _SESSION_HANDLES, _OBJECT_HANDLES. */
const RC_CROWDED: readonly number[] = [0x902, 0x903, 0x904, 0x905, 0x906];
const RC_AUTH_FAIL = 0x08e;
const RC_BAD_AUTH = 0x0a2;

/** One run of a tool of tpm2-tools. */
export type ToolRun = {
  readonly command: string;
  readonly args: readonly string[];
  /** The tool's working folder. */
  readonly folder: string;
  /** Goes to stdin; name it "file:-" among the arguments. */
  readonly secret?: string | undefined;
  /** Goes to a file that has no name any more; name it `SEALED_INPUT` among the arguments. */
  readonly sealed?: string;
  /** The fault when the TPM refuses an authorisation. */
  readonly refused?: () => AgentError;
  /** The fault when the TPM answers that what it was given cannot be right; `problem` is the tool's line. */
  readonly unfit?: (problem: string) => AgentError;
};

/** What a tool opens to read `ToolRun.sealed`. */
export const SEALED_INPUT = "/dev/fd/3";

/**
 * Runs a tool to its end and gives its stdout. Secrets go through stdin and an inherited descriptor only, so that no argument list and
 * no environment shows them. Throws faults `identity.*`.
 */
export function runTool(run: ToolRun): string {
  const sealed = run.sealed === undefined ? undefined : namelessFile(run.folder, run.sealed);
  try {
    const { error, status, stdout, stderr } = spawnSync(run.command, run.args, {
      cwd: run.folder,
      input: run.secret ?? "",
      stdio: sealed === undefined ? ["pipe", "pipe", "pipe"] : ["pipe", "pipe", "pipe", sealed],
      timeout: TOOL_TIMEOUT_MS,
      killSignal: "SIGKILL",
      encoding: "utf8",
    });
    if (status === 0) return stdout;
    throw toolFault(run, stderr, errnoOf(error));
  } finally {
    if (sealed !== undefined) closeSync(sealed);
  }
}

/** A descriptor of a file with this content whose name is gone before anything is written: tools want to know a file's size, which a pipe has not. */
function namelessFile(folder: string, content: string): number {
  const path = join(folder, randomBytes(8).toString("hex"));
  const descriptor = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  writeSync(descriptor, content);
  return descriptor;
}

/** Without what the libraries put before it: "ERROR:tcti:src/tss2-tcti/tctildr-dl.c:154:tcti_from_file() ". */
function plainly(line: string): string {
  return line.replace(/^ERROR: ?(?:\w+:\S+:\d+:\w+\(\) )?/, "").trim();
}

function toolMissing(command: string): AgentError {
  return new AgentError("identity.module-missing", {
    what: `${command} cannot be started`,
    remedy: "install the Debian package tpm2-tools",
  });
}

/** The response codes in what a tool says (TPM 2.0 part 2, 6.6). */
export function responseCodes(stderr: string): readonly number[] {
  return [...stderr.matchAll(/0x0*([0-9a-f]{1,3})\b/gi)].map(([, digits = ""]) => Number.parseInt(digits, 16));
}

/** Format-one codes (bit 7): the error is in bits 0 to 5, the session or parameter number above it. */
export const FORMAT_ONE = 0xbf;
const IS_FORMAT_ONE = 0x80;

/** The fault of a tool that failed. `errno` is that of its process: not started, or ended at its time limit (ETIMEDOUT). */
export function toolFault(
  run: Pick<ToolRun, "command" | "refused" | "unfit">,
  stderr: string,
  errno: string | undefined,
): AgentError {
  if (errno === "ENOENT") return toolMissing(run.command);
  const codes = responseCodes(stderr);
  if (codes.includes(RC_LOCKOUT)) return tpmLockout(undefined);
  const crowded = codes.find((code) => RC_CROWDED.includes(code));
  if (crowded !== undefined) return tpmCrowded(crowded);
  const isRejection = codes.some((code) => [RC_AUTH_FAIL, RC_BAD_AUTH].includes(code & FORMAT_ONE));
  if (isRejection && run.refused !== undefined) return run.refused();
  if (errno === "ETIMEDOUT") return tpmAbsent(`${run.command} did not end in ${TOOL_TIMEOUT_MS / 1000} s`);
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((text) => text.startsWith("ERROR")) ?? lines[0] ?? "it gave no reason";
  const problem = `${run.command}: ${plainly(line).slice(0, 300)}`;
  const isUnfit = codes.some((code) => (code & IS_FORMAT_ONE) !== 0);
  return isUnfit && run.unfit !== undefined ? run.unfit(problem) : tpmAbsent(problem);
}
