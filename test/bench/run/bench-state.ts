import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { errnoOf } from "../../../agent/core/errors.ts";
import { startTimeOf } from "../core/process-usage.ts";

/** Longest path of a Unix socket (unix(7): 108 bytes with the closing zero). */
const MAX_SOCKET_PATH_BYTES = 107;

const lockSchema = z.object({ pid: z.int(), startTime: z.string() });

/** Folders of one run. All are made empty at the start; logs and the outbox stay behind for a look afterwards. */
export type BenchState = {
  readonly root: string;
  readonly certs: string;
  readonly logs: string;
  /** The agent's stateDir and runtimeDir. */
  readonly agent: string;
  readonly runtime: string;
  readonly configFile: string;
  /** The agent's folder of campaigns. */
  readonly campaigns: string;
  /** Shell variables for whoever wants to look on. */
  writeEnvironment(variables: Readonly<Record<string, string>>): void;
  /** A JSON file for a process of the bench; gives its path. */
  writeConfig(name: string, value: unknown): string;
  /** Lets the next bench begin. */
  release(): void;
};

/** Another bench is using the folder. */
export class BenchBusy extends Error {
  override readonly name = "BenchBusy";
}

/** Takes the folder for this process and empties it: what a killed run left behind is of no use to the next. Throws `BenchBusy`. */
export function takeState(stateDir: string): BenchState {
  const root = resolve(stateDir);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const lockFile = join(root, "lock");
  lock(lockFile);
  const folders = ["certs", "logs", "agent", "run", "processes", "authority", "mosquitto", "tpm", "campaigns", "day"];
  for (const name of [...folders, "env", "agent.yaml", "moved-clock"])
    rmSync(join(root, name), { recursive: true, force: true });
  for (const name of ["certs", "logs", "agent", "processes", "campaigns"]) mkdirSync(join(root, name), { mode: 0o700 });
  const runtime = runtimeFolder(root);
  return {
    root,
    certs: join(root, "certs"),
    logs: join(root, "logs"),
    agent: join(root, "agent"),
    runtime,
    configFile: join(root, "agent.yaml"),
    campaigns: join(root, "campaigns"),
    writeEnvironment: (variables) => {
      const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'\n`);
      writeFileSync(join(root, "env"), lines.join(""), { mode: 0o600 });
    },
    writeConfig: (name, value) => {
      const file = join(root, "processes", `${name}.json`);
      writeFileSync(file, JSON.stringify(value), { mode: 0o600 });
      return file;
    },
    release: () => {
      rmSync(runtime, { recursive: true, force: true });
      rmSync(join(root, "env"), { force: true });
      rmSync(lockFile, { force: true });
    },
  };
}

/** Sockets need short paths: a checkout deep in the tree keeps them in the folder for temporary files. */
function runtimeFolder(root: string): string {
  const near = join(root, "run");
  const isShort = Buffer.byteLength(join(near, "admin.sock")) <= MAX_SOCKET_PATH_BYTES;
  if (!isShort) return mkdtempSync(join(tmpdir(), "causeway-bench-"));
  mkdirSync(near, { mode: 0o700 });
  return near;
}

/** The process id alone could be another process by now; with its start time it cannot. */
function lock(file: string): void {
  const mine = JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid) });
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(file, mine, { flag: "wx", mode: 0o600 });
      return;
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
    const owner = ownerOf(file);
    if (owner !== undefined) {
      throw new BenchBusy(
        `another bench is running here (process ${owner}); stop it first, or give this one its own --state DIR`,
      );
    }
    rmSync(file, { force: true });
  }
  throw new BenchBusy(`cannot take ${file}`);
}

function ownerOf(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const found = lockSchema.safeParse(parseJson(readFileSync(file, "utf8")));
  if (!found.success) return undefined;
  return startTimeOf(found.data.pid) === found.data.startTime ? found.data.pid : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Cut short by a full disk or a power cut: nobody's.
    return undefined;
  }
}
