import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AgentError, messageOf } from "../../../agent/core/errors.ts";
import { type WorkerRequest, type WorkerResponse, workerResponse } from "./worker-protocol.ts";

/** Beside this file: .ts in a checkout, .js in a package, whatever the ending is of the file that this one is a part of there. */
const WORKER = fileURLToPath(
  new URL(import.meta.filename.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url),
);
const MAX_OUTPUT_BYTES = 1_048_576;
const MAX_STDERR_BYTES = 65_536;
/** Memory only, so that not even what the TPM has encrypted is left on a disk. */
const MEMORY_FOLDER = "/dev/shm";

/** How a worker is run. `environment` has what leads the library to the TPM; no secret belongs there. */
export type WorkerRun = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The worker and all that it started are killed after this time. */
  readonly timeoutMs: number;
  /** Gets what the TPM libraries wrote to stderr, secrets struck out. */
  readonly onStderr: (text: string) => void;
};

/** What is asked of a worker, without the folder that it works in. */
export type KeyOperation = WorkerRequest extends infer One
  ? One extends WorkerRequest
    ? Omit<One, "place"> & { readonly place: Omit<One["place"], "workFolder"> }
    : never
  : never;

/** Runs one job in a process of its own and gives its response. Rejects with `identity.tpm-timeout`, or `internal.bug` when the worker breaks. */
export async function runWorker(job: KeyOperation, run: WorkerRun): Promise<WorkerResponse> {
  const workFolder = madeFolder(isFolder(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir());
  try {
    const input = JSON.stringify({ ...job, place: { ...job.place, workFolder } });
    const { stdout, stderr, isLate } = await communicate(input, run);
    if (stderr !== "") run.onStderr(redacted(stderr, job));
    if (isLate) throw late(job, run.timeoutMs);
    return parsed(stdout, job);
  } finally {
    rmSync(workFolder, { recursive: true, force: true });
  }
}

function madeFolder(parent: string): string {
  try {
    return mkdtempSync(join(parent, "causeway-key-"));
  } catch (error) {
    throw new AgentError("output.unwritable", {
      what: `no folder for key work can be made in ${parent}: ${messageOf(error)}`,
      remedy: `let this user write to ${parent}, which should be a file system in memory: mount -t tmpfs -o mode=1777 tmpfs ${parent}`,
      cause: error,
    });
  }
}

type WorkerOutput = { readonly stdout: string; readonly stderr: string; readonly isLate: boolean };

function communicate(input: string, { environment, timeoutMs }: WorkerRun): Promise<WorkerOutput> {
  return new Promise((resolve, reject) => {
    // A process group of its own, so that the tools it has started can be killed with it.
    const worker = spawn(process.execPath, ["--disable-sigusr1", "--disable-warning=ExperimentalWarning", WORKER], {
      detached: true,
      env: { ...environment },
    });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      killGroup(worker.pid);
    }, timeoutMs);
    const stdout = collected(worker.stdout, MAX_OUTPUT_BYTES);
    const stderr = collected(worker.stderr, MAX_STDERR_BYTES);
    worker.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    worker.once("close", () => {
      clearTimeout(timer);
      resolve({ stdout: stdout(), stderr: stderr(), isLate });
    });
    // A worker that ended without reading its input is judged by what it wrote.
    worker.stdin.on("error", () => undefined);
    worker.stdin.end(input);
  });
}

function collected(stream: NodeJS.ReadableStream, maxBytes: number): () => string {
  const parts: Buffer[] = [];
  let length = 0;
  stream.on("data", (part: Buffer) => {
    length += part.length;
    if (length <= maxBytes) parts.push(part);
  });
  return () => Buffer.concat(parts).toString("utf8");
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // ESRCH: it ended by itself in the same moment.
  }
}

function parsed(stdout: string, { job }: KeyOperation): WorkerResponse {
  try {
    return workerResponse.parse(JSON.parse(stdout));
  } catch (error) {
    throw new AgentError("internal.bug", {
      what: `the worker for "${job}" ended without an answer`,
      remedy: "run the verb again with --verbose and report what it prints",
      cause: error,
    });
  }
}

function late({ job }: KeyOperation, timeoutMs: number): AgentError {
  return new AgentError("identity.tpm-timeout", {
    what: `the TPM did not finish "${job}" in ${(timeoutMs / 1000).toFixed(1)} s, so it was given up`,
    remedy:
      "try again; a TPM that is slow to make RSA keys needs a higher identity.keyTimeoutSeconds, or a longer --timeout where one is given",
  });
}

/** No library is known to print a secret; this makes sure. */
function redacted(text: string, job: KeyOperation): string {
  const secrets = [
    "pin" in job ? job.pin : undefined,
    "officerPin" in job ? job.officerPin : undefined,
    "ownerAuth" in job ? job.ownerAuth : undefined,
    "lockoutAuth" in job ? job.lockoutAuth : undefined,
    "content" in job ? job.content : undefined,
  ];
  return secrets.reduce<string>((rest, secret) => (secret === undefined ? rest : rest.replaceAll(secret, "***")), text);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
