import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Outbox } from "../../../../../agent/ports/outbox.ts";
import { type OutboxSettings, openOutbox } from "../../../../../drivers/sqlite/outbox/outbox.ts";
import { StandbyOutbox, type StandbyParts } from "../../../../../drivers/sqlite/outbox/standby-outbox.ts";
import { draftOf, faultCodeOf, takeLosses } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";
import { mountProblem } from "../../../../fakes/core/mount.ts";

const ALL = Number.MAX_SAFE_INTEGER;
const canMount = mountProblem() === undefined;
const MOUNT = `file system of 2 MB${canMount ? "" : ` (skipped, mount is not permitted here: ${mountProblem()})`}`;

function open(folder: string, change: Partial<OutboxSettings> = {}): { outbox: Outbox; log: MemoryLog; file: string } {
  const log = new MemoryLog();
  const file = join(folder, "outbox.db");
  const { outbox } = openOutbox({ file, maxBytes: 100_000_000, clock: new ManualClock(), log, ...change });
  onTestFinished(() => outbox.close());
  return { outbox, log, file };
}

function tinyDisk(): string {
  const folder = join(temporaryFolder(), "disk");
  mkdirSync(folder);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]);
  onTestFinished(() => void execFileSync("umount", ["-l", folder]));
  return folder;
}

function roomOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function storedSeqs(outbox: Outbox): readonly number[] {
  return outbox.read("telemetry", 0, ALL, 10_000, ALL).map(({ seq }) => seq);
}

describe.skipIf(!canMount)(`SqliteOutbox on a full ${MOUNT}`, () => {
  const sizes = { logBytes: 200_000, reserveBytes: 400_000 };

  it("evicts the oldest and goes on storing, every seq stored or noted as lost", () => {
    const { outbox, log } = open(tinyDisk(), { sizes });
    for (let count = 0; count < 1000; count += 1) outbox.append([draftOf("telemetry", 4000)]);
    const seqs = storedSeqs(outbox);
    expect(seqs.length).toBeGreaterThan(200);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => 1001 - seqs.length + index));
    // The report itself may need the room of another try, which asks for its draft again.
    expect(new Set(takeLosses(outbox))).toEqual(new Set([`telemetry 1-${1000 - seqs.length} evicted`]));
    expect(log.of("outbox.disk-low")).toHaveLength(1);
    expect(log.of("outbox.evicted")[0].facts).toMatchObject({ detail: "disk full" });
  });

  it("keeps storing and drains when another process takes the rest, and takes its reserve back afterwards", () => {
    const folder = tinyDisk();
    const { outbox, log, file } = open(folder, { sizes });
    for (let count = 0; count < 1000; count += 1) outbox.append([draftOf("telemetry", 4000)]);
    expect(() => writeFileSync(join(folder, "other"), new Uint8Array(3_000_000))).toThrow("ENOSPC");
    const [id] = outbox.append([draftOf("telemetry", 4000)]);
    expect(id?.seq).toBe(1001);
    const rows = outbox.read("telemetry", 0, ALL, 10_000, ALL).map(({ row }) => row);
    for (let at = 0; at < rows.length; at += 16) outbox.ack(rows.slice(at, at + 16));
    expect(outbox.stats().records).toBe(0);
    rmSync(join(folder, "other"));
    outbox.append([draftOf("telemetry", 4000)]);
    expect(existsSync(`${file}.reserve`)).toBe(true);
    expect(log.of("outbox.disk-freed")).toHaveLength(1);
  });

  it.each([
    ["before it is made", 300_000],
    ["before it is made", 700_000],
    ["while it runs", 300_000],
    ["while it runs", 700_000],
  ])(
    "loses nothing of a young outbox to another program that fills the disk %s but for %i bytes",
    (when, freeBytes) => {
      const folder = tinyDisk();
      const fill = (): void => writeFileSync(join(folder, "other"), new Uint8Array(roomOf(folder) - freeBytes));
      if (when === "before it is made") fill();
      const { outbox, log } = open(folder, { sizes });
      outbox.append([draftOf("telemetry", 700)]);
      if (when === "while it runs") fill();
      for (let count = 1; count < 65; count += 1) outbox.append([draftOf("telemetry", 700)]);
      expect(storedSeqs(outbox)).toHaveLength(65);
      expect(takeLosses(outbox)).toEqual([]);
      expect(log.of("outbox.disk-filled")).toEqual([]);
      expect(outbox.disk()?.reserve).toBe(when === "while it runs" ? "whole" : "part");
    },
  );

  it("goes on when nothing at all is left, says so, and takes its reserve back when there is room", () => {
    const folder = tinyDisk();
    const { outbox, log } = open(folder, { sizes });
    outbox.append([draftOf("telemetry", 4000)]);
    expect(() => writeFileSync(join(folder, "other"), new Uint8Array(3_000_000))).toThrow("ENOSPC");
    for (let count = 1; count < 50; count += 1) outbox.append([draftOf("telemetry", 4000)]);
    expect(storedSeqs(outbox)).toHaveLength(50);
    for (let count = 50; count < 400; count += 1) outbox.append([draftOf("telemetry", 4000)]);
    expect(outbox.disk()).toMatchObject({ reserve: "part", reserveBytes: 12_500, isFull: true });
    expect(outbox.stats().streams.telemetry).toMatchObject({ lost: 400 - storedSeqs(outbox).length });
    expect(log.of("outbox.disk-low")).toHaveLength(1);
    rmSync(join(folder, "other"));
    const { lost } = outbox.stats().streams.telemetry;
    for (let count = 0; count < 50; count += 1) outbox.append([draftOf("telemetry", 4000)]);
    expect(outbox.stats().streams.telemetry.lost).toBe(lost);
    expect(outbox.disk()).toMatchObject({ reserve: "whole", reserveBytes: 400_000, isFull: false });
    expect(log.of("outbox.disk-freed")).toHaveLength(1);
  });

  it("gives up a reserve of another size, such as an earlier version made", () => {
    const folder = tinyDisk();
    writeFileSync(join(folder, "outbox.db.reserve"), new Uint8Array(600_000));
    writeFileSync(join(folder, "other"), new Uint8Array(roomOf(folder) - 100_000));
    const { outbox } = open(folder, { sizes });
    expect(outbox.disk()).toMatchObject({ reserve: "part", reserveBytes: 12_500 });
    for (let count = 0; count < 65; count += 1) outbox.append([draftOf("telemetry", 700)]);
    expect(outbox.stats().streams.telemetry.lost).toBe(0);
  });

  it("starts in memory, and says so, where there is no room for an empty outbox, and goes to the disk when there is", () => {
    const folder = tinyDisk();
    const other = join(folder, "other");
    writeFileSync(other, new Uint8Array(roomOf(folder) - 16_384));
    const clock = new ManualClock();
    const log = new MemoryLog();
    const file = join(folder, "outbox.db");
    const openDisk: StandbyParts["openDisk"] = (adopt) =>
      openOutbox({ file, maxBytes: 100_000_000, clock, log, sizes }, adopt).outbox;
    const outbox = new StandbyOutbox({ openDisk, memoryBytes: 1_000_000, standbyFiles: [], clock, log });
    onTestFinished(() => outbox.close());
    const ids = outbox.append([draftOf("telemetry", 700), draftOf("event", 10)]);
    expect(outbox.stats().fault).toMatchObject({
      code: "outbox.full",
      what: `records are kept in memory only: no room on the disk for ${file}`,
      remedy: "free space on the file system, or lower outbox.maxBytes",
    });
    clock.advance(5000);
    rmSync(other);
    clock.advance(5000);
    expect(outbox.stats()).toMatchObject({ records: 2 });
    expect(outbox.stats().fault).toBeUndefined();
    expect(outbox.disk()?.reserve).toBe("whole");
    expect(outbox.read("event", 0, ALL, 1, ALL)).toMatchObject([ids[1]]);
  });

  it("refuses a record when only higher classes could make room, and nothing has happened", () => {
    const { outbox } = open(tinyDisk(), { sizes });
    while (faultCodeOf(() => outbox.append([draftOf("control", 4000)])) === undefined) {
      if (outbox.stats().streams.control.lost > 0) break;
    }
    const before = outbox.stats();
    expect(faultCodeOf(() => outbox.append([draftOf("capture", 400_000)]))).toBe("outbox.full");
    expect(outbox.stats()).toEqual(before);
  });
});

