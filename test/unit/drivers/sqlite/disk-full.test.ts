import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Outbox } from "../../../../agent/ports.ts";
import { type OutboxSettings, openOutbox } from "../../../../drivers/sqlite/outbox.ts";
import { draftOf, faultCodeOf, takeLosses } from "../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../fakes/clock.ts";
import { temporaryFolder } from "../../../fakes/folder.ts";
import { MemoryLog } from "../../../fakes/log.ts";
import { mountProblem } from "../../../fakes/mount.ts";

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

function storedSeqs(outbox: Outbox): readonly number[] {
  return outbox.read("telemetry", 0, ALL, 10_000, ALL).map(({ seq }) => seq);
}

describe.skipIf(!canMount)(`SqliteOutbox on a full ${MOUNT}`, () => {
  const sizes = { logBytes: 200_000, ballastBytes: 400_000 };

  it("evicts the oldest and goes on storing, every seq stored or noted as lost", () => {
    const { outbox, log } = open(tinyDisk(), { sizes });
    for (let count = 0; count < 1000; count += 1) outbox.append([draftOf("telemetry", 4000)]);
    const seqs = storedSeqs(outbox);
    expect(seqs.length).toBeGreaterThan(200);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => 1001 - seqs.length + index));
    expect(takeLosses(outbox)).toEqual([`telemetry 1-${1000 - seqs.length} evicted`]);
    expect(log.of("outbox.disk-filled")).toHaveLength(1);
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
