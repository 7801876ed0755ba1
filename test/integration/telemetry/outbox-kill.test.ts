import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { STREAMS } from "../../../agent/ports/outbox.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { diskFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const WRITER = fileURLToPath(new URL("./outbox-writer.ts", import.meta.url));

/** What the killed processes said: ids whose append had returned, and ids they were about to give up. */
type Notes = { readonly stored: Set<string>; readonly givenUp: Set<string> };

/** Lets a writer run until it has said `lines` lines, kills it, and takes in all that it said. */
async function runAndKill(file: string, maxBytes: number, seed: number, lines: number, notes: Notes): Promise<void> {
  const child = spawn(process.execPath, [WRITER, file, String(maxBytes), String(seed)], {
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
};

/** Opens the outbox as the agent does, then looks at its file with SQLite alone. */
function examine(file: string, maxBytes: number): Found {
  const opened = openOutbox({ file, maxBytes, clock: new ManualClock(), log: new MemoryLog() });
  expect(opened.quarantined).toBeUndefined();
  const listed = opened.outbox.list(undefined, Number.MAX_SAFE_INTEGER);
  const stats = opened.outbox.stats();
  opened.outbox.close();
  expect(stats.records).toBe(listed.length);
  expect(stats.bytes).toBe(listed.reduce((sum, { bytes }) => sum + bytes, 0));
  const database = new Database(file);
  expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
  const losses = database
    .prepare<[], { stream: number; first: number; last: number }>("SELECT stream, first, last FROM losses")
    .all();
  database.close();
  const lost = losses.flatMap(({ stream, first, last }) =>
    Array.from({ length: last - first + 1 }, (_, index) => `${STREAMS[stream]} ${first + index}`),
  );
  return {
    epoch: stats.epoch,
    lastSeqs: Object.fromEntries(STREAMS.map((stream) => [stream, stats.streams[stream].lastSeq])),
    stored: new Set(listed.map(({ stream, seq }) => `${stream} ${seq}`)),
    lost: new Set(lost),
  };
}

/** Every seq from 1 to the last is stored, given up or noted as lost, and none is both stored and lost. */
function expectNoHole(found: Found, notes: Notes): void {
  const missing: string[] = [];
  for (const stream of STREAMS) {
    for (let seq = 1; seq <= (found.lastSeqs[stream] ?? 0); seq += 1) {
      const id = `${stream} ${seq}`;
      if (!found.stored.has(id) && !notes.givenUp.has(id) && !found.lost.has(id)) missing.push(id);
    }
  }
  expect(missing).toEqual([]);
  expect([...found.stored].filter((id) => found.lost.has(id))).toEqual([]);
  const unknown = [...notes.stored].filter(
    (id) => !found.stored.has(id) && !notes.givenUp.has(id) && !found.lost.has(id),
  );
  expect(unknown).toEqual([]);
}

describe("SQLite outbox, killed at any moment", () => {
  it.each([
    { what: "with room for everything", maxBytes: 100_000_000, kills: 20, losesSome: false },
    { what: "while it evicts", maxBytes: 300_000, kills: 10, losesSome: true },
  ])(
    "has every id it returned, no hole and a sound file, $what",
    async ({ maxBytes, kills, losesSome }) => {
      const file = join(diskFolder(), "outbox.db");
      const random = seededRandom(kills);
      const notes: Notes = { stored: new Set(), givenUp: new Set() };
      const epochs = new Set<number>();
      for (let kill = 0; kill < kills; kill += 1) {
        await runAndKill(file, maxBytes, kill, 1 + Math.floor(random() * 400), notes);
        const found = examine(file, maxBytes);
        expectNoHole(found, notes);
        epochs.add(found.epoch);
      }
      expect(epochs.size).toBe(1);
      const { lost } = examine(file, maxBytes);
      expect(lost.size > 0).toBe(losesSome);
    },
    60_000,
  );
});
