import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { diskFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { campaignRig, samplesIn } from "../../fakes/telemetry/campaign-rig.ts";

const WRITER = fileURLToPath(new URL("./cells-writer.ts", import.meta.url));
const SEED = 1412;
const KILLS = 20;
const HOLD_MS = 10_000;

/** Lets a writer run until it has flushed `flushes` times, and kills it. */
async function runAndKill(file: string, seed: number, startMs: number, flushes: number): Promise<void> {
  const child = spawn(process.execPath, [WRITER, file, String(seed), String(startMs)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let count = 0;
  for await (const _ of createInterface({ input: child.stdout })) {
    count += 1;
    if (count === flushes) child.kill("SIGKILL");
  }
  await exited;
  expect(child.signalCode).toBe("SIGKILL");
}

/** Opens the outbox of killed processes; without a campaign, all cells are reported. */
async function recordsIn(file: string): Promise<DecodedRecord[]> {
  const { outbox } = openOutbox({ file, maxBytes: 100_000_000, clock: new ManualClock(), log: new MemoryLog() });
  const { use, pipeline, records } = await campaignRig({ outbox });
  use();
  pipeline.flush();
  expect(outbox.kept()).toEqual([]);
  const found = records();
  outbox.close();
  return found;
}

/** When the last sample of a file that is left alone was received, ms since the start of the rig. */
async function lastMs(file: string): Promise<number> {
  const { outbox } = openOutbox({ file, maxBytes: 100_000_000, clock: new ManualClock(), log: new MemoryLog() });
  const { records } = await campaignRig({ outbox });
  const found = records();
  outbox.close();
  return Math.max(0, ...samplesOf(found, 0).map(([ms]) => ms));
}

/** Samples of a column as [ms, value], in the order of the records. */
function samplesOf(records: readonly DecodedRecord[], column: number): (readonly [number, number])[] {
  return samplesIn(records, "load").flatMap((text) => {
    const [signal, ms, value] = text.split(/[@=]/).map(Number);
    return signal === column ? [[ms, value] as const] : [];
  });
}

/** Cells of all reports of one kind added up, by what they are of. */
function cellsOf(records: readonly DecodedRecord[], kind: string, by: string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { body } of records) {
    for (const one of body.kind === "histograms" ? body.histograms : []) {
      if (one.kind !== kind || one.by !== by) continue;
      one.cells.forEach((count, at) => {
        const cell = one.firstCell + at;
        const name = kind === "duration" ? String(one.states[cell] ?? "others") : String(cell);
        if (count > 0) sums[name] = (sums[name] ?? 0) + count;
      });
    }
  }
  return sums;
}

/** µs for which each value held, by `nameOf` it. */
function heldIn(
  samples: readonly (readonly [number, number])[],
  nameOf: (value: number) => number,
): Record<string, number> {
  const sums: Record<string, number> = {};
  samples.slice(1).forEach(([ms], at) => {
    const [beforeMs, value] = samples[at];
    const name = String(nameOf(value));
    const us = Math.round((ms - beforeMs) * 1000);
    if (us > 0 && us <= HOLD_MS * 1000) sums[name] = (sums[name] ?? 0) + us;
  });
  return sums;
}

describe("cells, killed at any moment", () => {
  it(`are exactly those of the samples that were stored, after ${KILLS} kills (seed ${SEED})`, async () => {
    const folder = diskFolder();
    const file = join(folder, "outbox.db");
    const random = seededRandom(SEED);
    for (let kill = 0; kill < KILLS; kill++) {
      // Now and then the vehicle is back before the last value has ceased to hold.
      const startMs = kill === 0 ? 0 : (await lastMs(file)) + Math.ceil(random() * 2 * HOLD_MS);
      await runAndKill(file, SEED + kill, startMs, 1 + Math.floor(random() * 40));
    }
    const records = await recordsIn(file);
    const speed = samplesOf(records, 0);
    const brake = samplesOf(records, 1);
    expect(speed.length).toBeGreaterThan(1000);
    expect(records.filter(({ body }) => body.kind === "histograms").length).toBeGreaterThan(10);
    const binOf = (value: number): number => (value < 5 ? 0 : value < 10 ? 1 : 2);
    expect(cellsOf(records, "histogram", "time")).toEqual(heldIn(speed, binOf));
    expect(cellsOf(records, "duration", "time")).toEqual(heldIn(brake, (value) => value));
    const [below, inside, above] = [0, 1, 2].map((bin) => speed.filter(([, value]) => binOf(value) === bin).length);
    expect(cellsOf(records, "histogram", "samples")).toEqual({ 0: below, 1: inside, 2: above });
    const changes = brake.filter(([, value], at) => at > 0 && value !== brake[at - 1][1]).length;
    expect(cellsOf(records, "counter", "changes")).toEqual({ 0: changes });
  }, 300_000);
});
