import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Delivery } from "../../../agent/consumer/store/delivery.ts";
import { duckdb } from "../../fakes/consumer/duckdb.ts";
import { folderStore, rowFiles, standingClock } from "../../fakes/consumer/folder-store.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { mountProblem } from "../../fakes/core/mount.ts";
import { KILL_SAMPLES, killDeliveries, killTable } from "./folder-records.ts";

const canMount = mountProblem() === undefined;
const MOUNT = `file system of 3 MB${canMount ? "" : ` (skipped, mount is not permitted here: ${mountProblem()})`}`;
const BATCH = 40;
const HOUR_MS = 3_600_000;

function tinyDisk(): string {
  const folder = join(temporaryFolder(), "disk");
  mkdirSync(folder);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", folder]);
  onTestFinished(() => void execFileSync("umount", ["-l", folder]));
  return folder;
}

/** Takes all the room but `bytes`; the file to remove for it. */
function fillUp(folder: string, bytes: number): string {
  const { bavail, bsize } = statfsSync(folder);
  const file = join(folder, "other");
  writeFileSync(file, new Uint8Array(Math.max(0, bavail * bsize - bytes)));
  return file;
}

async function idsIn(path: string): Promise<readonly (readonly string[])[]> {
  const query = await duckdb();
  const files = rowFiles(path).map((name) => `'${join(path, name)}'`);
  const of = (kind: string): string =>
    `${files[0]?.includes(".csv") === true ? "read_csv" : "read_parquet"}([${files.filter((name) => name.includes(`/${kind}/`)).join(", ")}], hive_partitioning = false)`;
  return query(
    `SELECT seq, count(*) FROM (SELECT seq, stream FROM ${of("samples")} UNION ALL SELECT seq, stream FROM ${of("events")})
     WHERE stream = 'telemetry' GROUP BY seq ORDER BY seq`,
  );
}

function expectedOf(seqs: readonly number[]): string[][] {
  return seqs.map((seq) => [seq, seq % 4 === 0 ? 1 : KILL_SAMPLES].map(String));
}

describe.skipIf(!canMount)(`a folder store on a full ${MOUNT}`, () => {
  it("refuses a batch whole, and takes it when there is room again", async () => {
    const path = tinyDisk();
    const clock = standingClock({ wallUs: Date.UTC(2026, 10, 29) * 1000 });
    const { sink } = await folderStore({ path, clock });
    await sink.commit(killTable());
    const other = fillUp(path, 300_000);
    let seq = 1;
    let refused: Delivery[] = [];
    while (refused.length === 0) {
      const batch = killDeliveries(seq, BATCH);
      try {
        expect(await sink.commit(batch)).toMatchObject({ written: BATCH, repeats: 0 });
        seq += BATCH;
      } catch (thrown) {
        expect(thrown).toMatchObject({
          code: "store.unavailable",
          message: `${path} cannot be written: database or disk is full (SQLITE_FULL)`,
        });
        refused = batch;
      }
    }
    rmSync(other);
    expect(await sink.commit(refused)).toMatchObject({ written: BATCH, repeats: 0 });
    clock.advance(HOUR_MS);
    await sink.rollNow();
    await sink.close();
    expect(await idsIn(path)).toEqual(expectedOf(Array.from({ length: seq + BATCH - 1 }, (_, at) => at + 1)));
  });

  it("makes no half file, keeps what no file holds, and goes on when there is room again", async () => {
    const path = tinyDisk();
    const clock = standingClock({ wallUs: Date.UTC(2026, 10, 29) * 1000 });
    const { sink } = await folderStore({ path, clock, settings: { format: "csv" } });
    await sink.commit([...killTable(), ...killDeliveries(1, BATCH)]);
    clock.advance(HOUR_MS);
    const other = fillUp(path, 120_000);
    await expect(sink.rollNow()).rejects.toThrow(/cannot be written: .*(ENOSPC|SQLITE_FULL)/);
    expect(rowFiles(path)).toEqual([]);
    expect(sink.status().oldestStagedUs).toBeDefined();
    rmSync(other);
    await sink.rollNow();
    await sink.close();
    expect(await idsIn(path)).toEqual(expectedOf(Array.from({ length: BATCH }, (_, at) => at + 1)));
  });

  it("says that its folder is mounted read-only", async () => {
    const path = tinyDisk();
    const clock = standingClock({ wallUs: Date.UTC(2026, 10, 29) * 1000 });
    const { sink } = await folderStore({ path, clock });
    await sink.close();
    execFileSync("mount", ["-o", "remount,ro", path]);
    await expect(folderStore({ path, clock })).rejects.toThrow(`${path} cannot be written: `);
  });
});
