import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { type OpenedOutbox, type OutboxSettings, openOutbox } from "../../../../../drivers/sqlite/outbox/outbox.ts";
import { draftOf, faultCodeOf, keptOf, payloadOf, takeLosses } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const ALL = Number.MAX_SAFE_INTEGER;

function settingsOf(file: string, change: Partial<OutboxSettings> = {}): OutboxSettings {
  return { file, maxBytes: 10_000_000, clock: new ManualClock(), log: new MemoryLog(), ...change };
}

function open(file: string, change: Partial<OutboxSettings> = {}): OpenedOutbox {
  const opened = openOutbox(settingsOf(file, change));
  onTestFinished(() => opened.outbox.close());
  return opened;
}

function newFile(): string {
  return join(temporaryFolder(), "state", "outbox.db");
}

function seqs(opened: OpenedOutbox): readonly number[] {
  return opened.outbox.read("telemetry", 0, ALL, 10_000, ALL).map(({ seq }) => seq);
}

/** Overwrites the pages of a table's or index's rows that hold `marker`, and returns how many. */
function damage(file: string, marker: string, change: (at: number, handle: number) => void): number {
  const bytes = readFileSync(file);
  const handle = openSync(file, "r+");
  let count = 0;
  for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + 1)) {
    change(at, handle);
    count += 1;
  }
  closeSync(handle);
  return count;
}

