import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { CampaignStore } from "../../../agent/telemetry/campaigns/arrival/campaign-store.ts";
import { createStateFiles } from "../../../drivers/os/state-files.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { diskFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const WRITER = fileURLToPath(new URL("./campaign-store-writer.ts", import.meta.url));
const SEED = 20_261_129;

/** Lets a writer save so many times, kills it some time into the next, and gives the last version that it said was saved. */
async function runAndKill(folder: string, first: number, saves: number, size: number, spin: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, folder, String(first), String(size)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let last = first - 1;
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    count += 1;
    if (count !== saves) continue;
    // Somewhere in the save that is under way: a spin is finer than a timer.
    const until = performance.now() + spin;
    while (performance.now() < until);
    child.kill("SIGKILL");
  }
  await exited;
  expect(child.signalCode).toBe("SIGKILL");
  return last;
}

it(`has the last saved campaigns or the next, whole, wherever it is killed (seed ${SEED})`, {
  timeout: 120_000,
}, async () => {
  const random = seededRandom(SEED);
  const folder = diskFolder();
  let version = 1;
  for (let run = 0; run < 12; run++) {
    const size = 1 + Math.floor(random() * 300);
    const last = await runAndKill(folder, version, 1 + Math.floor(random() * 3), size, random() * 12);
    const log = new MemoryLog();
    const { documents } = new CampaignStore({ files: createStateFiles(folder), log }).load("cloud");
    const versions = new Set(documents.map((one) => one.version));
    expect(versions.size).toBe(1);
    const [found = 0] = versions;
    expect([last, last + 1]).toContain(found);
    expect(documents).toHaveLength(size);
    expect(log.entries).toEqual([]);
    version = last + 2;
  }
});
