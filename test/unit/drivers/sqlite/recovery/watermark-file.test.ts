import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { LossRange, Outbox } from "../../../../../agent/ports/outbox.ts";
import { openOutbox } from "../../../../../drivers/sqlite/outbox/outbox.ts";
import { readWatermark } from "../../../../../drivers/sqlite/recovery/watermark.ts";
import { WatermarkFile } from "../../../../../drivers/sqlite/recovery/watermark-file.ts";
import { ALL, draftOf, payloadOf, seqsOf } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const FRAME_BYTES = 24 + 1024;

function open(file: string, log = new MemoryLog()): Outbox {
  const { outbox } = openOutbox({ file, maxBytes: 10_000_000, clock: new ManualClock(), log });
  onTestFinished(() => outbox.close());
  return outbox;
}

/** Fills an outbox record by record and leaves its files in another folder as a kill would, with three records delivered. */
function killed(records: number, isDelivered = false): { readonly file: string; readonly epoch: number } {
  const file = join(temporaryFolder(), "outbox.db");
  // Its epoch is in the file, and not in the log alone.
  open(file).close();
  const outbox = open(file);
  for (let count = 0; count < records; count += 1) outbox.append([draftOf("telemetry", 3000), draftOf("event", 10)]);
  outbox.ack(isDelivered ? Array.from({ length: outbox.lastRow() }, (_, index) => index + 1) : [1, 3, 5]);
  const folder = temporaryFolder();
  for (const name of readdirSync(join(file, ".."))) copyFileSync(join(file, "..", name), join(folder, name));
  return { file: join(folder, "outbox.db"), epoch: outbox.stats().epoch };
}

function lossesOf(outbox: Outbox): readonly LossRange[] {
  const losses: LossRange[] = [];
  outbox.reportLosses((loss) => {
    losses.push(loss);
    return draftOf("control", 1);
  }, 100);
  return losses;
}

/** Highest seq of the ended epoch that is still there. */
function lastOf(outbox: Outbox, stream: "telemetry" | "event"): number {
  return Math.max(0, ...seqsOf(outbox, stream));
}

function expectTold(file: string, epoch: number, records: number): void {
  const log = new MemoryLog();
  const outbox = open(file, log);
  expect(outbox.stats().epoch).not.toBe(epoch);
  const found = { event: lastOf(outbox, "event"), telemetry: lastOf(outbox, "telemetry") };
  expect(found.telemetry).toBeLessThan(records);
  expect(lossesOf(outbox)).toEqual([
    { epoch, stream: "event", first: found.event + 1, last: records, reason: "damaged", detail: "outbox.db damaged" },
    {
      epoch,
      stream: "telemetry",
      first: Math.max(4, found.telemetry + 1),
      last: records,
      reason: "damaged",
      detail: "outbox.db damaged",
    },
  ]);
  expect(log.of("outbox.epoch-ended")).toHaveLength(1);
  expect(outbox.lossCounts()).toMatchObject([
    { stream: "event", reason: "damaged", records: records - found.event },
    { stream: "telemetry", reason: "damaged", records: records - Math.max(3, found.telemetry) },
  ]);
  for (const { seq, payload } of outbox.read("telemetry", 0, ALL, 100, ALL)) {
    expect(Buffer.compare(payload, payloadOf({ epoch, stream: "telemetry", seq }, 3000))).toBe(0);
  }
  expect(outbox.append([draftOf("telemetry", 10)])[0]).toEqual({
    epoch: outbox.stats().epoch,
    stream: "telemetry",
    seq: 1,
  });
}

describe("an outbox whose log lost its tail after a kill", () => {
  it("tells exactly what a cut took, and begins an epoch", () => {
    const { file, epoch } = killed(20);
    truncateSync(`${file}-wal`, 32 + 40 * FRAME_BYTES);
    expectTold(file, epoch, 20);
  });

  it("tells exactly what a flipped bit took", () => {
    const { file, epoch } = killed(20);
    const log = readFileSync(`${file}-wal`);
    const at = 32 + 40 * FRAME_BYTES + 100;
    log[at] = (log[at] ?? 0) ^ 1;
    writeFileSync(`${file}-wal`, log);
    expectTold(file, epoch, 20);
  });

  it("tells all that was owed when the whole log is gone", () => {
    const { file, epoch } = killed(20);
    rmSync(`${file}-wal`);
    expectTold(file, epoch, 20);
  });

  it("does not read a log again that was copied into the file, whatever became of it", () => {
    const file = join(temporaryFolder(), "outbox.db");
    const sizes = { logBytes: 65_536, reserveBytes: 0 };
    const { outbox } = openOutbox({ file, maxBytes: 1_000_000, clock: new ManualClock(), log: new MemoryLog(), sizes });
    onTestFinished(() => outbox.close());
    const copied = (): boolean => statSync(file).size > 65_536;
    while (!copied()) outbox.append([draftOf("telemetry", 3000)]);
    const left = join(temporaryFolder(), "outbox.db");
    for (const suffix of ["", "-wal", ".watermark"]) copyFileSync(`${file}${suffix}`, `${left}${suffix}`);
    const log = readFileSync(`${left}-wal`);
    log.fill(0xa5, 32 + 8 * FRAME_BYTES);
    writeFileSync(`${left}-wal`, log);
    const second = open(left);
    expect(second.stats()).toEqual({ ...outbox.stats(), maxBytes: 10_000_000 });
    expect(lossesOf(second)).toEqual([]);
  });

  it("gives no seq twice when all that the log lost was delivered", () => {
    const { file, epoch } = killed(5, true);
    rmSync(`${file}-wal`);
    const outbox = open(file);
    expect(outbox.stats().epoch).not.toBe(epoch);
    expect(lossesOf(outbox)).toEqual([]);
  });

  it("goes on with its epoch when nothing is missing", () => {
    const { file, epoch } = killed(20);
    const outbox = open(file);
    expect(outbox.stats().epoch).toBe(epoch);
    expect(lossesOf(outbox)).toEqual([]);
    expect(outbox.append([draftOf("telemetry", 10)])[0]?.seq).toBe(21);
  });
});

