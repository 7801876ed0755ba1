import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { STREAMS } from "../../../agent/ports/outbox.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { RestCipher } from "../../../drivers/sqlite/outbox/rest-cipher.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { diskFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

/** Of this run alone; in the writer's arguments, where no real key ever is. */
const KEY = randomBytes(32).toString("hex");
const WRITER = fileURLToPath(new URL("./outbox-writer.ts", import.meta.url));

/** What the killed processes said: ids whose append had returned, and ids they were about to give up. */
type Notes = { readonly stored: Set<string>; readonly givenUp: Set<string> };

/** Lets a writer run until it has said `lines` lines, kills it, and takes in all that it said. */
async function runAndKill(args: readonly (string | number)[], lines: number, notes: Notes): Promise<void> {
  const child = spawn(process.execPath, [WRITER, ...args.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    (line.startsWith("+") ? notes.stored : notes.givenUp).add(line.slice(1));
    count += 1;
    if (count === lines) child.kill("SIGKILL");
  }
  await exited;
  expect(child.signalCode).toBe("SIGKILL");
}

type Found = {
  readonly epoch: number;
  readonly lastSeqs: Readonly<Record<string, number>>;
  readonly stored: ReadonlySet<string>;
  readonly lost: ReadonlySet<string>;
  /** Those of the ranges that say so, and those that stored records stand for. */
  readonly toldThinned: ReadonlySet<string>;
  readonly thinned: readonly string[];
};

type Range = { readonly stream: number; readonly first: number; readonly last: number };

/** Opens the outbox as the agent does, then looks at its file with SQLite alone. */
function examine(file: string, maxBytes: number, key: string): Found {
  const cipher = key === "" ? undefined : new RestCipher(Buffer.from(key, "hex"), true);
  const settings = { file, maxBytes, clock: new ManualClock(), log: new MemoryLog() };
  const opened = openOutbox(settings, undefined, { cipher });
  expect(opened.quarantined).toBeUndefined();
  const listed = opened.outbox.list(undefined, Number.MAX_SAFE_INTEGER);
  const stats = opened.outbox.stats();
  const thinned = STREAMS.flatMap((stream) => {
    const records = opened.outbox.read(stream, 0, Number.MAX_SAFE_INTEGER, 10_000, Number.MAX_SAFE_INTEGER);
    return records.flatMap(({ payload }) => {
      const [, seqs] = /thinned 10:1 ([\d,]+);/.exec(new TextDecoder().decode(payload)) ?? [];
      return (seqs?.split(",") ?? []).map((seq) => `${stream} ${seq}`);
    });
  });
  opened.outbox.close();
  expect(stats.records).toBe(listed.length);
  expect(stats.bytes).toBe(listed.reduce((sum, { bytes }) => sum + bytes, 0));
  const database = new Database(file);
  expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
  const losses = database.prepare<[], Range & { kept_first: number | null }>("SELECT * FROM losses").all();
  database.close();
  const idsIn = (ranges: readonly Range[]): ReadonlySet<string> =>
    new Set(
      ranges.flatMap(({ stream, first, last }) =>
        Array.from({ length: last - first + 1 }, (_, index) => `${STREAMS[stream]} ${first + index}`),
      ),
    );
  return {
    epoch: stats.epoch,
    lastSeqs: Object.fromEntries(STREAMS.map((stream) => [stream, stats.streams[stream].lastSeq])),
    stored: new Set(listed.map(({ stream, seq }) => `${stream} ${seq}`)),
    lost: idsIn(losses.filter(({ kept_first: kept }) => kept === null)),
    toldThinned: idsIn(losses.filter(({ kept_first: kept }) => kept !== null)),
    thinned,
  };
}

/** Every seq from 1 to the last is stored, given up or noted as lost or thinned, and none is both stored and lost, or thinned twice or untold. */
function expectNoHole(found: Found, notes: Notes): void {
  const missing: string[] = [];
  for (const stream of STREAMS) {
    for (let seq = 1; seq <= (found.lastSeqs[stream] ?? 0); seq += 1) {
      const id = `${stream} ${seq}`;
      if (!isKnown(found, notes, id)) missing.push(id);
    }
  }
  expect(missing).toEqual([]);
  expect([...found.stored].filter((id) => found.lost.has(id))).toEqual([]);
  expect([...notes.stored].filter((id) => !isKnown(found, notes, id))).toEqual([]);
  expect(new Set(found.thinned).size).toBe(found.thinned.length);
  const wrong = found.thinned.filter((id) => found.stored.has(id) || found.lost.has(id) || !found.toldThinned.has(id));
  expect(wrong).toEqual([]);
}

function isKnown({ stored, lost, toldThinned }: Found, { givenUp }: Notes, id: string): boolean {
  return stored.has(id) || givenUp.has(id) || lost.has(id) || toldThinned.has(id);
}

describe("SQLite outbox, killed at any moment", () => {
  it.each([
    { what: "with room for everything", maxBytes: 100_000_000, kills: 20, losesSome: false },
    { what: "while it evicts", maxBytes: 300_000, kills: 10, losesSome: true },
    { what: "while it thins, and evicts", maxBytes: 600_000, kills: 16, losesSome: true, mode: "thin" },
    { what: "while it thins, encrypted", maxBytes: 300_000, kills: 8, losesSome: true, mode: "thin", key: KEY },
  ])(
    "has every id it returned, no hole and a sound file, $what",
    async ({ maxBytes, kills, losesSome, mode = "", key = "" }) => {
      const file = join(diskFolder(), "outbox.db");
      const random = seededRandom(kills);
      const notes: Notes = { stored: new Set(), givenUp: new Set() };
      const epochs = new Set<number>();
      for (let kill = 0; kill < kills; kill += 1) {
        await runAndKill([file, maxBytes, kill, mode, key], 1 + Math.floor(random() * 400), notes);
        const found = examine(file, maxBytes, key);
        expectNoHole(found, notes);
        epochs.add(found.epoch);
      }
      expect(epochs.size).toBe(1);
      const { lost, toldThinned } = examine(file, maxBytes, key);
      const hasText = /(event|control|capture|telemetry) \d+ /.test(readFileSync(file, "latin1"));
      expect(hasText).toBe(key === "");
      expect(lost.size > 0).toBe(losesSome);
      expect(toldThinned.size > 0).toBe(mode === "thin");
    },
    60_000,
  );
});
