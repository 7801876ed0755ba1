import { cpSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import type { Outbox } from "../../../../../agent/ports/outbox.ts";
import { openOutbox } from "../../../../../drivers/sqlite/outbox/outbox.ts";
import { StandbyOutbox, type StandbyParts } from "../../../../../drivers/sqlite/outbox/standby-outbox.ts";
import {
  ALL,
  draftOf,
  faultCodeOf,
  keptOf,
  payloadOf,
  rowsOf,
  seqsOf,
  takeLosses,
} from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const PATIENCE_MS = 2000;
const RETRY_MS = 5000;

/** `outbox`, whose appends fail as `fail` does. */
function failingWith(outbox: Outbox, fail: () => void): Outbox {
  return {
    append: (drafts, kept) => {
      fail();
      return outbox.append(drafts, kept);
    },
    kept: () => outbox.kept(),
    read: (...range) => outbox.read(...range),
    lastRow: () => outbox.lastRow(),
    hold: (...which) => outbox.hold(...which),
    release: (row) => outbox.release(row),
    backfills: () => outbox.backfills(),
    ack: (rows) => outbox.ack(rows),
    lose: (...loss) => outbox.lose(...loss),
    drop: (...which) => outbox.drop(...which),
    reportLosses: (...how) => outbox.reportLosses(...how),
    list: (...which) => outbox.list(...which),
    stats: () => outbox.stats(),
    disk: () => outbox.disk(),
    lossCounts: () => outbox.lossCounts(),
    close: () => outbox.close(),
  };
}

/** An outbox on a real file whose disk can be taken away: writes and opening then fail as SQLite's do on a read-only file system. */
function bench(memoryBytes = 100_000, folder = temporaryFolder(), isGone = false) {
  // The second place is as good as read-only until a test makes its folder.
  const standbyFiles = [join(folder, "outbox.standby"), join(folder, "state", "outbox.standby")];
  const clock = new ManualClock();
  const log = new MemoryLog();
  const file = join(folder, "outbox.db");
  const disk = { isGone };
  const unavailable = (): void => {
    if (disk.isGone) throw new AgentError("outbox.unavailable", { what: "read-only", remedy: "mount it writable" });
  };
  const openDisk: StandbyParts["openDisk"] = (adopt) => {
    unavailable();
    const sizes = { logBytes: 65_536, reserveBytes: 0 };
    const settings = { file, maxBytes: 1_000_000, clock, log, standbyFiles, sizes };
    return failingWith(openOutbox(settings, adopt).outbox, unavailable);
  };
  const outbox = new StandbyOutbox({ openDisk, memoryBytes, standbyFiles, clock, log });
  onTestFinished(() => outbox.close());
  /** Takes the disk away and waits until memory stands in; `draftOf(stream, 10)` is the record that brings it about. */
  const loseDisk = (): void => {
    disk.isGone = true;
    expect(faultCodeOf(() => outbox.append([draftOf("telemetry", 10)]))).toBe("outbox.unavailable");
    clock.advance(PATIENCE_MS);
    outbox.append([draftOf("telemetry", 10)]);
  };
  /** Without a record: on a vehicle that stands still there is none. */
  const findDisk = (): void => {
    disk.isGone = false;
    clock.advance(RETRY_MS);
  };
  return { file, clock, log, disk, outbox, loseDisk, findDisk };
}

function idsOf(outbox: Outbox): readonly string[] {
  return outbox.read("telemetry", 0, ALL, 1000, ALL).map(({ epoch, seq }) => `${epoch}/${seq}`);
}

function lossesOf(outbox: Outbox): readonly unknown[] {
  const losses: unknown[] = [];
  outbox.reportLosses(({ epoch, stream, first, last }) => {
    losses.push([epoch, stream, first, last]);
    return draftOf("control", 1);
  }, 100);
  return losses;
}

describe("StandbyOutbox", () => {
  it("keeps to the disk through a failure that passes", () => {
    const { clock, disk, outbox } = bench();
    disk.isGone = true;
    expect(faultCodeOf(() => outbox.append([draftOf("telemetry", 10)]))).toBe("outbox.unavailable");
    clock.advance(PATIENCE_MS - 1);
    expect(faultCodeOf(() => outbox.append([draftOf("telemetry", 10)]))).toBe("outbox.unavailable");
    disk.isGone = false;
    outbox.append([draftOf("telemetry", 10)]);
    disk.isGone = true;
    clock.advance(PATIENCE_MS);
    expect(faultCodeOf(() => outbox.append([draftOf("telemetry", 10)]))).toBe("outbox.unavailable");
    expect(outbox.stats().fault).toBeUndefined();
  });

  it("goes on in memory with an epoch of its own, and says so", () => {
    const { log, outbox, loseDisk } = bench();
    const { epoch } = outbox.stats();
    loseDisk();
    const stats = outbox.stats();
    expect(stats.epoch).not.toBe(epoch);
    expect(stats.fault).toEqual({
      code: "outbox.unavailable",
      what: "records are kept in memory only: read-only",
      remedy: "mount it writable",
    });
    expect(seqsOf(outbox, "telemetry")).toEqual([1]);
    expect(log.of("outbox.standby-began")).toHaveLength(1);
  });

  it("brings everything onto the disk when it is back: records with their ids, and losses", () => {
    const { outbox, loseDisk, findDisk } = bench();
    outbox.append([draftOf("telemetry", 10), draftOf("telemetry", 10)]);
    const before = idsOf(outbox);
    loseDisk();
    outbox.append([draftOf("telemetry", 20), draftOf("telemetry", 20)]);
    outbox.lose([rowsOf(outbox, "telemetry")[1]], "expired", "life ended");
    const during = idsOf(outbox);
    findDisk();
    expect(outbox.stats().fault).toBeUndefined();
    expect(idsOf(outbox)).toEqual([...before, ...during]);
    expect(takeLosses(outbox)).toEqual(["telemetry 2-2 expired"]);
    const last = outbox.read("telemetry", 0, ALL, 1000, ALL).at(-1);
    expect([...(last?.payload ?? [])]).toEqual([...payloadOf({ epoch: 0, stream: "telemetry", seq: 3 }, 20)]);
    outbox.append([draftOf("telemetry", 10)]);
    expect(seqsOf(outbox, "telemetry").at(-1)).toBe(3);
  });

  it("brings what was kept and forgotten meanwhile onto the disk, and leaves what was not", () => {
    const { outbox, loseDisk, findDisk } = bench();
    const value = Uint8Array.of(1);
    outbox.append(
      [],
      [
        { key: "changed", value },
        { key: "forgotten", value },
        { key: "left", value },
      ],
    );
    loseDisk();
    expect(keptOf(outbox)).toEqual([]);
    const meanwhile = [
      { key: "changed", value: Uint8Array.of(2) },
      { key: "forgotten", value: undefined },
    ];
    outbox.append([], [...meanwhile, { key: "new", value }]);
    expect(keptOf(outbox)).toEqual([
      ["changed", [2]],
      ["new", [1]],
    ]);
    findDisk();
    expect(keptOf(outbox)).toEqual([
      ["changed", [2]],
      ["left", [1]],
      ["new", [1]],
    ]);
  });

  it("keeps in memory what the disk refuses", () => {
    const { outbox, clock, disk, findDisk } = bench();
    disk.isGone = true;
    const kept = [{ key: "a", value: Uint8Array.of(7) }];
    expect(faultCodeOf(() => outbox.append([], kept))).toBe("outbox.unavailable");
    clock.advance(PATIENCE_MS);
    outbox.append([], kept);
    expect(keptOf(outbox)).toEqual([["a", [7]]]);
    findDisk();
    expect(keptOf(outbox)).toEqual([["a", [7]]]);
  });

  it("never lets a late acknowledgement meet a record of another place", () => {
    const { outbox, loseDisk, findDisk } = bench();
    outbox.append([draftOf("telemetry", 10), draftOf("telemetry", 10)]);
    const onDisk = rowsOf(outbox, "telemetry");
    loseDisk();
    outbox.append([draftOf("telemetry", 10)]);
    const inMemory = rowsOf(outbox, "telemetry");
    outbox.ack(onDisk);
    expect(rowsOf(outbox, "telemetry")).toEqual(inMemory);
    outbox.ack([inMemory[0]]);
    findDisk();
    const after = rowsOf(outbox, "telemetry");
    expect(after).toHaveLength(3);
    outbox.ack([...onDisk, ...inMemory]);
    outbox.lose([inMemory[1]], "rejected", "0x99");
    expect(rowsOf(outbox, "telemetry")).toEqual(after);
    expect(Math.min(...after)).toBeGreaterThan(Math.max(...inMemory));
    outbox.ack(after);
    expect(outbox.stats().records).toBe(0);
  });

  it("keeps memory within its bound, and brings what had to go as a loss", () => {
    const { outbox, loseDisk, findDisk } = bench(1000);
    loseDisk();
    for (let n = 0; n < 40; n++) outbox.append([draftOf("telemetry", 100)]);
    const { bytes } = outbox.stats();
    expect(bytes).toBeLessThanOrEqual(1000);
    findDisk();
    expect(outbox.stats().bytes).toBe(bytes);
    const kept = seqsOf(outbox, "telemetry");
    expect(takeLosses(outbox)).toEqual([`telemetry 1-${kept[0] - 1} evicted`]);
  });

  it("counts losses on, wherever records are kept", () => {
    const { outbox, loseDisk, findDisk } = bench(1000);
    const evicted = (): number => outbox.lossCounts().reduce((sum, { records }) => sum + records, 0);
    outbox.append([draftOf("telemetry", 10), draftOf("telemetry", 10)]);
    outbox.drop("telemetry", ALL, 2, "given up");
    loseDisk();
    expect(evicted()).toBe(2);
    for (let n = 0; n < 40; n++) outbox.append([draftOf("telemetry", 100)]);
    const inMemory = evicted();
    expect(inMemory).toBeGreaterThan(2);
    findDisk();
    expect(evicted()).toBe(inMemory);
    outbox.drop("telemetry", ALL, 1, "given up again");
    expect(outbox.lossCounts()).toMatchObject([
      { reason: "dropped", records: 3, detail: "given up again" },
      { reason: "evicted", records: inMemory - 2 },
    ]);
  });

  it("waits between its looks at the disk, and looks a last time when it is closed", () => {
    const { clock, disk, log, outbox, loseDisk } = bench();
    loseDisk();
    disk.isGone = false;
    clock.advance(RETRY_MS - 1);
    outbox.append([draftOf("telemetry", 10)]);
    expect(outbox.stats().fault).toBeDefined();
    outbox.close();
    expect(log.of("outbox.standby-ended")[0].facts).toEqual({ records: 2 });
    expect(log.of("outbox.standby-lost")).toEqual([]);
  });

  it("says how many records go with the process when the disk never came back", () => {
    const { log, outbox, loseDisk } = bench();
    loseDisk();
    outbox.close();
    expect(log.of("outbox.standby-lost")[0].facts).toEqual({ records: 1 });
  });

  it("sets a file aside whose damage shows while it is used, and goes on with what is left under the same rows", () => {
    const { file, outbox } = bench();
    outbox.append([draftOf("telemetry", 10), draftOf("telemetry", 10), draftOf("telemetry", 10)]);
    const ids = idsOf(outbox);
    outbox.close();
    const database = new Database(file);
    database.exec("UPDATE records SET seq = 77 WHERE row = 2");
    database.close();
    const { outbox: second } = bench(100_000, join(file, ".."));
    expect(faultCodeOf(() => idsOf(second))).toBe("outbox.unavailable");
    expect(idsOf(second)).toEqual([ids[0], ids[2]]);
    expect(rowsOf(second, "telemetry")).toEqual([1, 3]);
    expect(takeLosses(second)).toEqual(["telemetry 2-2 damaged"]);
  });

  it("gives no row twice when file and watermark are destroyed while they are used", () => {
    const { file, outbox } = bench();
    outbox.append([draftOf("telemetry", 100_000), draftOf("telemetry", 100_000)]);
    outbox.close();
    const { outbox: second } = bench(100_000, join(file, ".."));
    expect(second.hold(1, 1)).toBe(true);
    writeFileSync(file, Buffer.alloc(statSync(file).size, 0xa5), { flag: "r+" });
    rmSync(`${file}.watermark`);
    expect(faultCodeOf(() => idsOf(second))).toBe("outbox.unavailable");
    second.append([draftOf("telemetry", 10)]);
    second.ack([1]);
    expect(seqsOf(second, "telemetry")).toEqual([1]);
    expect(rowsOf(second, "telemetry")[0]).toBeGreaterThan(2);
  });

  describe("a start after a process that ended with records in memory", () => {
    /** A process that is killed while memory stands in, with one record delivered out of three. */
    const killed = (): { readonly folder: string; readonly epoch: number } => {
      const folder = temporaryFolder();
      const { outbox, loseDisk } = bench(100_000, folder);
      outbox.append([draftOf("telemetry", 10)]);
      loseDisk();
      outbox.append([draftOf("telemetry", 10), draftOf("event", 10)]);
      outbox.ack([rowsOf(outbox, "telemetry")[0]]);
      const { epoch } = outbox.stats();
      const left = temporaryFolder();
      cpSync(folder, left, { recursive: true });
      return { folder: left, epoch };
    };

    it("tells exactly those that were not delivered, once", () => {
      const { folder, epoch } = killed();
      const { outbox, log } = bench(100_000, folder);
      expect(lossesOf(outbox)).toEqual([
        [epoch, "event", 1, 1],
        [epoch, "telemetry", 2, 2],
      ]);
      expect(log.of("outbox.standby-told")[0].facts).toEqual({ records: 2 });
      expect(outbox.lossCounts()).toMatchObject([
        { stream: "event", reason: "damaged", records: 1 },
        { stream: "telemetry", reason: "damaged", records: 1 },
      ]);
      outbox.close();
      expect(lossesOf(bench(100_000, folder).outbox)).toEqual([]);
    });

    it("tells them from memory, and later from the disk, while that is still away", () => {
      const { folder, epoch } = killed();
      const second = bench(100_000, folder, true);
      expect(second.outbox.stats().fault).toBeDefined();
      const again = temporaryFolder();
      cpSync(folder, again, { recursive: true });
      expect(lossesOf(second.outbox)).toContainEqual([epoch, "telemetry", 2, 2]);
      expect(lossesOf(bench(100_000, again).outbox)).toContainEqual([epoch, "telemetry", 2, 2]);
    });

    it("tells nothing of what came back onto the disk", () => {
      const folder = temporaryFolder();
      const { outbox, loseDisk, findDisk } = bench(100_000, folder);
      loseDisk();
      findDisk();
      outbox.close();
      expect(lossesOf(bench(100_000, folder).outbox)).toEqual([]);
    });

    it("is not kept from the disk by a mark that cannot be removed", () => {
      const folder = temporaryFolder();
      mkdirSync(join(folder, "state", "outbox.standby"), { recursive: true });
      const { outbox, loseDisk, findDisk } = bench(100_000, folder);
      loseDisk();
      findDisk();
      expect(outbox.stats().records).toBe(1);
      expect(outbox.stats().fault).toBeUndefined();
    });

    it("tells nothing of what came back and was delivered, though a place could be written only at the end", () => {
      const folder = temporaryFolder();
      const { outbox, loseDisk, findDisk } = bench(100_000, folder);
      loseDisk();
      mkdirSync(join(folder, "state"));
      findDisk();
      outbox.ack(rowsOf(outbox, "telemetry"));
      outbox.close();
      expect(lossesOf(bench(100_000, folder).outbox)).toEqual([]);
    });
  });
});