describe("an outbox without its database", () => {
  it.each([
    ["removed", (file: string) => rmSync(file)],
    ["emptied", (file: string) => truncateSync(file, 0)],
    ["overwritten", (file: string) => writeFileSync(file, "no database ".repeat(10_000))],
  ])("tells all that was owed when the file was %s", (_, lose) => {
    const { file, epoch } = killed(20);
    rmSync(`${file}-wal`);
    lose(file);
    const outbox = open(file);
    expect(outbox.stats().records).toBe(0);
    expect(lossesOf(outbox).map(({ epoch, stream, first, last }) => [epoch, stream, first, last])).toEqual([
      [epoch, "event", 1, 20],
      [epoch, "telemetry", 4, 20],
    ]);
  });

  it("tells what an earlier epoch still owed, too", () => {
    const { file, epoch } = killed(20);
    truncateSync(`${file}-wal`, 32 + 40 * FRAME_BYTES);
    const second = open(file);
    second.append([draftOf("capture", 10)]);
    const { epoch: secondEpoch } = second.stats();
    second.close();
    truncateSync(file, 0);
    const told = lossesOf(open(file)).map((loss) => `${loss.epoch} ${loss.stream} ${loss.first}-${loss.last}`);
    // The cut took the acknowledgements too, so that the first three are owed again.
    const owed = [`${epoch} event 1-20`, `${epoch} telemetry 1-20`, `${secondEpoch} capture 1-1`];
    expect(new Set(told)).toEqual(new Set(owed));
  });
});

describe("an outbox without its watermark", () => {
  it.each([
    ["gone", (file: string) => rmSync(file)],
    ["unreadable", (file: string) => writeFileSync(file, "nothing ".repeat(1024))],
  ])("begins an epoch and loses nothing when it is %s", (_, lose) => {
    const { file, epoch } = killed(20);
    lose(`${file}.watermark`);
    const outbox = open(file);
    expect(outbox.stats().epoch).not.toBe(epoch);
    expect(seqsOf(outbox, "event")).toHaveLength(20);
    expect(lossesOf(outbox)).toEqual([]);
  });

  it("believes the other copy when one is damaged", () => {
    const { file, epoch } = killed(5);
    const bytes = readFileSync(`${file}.watermark`);
    bytes.fill(0, 4096, 5000);
    writeFileSync(`${file}.watermark`, bytes);
    expect(open(file).stats().epoch).toBe(epoch);
  });

  it("keeps it private, and no longer than its two copies", () => {
    const { file } = killed(5);
    expect(statSync(`${file}.watermark`).mode & 0o777).toBe(0o600);
    expect(statSync(`${file}.watermark`).size).toBe(8192);
  });
});

describe("the copies of a watermark", () => {
  const generationsOf = (file: string): readonly number[] => {
    const bytes = readFileSync(file);
    return [0, 4096].map((at) => bytes.readUIntLE(at + 8, 6));
  };

  it("take turns, one a sync, and are alike where no commit follows", async () => {
    const file = join(temporaryFolder(), "outbox.db.watermark");
    const clock = new ManualClock();
    const promises = { epoch: 1, version: 1, lastRow: 0, owed: [] };
    const watermark = new WatermarkFile({ file, clock, log: new MemoryLog() }, promises);
    onTestFinished(() => watermark.close(promises));
    expect(generationsOf(file)).toEqual([1, 1]);
    for (let lastRow = 1; lastRow <= 3; lastRow++) watermark.note({ ...promises, lastRow });
    // The one that is on the disk is not written to before the other is there too.
    expect(generationsOf(file)).toEqual([4, 1]);
    const lastRowOf = (found = readWatermark(file)) => (found.kind === "found" ? found.promises.lastRow : undefined);
    expect(lastRowOf()).toBe(3);
    await vi.waitFor(() => {
      clock.advance(1000);
      expect(generationsOf(file)).toEqual([4, 4]);
    });
    expect(lastRowOf()).toBe(3);
    await vi.waitFor(() => {
      clock.advance(1000);
      watermark.note({ ...promises, lastRow: 4 });
      const [first, second] = generationsOf(file);
      expect(second).toBeGreaterThan(first ?? 0);
    });
  });
});
