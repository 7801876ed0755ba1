import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Journal } from "../../../../../agent/ports/journal.ts";
import { openJournal } from "../../../../../drivers/sqlite/journal/journal.ts";
import { seededRandom } from "../../../../bench/core/seeded-random.ts";
import { entryOf } from "../../../../contract/journal.suite.ts";
import { faultCodeOf } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";
import { mountProblem } from "../../../../fakes/core/mount.ts";

const BOUNDS = { maxCommands: 1000, maxReads: 100, maxRefused: 100, keepMs: 60_000, reserveBytes: 65_536 };

function open(file: string, clock = new ManualClock(), log = new MemoryLog()): Journal {
  const journal = openJournal({ ...BOUNDS, file, clock, log });
  onTestFinished(() => journal.close());
  return journal;
}

function filled(folder = temporaryFolder()): string {
  const file = join(folder, "journal.db");
  const journal = openJournal({ ...BOUNDS, file, clock: new ManualClock(), log: new MemoryLog() });
  for (let at = 0; at < 50; at += 1) journal.addCommand(entryOf(`command-${at}`, { state: "finished" }));
  journal.put([{ space: "update", key: "floor", value: 12 }]);
  journal.close();
  return file;
}

describe("openJournal", () => {
  it("has everything again after it was closed", () => {
    const journal = open(filled());
    expect(journal.command("command-7")).toEqual(entryOf("command-7", { state: "finished" }));
    expect(journal.get("update", "floor")).toBe(12);
    expect(journal.status()).toEqual({ kind: "sound" });
  });

  it("counts running time over all runs, and none of the time between them", () => {
    const file = join(temporaryFolder(), "journal.db");
    const first = new ManualClock({ monotonicMs: 5000 });
    const one = openJournal({ ...BOUNDS, maxCommands: 1, file, clock: first, log: new MemoryLog() });
    one.addCommand(entryOf("one", { isReported: true }));
    first.advance(40_000);
    one.addCommand(entryOf("rejected", { state: "rejected" }));
    one.close();
    const second = new ManualClock({ monotonicMs: 9_000_000, wallUs: 4_000_000_000_000_000 });
    const two = openJournal({ ...BOUNDS, maxCommands: 1, file, clock: second, log: new MemoryLog() });
    onTestFinished(() => two.close());
    expect(two.addCommand(entryOf("two"))).toBe("full");
    second.advance(20_000);
    expect(two.addCommand(entryOf("two"))).toBe("added");
  });

  it("has what was committed in its log when the call returns, and in the file alone a turn later", async () => {
    const file = join(temporaryFolder(), "journal.db");
    const journal = open(file);
    journal.addCommand(entryOf("one"));
    const cut = join(temporaryFolder(), "journal.db");
    for (const end of ["", "-wal"]) copyFileSync(`${file}${end}`, `${cut}${end}`);
    expect(open(cut).command("one")).toEqual(entryOf("one"));
    await turn();
    expect(statSync(`${file}-wal`).size).toBe(0);
    copyFileSync(file, `${cut}-file`);
    expect(open(`${cut}-file`).command("one")).toEqual(entryOf("one"));
  });

  it("refuses a file that another connection holds", () => {
    const file = filled();
    open(file);
    const again = () => openJournal({ ...BOUNDS, file, clock: new ManualClock(), log: new MemoryLog() });
    expect(faultCodeOf(again)).toBe("agent.already-running");
  });

  it("refuses a folder that cannot be made, with its own fault", () => {
    const blocked = join(temporaryFolder(), "plain");
    writeFileSync(blocked, "");
    expect(faultCodeOf(() => open(join(blocked, "journal.db")))).toBe("journal.unavailable");
  });
});

