import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Outbox } from "../../../../../agent/ports/outbox.ts";
import { type OutboxSettings, openOutbox } from "../../../../../drivers/sqlite/outbox/outbox.ts";
import { ALL, draftOf, keptOf, payloadOf, seqsOf, takeLosses } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const RECORDS = 1000;
const STEP_MS = 100;

/** A clock on which every look takes 10 ms, so that a turn ends after two steps. */
class SlowClock extends ManualClock {
  #looks = 0;

  override monotonicMs(): number {
    this.#looks += 1;
    return super.monotonicMs() + this.#looks * 10;
  }
}

type Bench = { readonly outbox: Outbox; readonly clock: ManualClock; readonly log: MemoryLog };

function open(file: string, change: Partial<OutboxSettings> = {}): Bench {
  const clock = new SlowClock();
  const log = new MemoryLog();
  const { outbox } = openOutbox({ file, maxBytes: 10_000_000, clock, log, sizes: { salvageMs: 0 }, ...change });
  onTestFinished(() => outbox.close());
  return { outbox, clock, log };
}

/** An outbox of 1,000 records, ten of them delivered, whose header is damaged, and one page in the middle where not told otherwise. */
function damagedFile(pageBytes = 2048, isPageDamaged = true): { readonly file: string; readonly epoch: number } {
  const file = join(temporaryFolder(), "outbox.db");
  const { outbox } = open(file, { sizes: { pageBytes } });
  // One a page.
  outbox.append(Array.from({ length: RECORDS }, () => draftOf("telemetry", pageBytes - 248)));
  outbox.ack([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  outbox.append([], [{ key: "cells", value: Uint8Array.of(1, 2, 3) }]);
  const { epoch } = outbox.stats();
  outbox.close();
  const bytes = readFileSync(file);
  bytes.fill(0xa5, 0, 40);
  const page = Math.floor(bytes.indexOf("telemetry 500 ") / pageBytes) * pageBytes;
  if (isPageDamaged) bytes.fill(0xa5, page, page + pageBytes);
  writeFileSync(file, bytes);
  return { file, epoch };
}

/** The folder as a kill leaves it now. */
function kill(file: string): string {
  const folder = temporaryFolder();
  cpSync(join(file, ".."), folder, { recursive: true });
  return join(folder, "outbox.db");
}

function finish({ outbox, clock, log }: Bench): void {
  for (let turn = 0; turn < 100 && log.of("outbox.salvaged").length === 0; turn += 1) clock.advance(STEP_MS);
  expect(log.of("outbox.salvaged")).toHaveLength(1);
  expect(outbox.stats().streams.telemetry.records).toBe(RECORDS - 11);
}

/** Everything came over but the record of the damaged page, and that is told. */
function expectAll({ outbox }: Bench, epoch: number): void {
  const old = outbox.read("telemetry", 0, RECORDS, RECORDS, ALL);
  const expected = Array.from({ length: RECORDS - 10 }, (_, index) => index + 11).filter((seq) => seq !== 500);
  expect(old.map(({ seq }) => seq)).toEqual(expected);
  for (const { seq, payload, row } of old) {
    expect(row).toBe(seq);
    expect(Buffer.compare(payload, payloadOf({ epoch, stream: "telemetry", seq }, 1800))).toBe(0);
  }
  expect(takeLosses(outbox)).toEqual(["telemetry 500-500 damaged"]);
  expect(outbox.lossCounts()).toMatchObject([{ stream: "telemetry", reason: "damaged", records: 1 }]);
}

describe("the salvage of a damaged outbox", () => {
  it("says how far it is until it has ended", () => {
    const { file } = damagedFile();
    const bench = open(file);
    const begun = { file: "outbox.db.damaged-1", rows: 0, totalRows: RECORDS, records: 0 };
    expect(bench.outbox.stats().salvage).toEqual(begun);
    bench.clock.advance(STEP_MS);
    const { rows = 0, records = 0 } = bench.outbox.stats().salvage ?? {};
    expect(records).toBe(seqsOf(bench.outbox, "telemetry").length);
    expect(rows).toBeGreaterThanOrEqual(records);
    expect(rows).toBeLessThan(RECORDS);
    finish(bench);
    expect(bench.outbox.stats().salvage).toBeUndefined();
  });

  it("removes the damaged file when all of it came over, and not before that is durable", () => {
    const { file } = damagedFile(2048, false);
    const damagedFiles = (): string[] => readdirSync(join(file, "..")).filter((name) => name.includes(".damaged-"));
    const bench = open(file);
    bench.clock.advance(STEP_MS);
    expect(damagedFiles()).toContain("outbox.db.damaged-1");
    for (let turn = 0; turn < 100; turn += 1) bench.clock.advance(STEP_MS);
    expect(bench.log.of("outbox.salvaged")[0]?.facts).toMatchObject({ records: RECORDS - 10, damaged: 0 });
    expect(damagedFiles()).toEqual([]);
    bench.outbox.close();
    expect(seqsOf(open(file).outbox, "telemetry")).toHaveLength(RECORDS - 10);
  });

  it("keeps the damaged file where something of it was lost, or cannot be known", () => {
    const { file } = damagedFile();
    finish(open(file));
    expect(existsSync(`${file}.damaged-1`)).toBe(true);
    const other = damagedFile(2048, false).file;
    rmSync(`${other}.watermark`);
    writeFileSync(other, new Uint8Array(100_000).fill(0xa5));
    const { clock, log } = open(other);
    for (let turn = 0; turn < 10; turn += 1) clock.advance(STEP_MS);
    expect(log.of("outbox.salvaged")[0]?.facts).toMatchObject({ records: 0, damaged: 0 });
    expect(existsSync(`${other}.damaged-1`)).toBe(true);
  });

  it("finds the pages of a file of an older version, which are larger", () => {
    const { file, epoch } = damagedFile(4096);
    const bench = open(file);
    finish(bench);
    expect(seqsOf(bench.outbox, "telemetry")).not.toContain(500);
    expect(takeLosses(bench.outbox)).toEqual(["telemetry 500-500 damaged"]);
    expect(bench.outbox.stats().epoch).not.toBe(epoch);
  });

  it("brings over at once what was kept beside the records", () => {
    const { file } = damagedFile();
    expect(keptOf(open(file).outbox)).toEqual([["cells", [1, 2, 3]]]);
  });

  it("goes on beside the work: new records come above the old ones, and leave meanwhile", () => {
    const { file, epoch } = damagedFile();
    const bench = open(file);
    expect(bench.outbox.stats().records).toBe(0);
    expect(bench.outbox.append([draftOf("event", 10)])[0]?.epoch).not.toBe(epoch);
    bench.clock.advance(STEP_MS);
    const some = seqsOf(bench.outbox, "telemetry");
    expect(some.length).toBeGreaterThan(0);
    expect(some.length).toBeLessThan(200);
    expect(bench.outbox.read("event", RECORDS, ALL, 10, ALL)).toHaveLength(1);
    finish(bench);
    expectAll(bench, epoch);
  });

  it("says that records came in below what was read", () => {
    const { file } = damagedFile();
    const bench = open(file);
    const before = bench.outbox.backfills();
    bench.clock.advance(STEP_MS);
    expect(bench.outbox.backfills()).toBeGreaterThan(before);
  });

  it("goes on where a kill ended it, whenever that was", () => {
    const { file, epoch } = damagedFile();
    let killed = file;
    for (let starts = 0; starts < 5; starts += 1) {
      const bench = open(killed);
      bench.clock.advance(STEP_MS);
      killed = kill(killed);
    }
    const last = open(killed);
    finish(last);
    expectAll(last, epoch);
  });

  it("forgets nothing of what was delivered meanwhile, and does not tell it as lost", () => {
    const { file, epoch } = damagedFile();
    const first = open(file);
    first.clock.advance(STEP_MS);
    const some = first.outbox.read("telemetry", 0, ALL, 50, ALL);
    first.outbox.ack(some.map(({ row }) => row));
    const second = open(kill(file));
    for (let turn = 0; turn < 100; turn += 1) second.clock.advance(STEP_MS);
    expect(second.outbox.stats().records).toBe(RECORDS - 11 - 50);
    expect(takeLosses(second.outbox)).toEqual(["telemetry 500-500 damaged"]);
    expect(seqsOf(second.outbox, "telemetry")[0]).toBe(61);
    expect(epoch).not.toBe(second.outbox.stats().epoch);
  });

  it("tells everything that had not come when the damaged file has gone", () => {
    const { file } = damagedFile();
    const first = open(file);
    first.clock.advance(STEP_MS);
    const came = seqsOf(first.outbox, "telemetry");
    const killed = kill(file);
    rmSync(`${killed}.damaged-1`);
    const second = open(killed);
    second.clock.advance(STEP_MS);
    expect(seqsOf(second.outbox, "telemetry")).toEqual(came);
    expect(takeLosses(second.outbox)).toEqual([`telemetry ${(came.at(-1) ?? 0) + 1}-${RECORDS} damaged`]);
  });

  it("goes on with the first file when the second is damaged too, before its end", () => {
    const { file, epoch } = damagedFile();
    const first = open(file);
    first.clock.advance(STEP_MS);
    first.outbox.append([draftOf("event", 10)]);
    const secondEpoch = first.outbox.stats().epoch;
    first.outbox.close();
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 0, 40);
    writeFileSync(file, bytes);
    const second = open(file);
    finish(second);
    expect(second.outbox.read("event", 0, ALL, 10, ALL)[0]?.epoch).toBe(secondEpoch);
    expectAll(second, epoch);
  });

  it("is begun again when a kill came between the setting aside and the new database", () => {
    const { file, epoch } = damagedFile();
    cpSync(file, `${file}.damaged-1`);
    rmSync(file);
    const bench = open(file);
    finish(bench);
    expectAll(bench, epoch);
  });

  it("is not begun again when the database is removed long after its end", () => {
    const { file, epoch } = damagedFile();
    const bench = open(file);
    finish(bench);
    expectAll(bench, epoch);
    bench.outbox.ack(bench.outbox.list(undefined, 2000).map(({ row }) => row));
    bench.outbox.append([draftOf("telemetry", 10)]);
    bench.outbox.close();
    for (const suffix of ["", "-wal"]) rmSync(`${file}${suffix}`, { force: true });
    const second = open(file);
    second.clock.advance(10_000);
    expect(seqsOf(second.outbox, "telemetry")).toEqual([]);
    expect(takeLosses(second.outbox)).toEqual(["telemetry 1-1 damaged"]);
  });
});