describe("SqliteOutbox at the bound of its file", () => {
  const sizes = { maxFileBytes: 1_000_000 };

  it("evicts the oldest, keeps its reserve, and the file stays within the bound", () => {
    const { outbox, log, file } = open(temporaryFolder(), { sizes });
    for (let count = 0; count < 500; count += 1) outbox.append([draftOf("telemetry", 4000)]);
    expect(statSync(file).size).toBeLessThanOrEqual(1_000_000);
    const seqs = storedSeqs(outbox);
    expect(seqs.at(-1)).toBe(500);
    expect(takeLosses(outbox)).toEqual([`telemetry 1-${500 - seqs.length} evicted`]);
    expect(log.of("outbox.disk-filled")).toEqual([]);
    expect(existsSync(`${file}.reserve`)).toBe(true);
  });

  it("seals each draft once even when the first attempt does not fit", () => {
    const { outbox } = open(temporaryFolder(), { sizes });
    const sealed: number[] = [];
    const ids = Array.from({ length: 400 }, () =>
      outbox.append([
        draftOf("telemetry", 4000, {
          seal: ({ seq }) => {
            sealed.push(seq);
            return new Uint8Array(4000);
          },
        }),
      ]),
    );
    expect(ids.flat().map(({ seq }) => seq)).toEqual(sealed);
  });

  it("gives space back to the file system as records are acknowledged", () => {
    const { outbox, file } = open(temporaryFolder(), { sizes: { logBytes: 65_536 } });
    for (let count = 0; count < 50; count += 1) {
      outbox.append(Array.from({ length: 100 }, () => draftOf("telemetry", 4000)));
    }
    const fullBytes = statSync(file).size;
    const rows = outbox.read("telemetry", 0, ALL, 10_000, ALL).map(({ row }) => row);
    for (let at = 0; at < rows.length; at += 32) outbox.ack(rows.slice(at, at + 32));
    outbox.append([draftOf("telemetry", 4000)]);
    expect(statSync(file).size).toBeLessThan(fullBytes / 2);
  });
});