describe("openOutbox", () => {
  it("makes a database that is in the write-ahead log, synchronous FULL, and private", () => {
    const file = newFile();
    const { outbox } = open(file);
    outbox.append([draftOf("telemetry", 10)]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(file, "..")).mode & 0o777).toBe(0o700);
    expect(existsSync(`${file}-wal`)).toBe(true);
    expect(existsSync(`${file}-shm`)).toBe(false);
  });

  it("goes on with the same epoch, rows and seqs after it was closed", () => {
    const file = newFile();
    const first = openOutbox(settingsOf(file));
    const [id] = first.outbox.append([draftOf("telemetry", 10)]);
    first.outbox.append([draftOf("telemetry", 10), draftOf("event", 10)]);
    first.outbox.ack([2]);
    first.outbox.lose([3], "expired", "life ended");
    const stats = first.outbox.stats();
    first.outbox.close();
    const second = open(file);
    expect(second.quarantined).toBeUndefined();
    expect(second.outbox.stats()).toEqual(stats);
    expect(second.outbox.lastRow()).toBe(3);
    expect(second.outbox.append([draftOf("telemetry", 10)])).toEqual([{ ...id, seq: 3 }]);
    expect(takeLosses(second.outbox)).toEqual(["event 1-1 expired"]);
  });

  it("knows when a record was stored by the monotonic clock of its boot, and not by that of another", () => {
    const file = newFile();
    const clock = new ManualClock({ monotonicMs: 7000 });
    const stored = (bootId: string): number | undefined => {
      const { outbox } = openOutbox(settingsOf(file, { bootId, clock }));
      if (outbox.lastRow() === 0) outbox.append([draftOf("telemetry", 10)]);
      const [record] = outbox.read("telemetry", 0, ALL, 1, ALL);
      outbox.close();
      return record?.storedAtMonotonicMs;
    };
    const boots = ["a1b2c3d4e5f60718293a4b5c6d7e8f90", "a1b2c3d4e5f70718293a4b5c6d7e8f90"];
    expect([boots[0], boots[0], boots[1], boots[0]].map(stored)).toEqual([7000, 7000, undefined, 7000]);
  });

  it("comes down to a lowered bound a little with each record, not all in one pause", () => {
    const file = newFile();
    const first = openOutbox(settingsOf(file));
    for (let count = 0; count < 40; count += 1) {
      first.outbox.append(Array.from({ length: 100 }, () => draftOf("telemetry", 1000)));
    }
    first.outbox.close();
    const { outbox } = open(file, { maxBytes: 1_000_000 });
    const lost = (): number => outbox.stats().streams.telemetry.lost;
    outbox.append([draftOf("telemetry", 1000)]);
    expect(lost()).toBe(264);
    for (let count = 0; count < 20; count += 1) outbox.append([draftOf("telemetry", 1000)]);
    expect(outbox.stats().bytes).toBeLessThanOrEqual(1_000_000);
    const evicted = lost();
    expect(takeLosses(outbox)).toEqual([`telemetry 1-${evicted} evicted`]);
  });

  it("draws another epoch of 48 bits for another database", () => {
    expect(open(newFile(), { random: () => 0 }).outbox.stats().epoch).toBe(1);
    expect(open(newFile(), { random: () => 0.999_999_999_999_999_9 }).outbox.stats().epoch).toBe(2 ** 48 - 1);
    expect(open(newFile()).outbox.stats().epoch).not.toBe(open(newFile()).outbox.stats().epoch);
  });

  it("lets only one holder in", () => {
    const file = newFile();
    const { outbox } = open(file);
    outbox.append([draftOf("telemetry", 10)]);
    expect(faultCodeOf(() => openOutbox(settingsOf(file)))).toBe("agent.already-running");
    expect(outbox.append([draftOf("telemetry", 10)])[0]?.seq).toBe(2);
  });

  it("has what was kept after it is opened again, but for a value that changed on the disk", () => {
    const file = newFile();
    const first = openOutbox(settingsOf(file)).outbox;
    first.append(
      [],
      [
        { key: "a", value: Uint8Array.of(1) },
        { key: "b", value: Uint8Array.of(2) },
      ],
    );
    first.close();
    const second = openOutbox(settingsOf(file)).outbox;
    expect(keptOf(second)).toEqual([
      ["a", [1]],
      ["b", [2]],
    ]);
    second.close();
    const database = new Database(file);
    database.exec("UPDATE kept SET value = x'03' WHERE key = 'a'");
    database.close();
    const { outbox } = open(file);
    expect(keptOf(outbox)).toEqual([["b", [2]]]);
    outbox.append([], [{ key: "a", value: Uint8Array.of(4) }]);
    expect(keptOf(outbox)).toEqual([
      ["a", [4]],
      ["b", [2]],
    ]);
  });

  it("says so when the folder cannot be made", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "state"), "a file, no folder");
    expect(faultCodeOf(() => openOutbox(settingsOf(join(folder, "state", "outbox.db"))))).toBe("outbox.unavailable");
  });

  it("leaves a database of a newer version alone", () => {
    const file = newFile();
    openOutbox(settingsOf(file)).outbox.close();
    const database = new Database(file);
    database.pragma("user_version = 99");
    database.close();
    // The agent that made it has written its watermark.
    rmSync(`${file}.watermark`);
    expect(faultCodeOf(() => openOutbox(settingsOf(file)))).toBe("outbox.unavailable");
    expect(readdirSync(join(file, "..")).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  it("refuses to be called from inside a seal", () => {
    const { outbox } = open(newFile());
    const seal = (): Uint8Array => {
      outbox.ack([1]);
      return new Uint8Array(1);
    };
    expect(faultCodeOf(() => outbox.append([draftOf("telemetry", 1, { seal })]))).toBe("internal.bug");
    expect(outbox.append([draftOf("telemetry", 1)])[0]?.seq).toBe(1);
  });
});

describe("openOutbox on a damaged file", () => {
  it("sets a file aside that is no database, and says where", () => {
    const file = newFile();
    openOutbox(settingsOf(file)).outbox.close();
    writeFileSync(file, "no database at all ".repeat(1000));
    const log = new MemoryLog();
    const opened = open(file, { log });
    expect(opened.quarantined).toBe(`${file}.damaged-1`);
    expect(log.of("outbox.salvaged")[0].facts).toMatchObject({ records: 0, damaged: 0 });
    expect(readFileSync(`${file}.damaged-1.header`, "utf8")).toMatch(/^no database/);
    expect(readFileSync(`${file}.damaged-1`, "latin1")).toContain("no database");
    expect(log.of("outbox.quarantined")).toHaveLength(1);
    expect(opened.outbox.append([draftOf("telemetry", 10)])[0]?.seq).toBe(1);
  });

  it("keeps no more than three damaged files", () => {
    const file = newFile();
    for (let count = 0; count < 5; count += 1) {
      openOutbox(settingsOf(file)).outbox.close();
      writeFileSync(file, "no database");
    }
    open(file);
    const kept = readdirSync(join(file, "..")).filter((name) => /damaged-\d+$/.test(name));
    expect(kept.sort()).toEqual(["outbox.db.damaged-3", "outbox.db.damaged-4", "outbox.db.damaged-5"]);
  });

  it("brings readable records over with their ids and notes the others as damaged", () => {
    const file = newFile();
    const old = openOutbox(settingsOf(file));
    // Of this length one begins on a leaf; the rest of each is on pages of its own.
    old.outbox.append(Array.from({ length: 60 }, () => draftOf("telemetry", 2500, { route: "cloud/signals" })));
    old.outbox.ack([1, 2, 3]);
    const { epoch } = old.outbox.stats();
    old.outbox.close();
    // The page of one leaf in the middle of the table: "telemetry 30 " opens the payload of seq 30.
    expect(
      damage(file, "telemetry 30 ", (at, handle) => {
        const page = Math.floor(at / 1024) * 1024;
        writeSync(handle, new Uint8Array(1024).fill(0xa5), 0, 1024, page);
      }),
    ).toBe(1);
    const log = new MemoryLog();
    const opened = open(file, { log });
    expect(opened.quarantined).toBe(`${file}.damaged-1`);
    expect(opened.outbox.stats().epoch).not.toBe(epoch);
    const records = opened.outbox.read("telemetry", 0, ALL, 100, ALL);
    for (const { seq, payload, route } of records) {
      expect(route).toBe("cloud/signals");
      expect(Buffer.compare(payload, payloadOf({ epoch, stream: "telemetry", seq }, 2500))).toBe(0);
    }
    expect(new Set(records.map((record) => record.epoch))).toEqual(new Set([epoch]));
    const lost = takeLosses(opened.outbox);
    expect(lost).toEqual(["telemetry 30-30 damaged"]);
    expect(log.of("outbox.salvaged")[0].facts).toMatchObject({ records: 56, damaged: 1 });
    expect(opened.outbox.stats().streams.telemetry).toMatchObject({ records: 56, lost: 1, lastSeq: 0 });
    expect(opened.outbox.append([draftOf("telemetry", 10)])[0]?.seq).toBe(1);
  });

  // SQLite itself mends the vacuum mode; all others would make it refuse the file, or take it for another.
  it.each([
    ["the version", 60, 2],
    ["the version, beyond ours", 63, 0x10],
    ["the schema format", 47, 0x40],
    ["the write version", 18, 0x10],
    ["the read version", 19, 0x10],
    ["the vacuum mode", 67, 1],
    ["the first letter", 0, 0x20],
    ["the page size", 16, 0x20],
  ])("keeps every record through a flipped bit in the header: %s", (_, at, bit) => {
    const file = newFile();
    const old = openOutbox(settingsOf(file));
    old.outbox.append(Array.from({ length: 100 }, () => draftOf("telemetry", 200)));
    old.outbox.close();
    const bytes = readFileSync(file);
    bytes[at] = (bytes[at] ?? 0) ^ bit;
    writeFileSync(file, bytes);
    const opened = open(file);
    expect(seqs(opened)).toHaveLength(100);
    expect(takeLosses(opened.outbox)).toEqual([]);
  });

  it("brings losses over, those noted and those whose report could not be read", () => {
    const file = newFile();
    const old = openOutbox(settingsOf(file));
    old.outbox.append(Array.from({ length: 5 }, () => draftOf("telemetry", 1800)));
    old.outbox.lose([1], "expired", "life ended");
    old.outbox.reportLosses(() => draftOf("event", 1800), 1);
    old.outbox.lose([3], "expired", "life ended");
    old.outbox.close();
    damage(file, "event 1 ", (at, handle) => {
      writeSync(handle, new Uint8Array(1024).fill(0xa5), 0, 1024, Math.floor(at / 1024) * 1024);
    });
    const opened = open(file);
    expect(takeLosses(opened.outbox).toSorted()).toEqual([
      "event 1-1 damaged",
      "telemetry 1-1 expired",
      "telemetry 3-3 expired",
    ]);
    expect(seqs(opened)).toEqual([2, 4, 5]);
  });

  it("drops a record whose bytes changed on the disk, and notes it as damaged", () => {
    const file = newFile();
    const old = openOutbox(settingsOf(file));
    old.outbox.append(Array.from({ length: 3 }, () => draftOf("telemetry", 50)));
    old.outbox.close();
    damage(file, "telemetry 2 ", (at, handle) => void writeSync(handle, "T", at));
    const log = new MemoryLog();
    const opened = open(file, { log });
    expect(opened.quarantined).toBeUndefined();
    expect(seqs(opened)).toEqual([1, 3]);
    expect(opened.outbox.stats().streams.telemetry).toMatchObject({ records: 2, bytes: 100, lost: 1 });
    expect(takeLosses(opened.outbox)).toEqual(["telemetry 2-2 damaged"]);
    expect(log.of("outbox.damaged")).toHaveLength(1);
  });

  /** An outbox with records of an ended epoch, of whose file nothing can be read any more but what its cache holds. */
  function unreadable(): OpenedOutbox["outbox"] {
    const file = newFile();
    const first = open(file);
    first.outbox.append([draftOf("event", 10)]);
    first.outbox.close();
    rmSync(`${file}.watermark`);
    const { outbox } = open(file);
    outbox.append(Array.from({ length: 9000 }, () => draftOf("telemetry", 1000)));
    // More than the cache holds.
    outbox.read("telemetry", 2, ALL, 9000, ALL);
    for (const name of [file, `${file}-wal`]) {
      writeFileSync(name, Buffer.alloc(statSync(name).size, 0xa5), { flag: "r+" });
    }
    return outbox;
  }

  it("says how much it holds while the file cannot be read", () => {
    const outbox = unreadable();
    expect(outbox.stats().streams.telemetry).toMatchObject({ records: 9000, lastSeq: 9000, oldestUs: undefined });
    expect(faultCodeOf(() => outbox.read("telemetry", 0, ALL, 90, ALL))).toBe("outbox.unavailable");
  });

  it("is closed while the file cannot be read", () => {
    const outbox = unreadable();
    expect(() => outbox.close()).not.toThrow();
  });

  it("finds damage that a large file's short check missed at the next open after meeting it", () => {
    const file = newFile();
    const sizes = { checkBytes: 0 };
    const old = openOutbox(settingsOf(file, { sizes }));
    old.outbox.append(Array.from({ length: 60 }, () => draftOf("telemetry", 3000)));
    old.outbox.close();
    damage(file, "telemetry 30 ", (at, handle) => {
      writeSync(handle, new Uint8Array(1024).fill(0xa5), 0, 1024, Math.floor(at / 1024) * 1024);
    });
    const blind = openOutbox(settingsOf(file, { sizes }));
    expect(blind.quarantined).toBeUndefined();
    expect(faultCodeOf(() => blind.outbox.read("telemetry", 0, ALL, 100, ALL))).toBe("outbox.unavailable");
    blind.outbox.close();
    expect(open(file, { sizes }).quarantined).toBe(`${file}.damaged-1`);
    expect(existsSync(`${file}.check`)).toBe(false);
  });

  /** Changes what SQLite itself finds nothing wrong with. */
  function alter(file: string, sql: string): void {
    const database = new Database(file);
    database.exec(sql);
    database.close();
  }

  it("never sends a record under an id that changed on the disk, and tells the one that it had", () => {
    const file = newFile();
    const old = openOutbox(settingsOf(file));
    old.outbox.append(Array.from({ length: 5 }, () => draftOf("telemetry", 50)));
    old.outbox.close();
    alter(file, "UPDATE records SET seq = 77 WHERE row = 3");
    const blind = openOutbox(settingsOf(file));
    expect(faultCodeOf(() => blind.outbox.read("telemetry", 0, ALL, 100, ALL))).toBe("outbox.unavailable");
    blind.outbox.close();
    const opened = open(file);
    expect(opened.quarantined).toBe(`${file}.damaged-1`);
    expect(seqs(opened)).toEqual([1, 2, 4, 5]);
    expect(takeLosses(opened.outbox)).toEqual(["telemetry 3-3 damaged"]);
  });

  it("tells a loss whose range changed on the disk by what is owed", () => {
    const file = newFile();
    const old = openOutbox(settingsOf(file));
    old.outbox.append(Array.from({ length: 5 }, () => draftOf("telemetry", 50)));
    old.outbox.lose([2, 3], "expired", "life ended");
    old.outbox.close();
    alter(file, "UPDATE losses SET first = 3");
    const blind = openOutbox(settingsOf(file));
    expect(faultCodeOf(() => takeLosses(blind.outbox))).toBe("outbox.unavailable");
    blind.outbox.close();
    expect(takeLosses(open(file).outbox)).toEqual(["telemetry 2-3 damaged"]);
  });

  it("counts again when its totals changed on the disk, instead of ending the process at every start", () => {
    const file = newFile();
    const old = openOutbox(settingsOf(file));
    old.outbox.append(Array.from({ length: 5 }, () => draftOf("telemetry", 50)));
    old.outbox.close();
    alter(file, "UPDATE streams SET records = 1 WHERE stream = 2");
    const wrong = openOutbox(settingsOf(file));
    expect(faultCodeOf(() => wrong.outbox.ack([1, 2, 3]))).toBe("outbox.unavailable");
    wrong.outbox.close();
    const opened = open(file);
    opened.outbox.ack([1, 2, 3]);
    expect(opened.outbox.stats()).toMatchObject({ records: 2, bytes: 100 });
  });
});