describe("openJournal on a file that cannot be believed", () => {
  it("sets it aside, begins empty and says lost until someone acknowledges it, over restarts", () => {
    const file = filled();
    writeFileSync(file, "no database, but long enough to be looked at as one: ".repeat(20));
    const log = new MemoryLog();
    const journal = openJournal({ ...BOUNDS, file, clock: new ManualClock(), log });
    expect(journal.status()).toMatchObject({ kind: "lost", sinceUs: new ManualClock().wallUs() });
    expect(journal.listCommands(10)).toEqual([]);
    expect(readFileSync(`${file}.damaged-1`, "utf8")).toMatch(/^no database/);
    expect(log.of("journal.quarantined")).toHaveLength(1);
    expect(log.of("journal.lost")).toHaveLength(1);
    journal.close();

    const again = openJournal({ ...BOUNDS, file, clock: new ManualClock(), log });
    expect(again.status()).toMatchObject({ kind: "lost" });
    again.acknowledgeLoss();
    expect(again.status()).toEqual({ kind: "sound" });
    again.close();
    expect(open(file).status()).toEqual({ kind: "sound" });
  });

  it("says lost when the file has gone since", () => {
    const file = filled();
    rmSync(file);
    expect(open(file).status()).toEqual({
      kind: "lost",
      what: `${file} was gone`,
      sinceUs: new ManualClock().wallUs(),
    });
  });

  it.each([
    ["the state of a command", "UPDATE commands SET state = 1 WHERE id = 'command-3'"],
    ["the answer of a command", "UPDATE commands SET body = '{}' WHERE id = 'command-3'"],
    ["the id of a command", "UPDATE commands SET id = 'other' WHERE id = 'command-3'"],
    ["a document", "UPDATE documents SET value = '1'"],
    ["the only row of its table", "DELETE FROM journal"],
  ])("does not believe a file in which %s was altered", (_what, sql) => {
    const file = filled();
    const database = new Database(file);
    database.exec(sql);
    database.close();
    expect(open(file).status()).toMatchObject({ kind: "lost" });
  });

  it("gives back what was written or says lost, for 500 flips and cuts", () => {
    const random = seededRandom(5);
    const original = readFileSync(filled());
    let sound = 0;
    for (let round = 0; round < 500; round += 1) {
      const file = join(temporaryFolder(), "journal.db");
      const bytes = Buffer.from(original);
      const at = Math.floor(random() * bytes.length);
      if (round % 5 !== 0) bytes[at] ^= 1 << Math.floor(random() * 8);
      writeFileSync(file, bytes);
      if (round % 5 === 0) truncateSync(file, at);
      writeFileSync(`${file}.made`, "");
      const journal = openJournal({ ...BOUNDS, reserveBytes: 0, file, clock: new ManualClock(), log: new MemoryLog() });
      if (journal.status().kind === "sound") {
        sound += 1;
        expect(journal.listCommands(100)).toHaveLength(50);
        expect(journal.command("command-7")).toEqual(entryOf("command-7", { state: "finished" }));
        expect(journal.get("update", "floor")).toBe(12);
      }
      journal.close();
    }
    // Most of a page is free space, where a flip harms nothing.
    expect(sound).toBeLessThan(450);
  }, 60_000);
});

const canMount = mountProblem() === undefined;

describe.skipIf(!canMount)(`a journal on a full disk${canMount ? "" : ` (skipped: ${mountProblem()})`}`, () => {
  it("has room of its own, then says full and stores nothing, and goes on when there is room again", () => {
    const folder = join(temporaryFolder(), "disk");
    mkdirSync(folder);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]);
    onTestFinished(() => void execFileSync("umount", ["-l", folder]));
    const file = join(folder, "journal.db");
    const settings = { ...BOUNDS, maxCommands: 100_000, reserveBytes: 1_048_576 };
    const journal = openJournal({ ...settings, file, clock: new ManualClock(), log: new MemoryLog() });
    onTestFinished(() => journal.close());
    journal.addCommand(entryOf("before"));
    expect(existsSync(`${file}.reserve`)).toBe(true);
    const filler = join(folder, "filler");
    fillDisk(filler);
    const body = "x".repeat(1000);
    let stored = 0;
    let fault: string | undefined;
    while (fault === undefined && stored < 5000) {
      fault = faultCodeOf(() => journal.addCommand(entryOf(`full-${stored}`, { body })));
      if (fault === undefined) stored += 1;
    }
    expect(fault).toBe("journal.full");
    expect(stored).toBeGreaterThan(100);
    expect(journal.stats().commands).toBe(stored + 1);
    rmSync(filler);
    expect(journal.addCommand(entryOf("after"))).toBe("added");
    expect(existsSync(`${file}.reserve`)).toBe(true);
  });
});

function fillDisk(filler: string): void {
  try {
    writeFileSync(filler, Buffer.alloc(8_000_000));
  } catch {
    // That the disk is full is what was wanted.
  }
}
