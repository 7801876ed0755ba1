import { execFileSync, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FetchedArtifact } from "../../../agent/ports/update.ts";
import { digestFile } from "../../../drivers/os/file-digest.ts";
import { createSlots } from "../../../drivers/os/versions/slots.ts";
import { liveWithCuts, problemOf, UpdateVehicle } from "../../fakes/updates/update-vehicle.ts";
import { seededRandom } from "../core/seeded-random.ts";
import { timed } from "./timing.ts";

const START = join(import.meta.dirname, "../../../systemd/causeway-start");
const never = new AbortController().signal;

/** Times of one release of the agent, ms. */
export type InstallFigures = {
  readonly archiveBytes: number;
  /** Unpacking, checking and syncing; and the switch of the link. */
  readonly stageMs: number;
  readonly switchMs: number;
  /** From the first start of a version that crashes to the old one running, under the supervisor without the service manager's pauses. */
  readonly rollbackMs: number;
  readonly rollbackStarts: number;
};

/** Installs a release as large as Node, and goes back from one that crashes. */
export async function benchmarkInstall(): Promise<InstallFigures> {
  const state = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  try {
    const packaged = join(state, "packaged");
    makeRelease(packaged, `#!/bin/sh\nexit 0\n`);
    const slots = createSlots({
      folder: join(state, "releases"),
      running: "packaged",
    });
    const large = await archive(state, "large", (folder) => copyFileSync(process.execPath, join(folder, "node")));
    const stageMs = await timed(() => slots.stage(large, never));
    const switchMs = await timed(() => slots.activate(large));
    await slots.rollback(large);
    const crashing = await archive(state, "crashing", (folder) =>
      writeProgram(join(folder, "node"), "#!/bin/sh\nexit 1\n"),
    );
    await slots.stage(crashing, never);
    await slots.activate(crashing);
    let starts = 0;
    const rollbackMs = await timed(async () => {
      do starts += 1;
      while ((await startOnce(state, packaged)) !== 0 && starts < 10);
    });
    return {
      archiveBytes: large.sizeBytes,
      stageMs,
      switchMs,
      rollbackMs,
      rollbackStarts: starts - 1,
    };
  } finally {
    rmSync(state, { recursive: true });
  }
}

function makeRelease(folder: string, node: string): void {
  mkdirSync(join(folder, "agent"), { recursive: true });
  writeFileSync(join(folder, "agent/main.js"), "");
  writeProgram(join(folder, "node"), node);
}

function writeProgram(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

async function archive(state: string, name: string, fill: (folder: string) => void): Promise<FetchedArtifact> {
  const folder = join(state, name);
  makeRelease(folder, "");
  fill(folder);
  const file = join(state, `${name}.tar.gz`);
  execFileSync("tar", ["--create", "--gzip", "--file", file, "--directory", folder, "node", "agent"]);
  return { name, version: "1", file, ...(await digestFile(file)) };
}

function startOnce(state: string, packaged: string): Promise<number> {
  const child = spawn(START, [state, packaged, "run"], {
    stdio: "ignore",
    env: { PATH: process.env.PATH },
  });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

/** Power cuts before and after each durable step of an update: how many there are, and after how many the vehicle was whole. */
export type FaultFigures = {
  readonly points: number;
  readonly rounds: number;
  readonly whole: number;
};

/** Cuts the power at every step of updates to a good version, one that crashes and one that never proves itself; `rounds` times each. */
export async function benchmarkFaults(rounds: number): Promise<FaultFigures> {
  let [points, whole] = [0, 0];
  for (const version of ["good", "crashes-at-start", "never-proven"] as const) {
    const uncut = new UpdateVehicle(version);
    await uncut.live(true);
    for (let at = 1; at <= uncut.steps; at += 1) {
      points += 1;
      if (await isWholeAfter(version, at, rounds)) whole += 1;
    }
  }
  return { points, rounds, whole };
}

async function isWholeAfter(version: UpdateVehicle["version"], at: number, rounds: number): Promise<boolean> {
  const random = seededRandom(at);
  for (let round = 0; round < rounds; round += 1) {
    const vehicle = new UpdateVehicle(version);
    vehicle.cutAt = at;
    // After the first round, further cuts follow soon after the first.
    const cuts = round === 0 ? [] : [1, 2].map(() => 1 + Math.floor(random() * 6));
    await liveWithCuts(vehicle, cuts);
    if (problemOf(vehicle) !== undefined) return false;
  }
  return true;
}
