import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { duckdb } from "../../fakes/consumer/duckdb.ts";
import { folderStore, rowFiles, standingClock } from "../../fakes/consumer/folder-store.ts";
import { diskFolder } from "../../fakes/core/folder.ts";
import { KILL_SAMPLES } from "./folder-records.ts";

const CHILD = join(import.meta.dirname, "folder-roller.ts");
/** Steps of a roll, and the time of it at which the process ends: a roll has a file of samples for each day, and one of events. */
const KILLS = [
  ["chosen", 2],
  ["read", 1],
  ["begun", 2],
  ["half-written", 2],
  ["half-written", 6],
  ["written", 4],
  ["decided", 2],
  ["named", 1],
  ["ended", 2],
] as const;

/** The seqs that the child says are durable before it ends itself. */
async function runChild(args: readonly string[]): Promise<number[]> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const seqs: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) seqs.push(Number(line));
  expect(await ended).toEqual([null, "SIGKILL"]);
  return seqs;
}

function sourceOf(path: string, format: string, kind: "samples" | "events"): string {
  const isEvents = kind === "events";
  const files = rowFiles(path).filter((name) => (name.startsWith("events/") || name.includes(".events.")) === isEvents);
  const list = files.map((name) => `'${join(path, name)}'`).join(", ");
  return `${format === "csv" ? "read_csv" : "read_parquet"}([${list}], hive_partitioning = false)`;
}

describe("a folder store whose process is killed", () => {
  it.each([
    ["hive", "parquet"],
    ["daily", "parquet"],
    ["daily", "csv"],
  ])("at any step of a roll (%s, %s) has each record once in a file that readers see", async (layout, format) => {
    const path = join(diskFolder(), "store");
    const durable = new Set<number>();
    const query = await duckdb();
    let first = 1;
    for (const [step, time] of KILLS) {
      // In daily files new names are given once alone.
      if (step === "named" && layout === "daily") continue;
      const seqs = await runChild([path, layout, format, step, String(time), String(first)]);
      for (const seq of seqs) durable.add(seq);
      first = Math.max(...durable) + 1;
      const clock = standingClock({ wallUs: Date.UTC(2026, 11, 24) * 1000 });
      const { sink, log } = await folderStore({ path, clock, settings: { layout, format } });
      await sink.rollNow();
      expect(sink.status().oldestStagedUs).toBeUndefined();
      await sink.close();
      expect(log.entries.filter(({ level }) => level === "error")).toEqual([]);

      const samples = await query(
        `SELECT seq, count(*), count(DISTINCT (signal, time_us)) FROM ${sourceOf(path, format, "samples")} GROUP BY seq ORDER BY seq`,
      );
      const events = await query(
        `SELECT seq, count(*) FROM ${sourceOf(path, format, "events")} WHERE stream = 'telemetry' GROUP BY seq ORDER BY seq`,
      );
      const all = [...durable].toSorted((one, other) => one - other).map(String);
      const isEvent = (seq: string): boolean => Number(seq) % 4 === 0;
      const whole = String(KILL_SAMPLES);
      expect({ step, samples }).toEqual({
        step,
        samples: all.filter((seq) => !isEvent(seq)).map((seq) => [seq, whole, whole]),
      });
      expect({ step, events }).toEqual({ step, events: all.filter(isEvent).map((seq) => [seq, "1"]) });
    }
  });
});
