import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { CONTROL_SHARE, type Outbox } from "../../../agent/ports/outbox.ts";
import { draftOf, fileBytesIn, fileIn, inOutboxFolder, openIn } from "./outbox-folder.ts";
import { type Spread, spreadOf } from "./timing.ts";

/** µs of the thread, and from call to return with its syncs. */
export type Cost = { readonly cpuMicros: Spread; readonly wallMicros: Spread };

/** What is measured, a record; but `stats`, one look at the state. */
export const GROWTH_CALLS = ["append", "readOldest", "readNewest", "ack", "evict", "stats"] as const;
export type GrowthCall = (typeof GROWTH_CALLS)[number];

/** What a record costs where the file has this size. In each round an outbox that is as good as empty has its turn too. */
export type GrowthStep = {
  readonly gigabytes: number;
  readonly fileBytes: number;
  readonly records: number;
  readonly costs: Readonly<Record<GrowthCall, Cost>>;
  /** Processor time against that with the empty one, round by round. */
  readonly ratios: Readonly<Record<GrowthCall, Spread>>;
  /** Of a file that is in the memory of the system, and of one that comes from the disk, ms. */
  readonly openMs: Spread;
  readonly openColdMs: Spread;
};

/** Fills a page of 4096 bytes with what is stored beside it. */
const PAYLOAD_BYTES = 3800;
const RECORDS_PER_COMMIT = 4;
const FILL_RECORDS = 500;
const RECORDS = 1000;
const ROUNDS = 5;
const PASSES = 5;
/** As the publisher reads and acknowledges. */
const READ_RECORDS = 32;
const ACK_RECORDS = 50;
const LOOKS = 2000;
const UNBOUNDED = 1e13;
const PAGE_BYTES = 4096;
/** What is measured takes some, so that as good as empty is this much. */
const LEAST_RECORDS = 4000;

/** Fills one outbox to each of `sizes`, ascending, in GB of its file, and measures there. */
export async function benchmarkGrowth(sizes: readonly number[]): Promise<readonly GrowthStep[]> {
  const most = Math.max(...sizes) * 1e9;
  return await inOutboxFolder(most * 1.1, (folder) => {
    const empty = join(folder, "empty");
    const grown = join(folder, "grown");
    fillTo(empty, 0);
    return sizes.map((gigabytes) => {
      fillTo(grown, gigabytes * 1e9);
      return measure(grown, empty, gigabytes);
    });
  });
}

function fillTo(folder: string, bytes: number): void {
  const outbox = openIn(folder, UNBOUNDED);
  const drafts = Array.from({ length: FILL_RECORDS }, () => draftOf(PAYLOAD_BYTES));
  const records = Math.max(LEAST_RECORDS, bytes / PAGE_BYTES);
  while (outbox.stats().records < records) outbox.append(drafts);
  outbox.close();
}

function measure(folder: string, empty: string, gigabytes: number): GrowthStep {
  const turns = Array.from({ length: ROUNDS }, () => [measureOnce(empty), measureOnce(folder)] as const);
  const rounds = turns.map(([, grown]) => grown);
  const ratioOf = (call: GrowthCall): Spread =>
    spreadOf(turns.map(([before, grown]) => grown.taken[call].cpuMicros / before.taken[call].cpuMicros));
  const costOf = (call: GrowthCall): Cost => ({
    cpuMicros: spreadOf(rounds.map(({ taken }) => taken[call].cpuMicros)),
    wallMicros: spreadOf(rounds.map(({ taken }) => taken[call].wallMicros)),
  });
  const outbox = openIn(folder, UNBOUNDED);
  const { records } = outbox.stats();
  outbox.close();
  return {
    gigabytes,
    fileBytes: fileBytesIn(folder),
    records,
    costs: eachCall(costOf),
    ratios: eachCall(ratioOf),
    openMs: spreadOf(rounds.map(({ openMs }) => openMs)),
    openColdMs: spreadOf(rounds.map(({ openColdMs }) => openColdMs)),
  };
}

function eachCall<T>(of: (call: GrowthCall) => T): Readonly<Record<GrowthCall, T>> {
  return {
    append: of("append"),
    readOldest: of("readOldest"),
    readNewest: of("readNewest"),
    ack: of("ack"),
    evict: of("evict"),
    stats: of("stats"),
  };
}

type Taken = { readonly cpuMicros: number; readonly wallMicros: number };
type Round = {
  readonly taken: Readonly<Record<GrowthCall, Taken>>;
  readonly openMs: number;
  readonly openColdMs: number;
};

function measureOnce(folder: string): Round {
  const { outbox, ms: openMs } = timedOpen(folder, UNBOUNDED);
  const drafts = Array.from({ length: RECORDS_PER_COMMIT }, () => draftOf(PAYLOAD_BYTES));
  const before = outbox.lastRow();
  const storeAll = (into: Outbox): Taken =>
    took(RECORDS, () => {
      for (let stored = 0; stored < RECORDS; stored += RECORDS_PER_COMMIT) into.append(drafts);
    });
  const append = storeAll(outbox);
  const stats = took(LOOKS, () => {
    for (let look = 0; look < LOOKS; look += 1) outbox.stats();
  });
  const readFrom = (row: number): Taken =>
    took(RECORDS * PASSES, () => {
      for (let pass = 0; pass < PASSES; pass += 1) readAll(outbox, row);
    });
  const readNewest = readFrom(before);
  const readOldest = readFrom(0);
  const oldest = readAll(outbox, 0);
  const ack = took(RECORDS, () => ackAll(outbox, oldest));
  const { bytes } = outbox.stats();
  outbox.close();
  dropFromMemory(fileIn(folder));
  // Full with what it has, so that each record costs another; a share of the bound is for commands alone.
  const { outbox: full, ms: openColdMs } = timedOpen(folder, Math.floor(bytes / (1 - CONTROL_SHARE)));
  const evict = storeAll(full);
  full.close();
  return { taken: { append, readOldest, readNewest, ack, evict, stats }, openMs, openColdMs };
}

function timedOpen(folder: string, maxBytes: number): { readonly outbox: Outbox; readonly ms: number } {
  const startMs = performance.now();
  const outbox = openIn(folder, maxBytes);
  return { outbox, ms: performance.now() - startMs };
}

function took(times: number, work: () => void): Taken {
  const startMs = performance.now();
  const cpu = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(cpu);
  return { cpuMicros: (user + system) / times, wallMicros: ((performance.now() - startMs) * 1000) / times };
}

function readAll(outbox: Outbox, afterRow: number): readonly number[] {
  const rows: number[] = [];
  for (let cursor = afterRow; rows.length < RECORDS; ) {
    const read = outbox.read("telemetry", cursor, Number.MAX_SAFE_INTEGER, READ_RECORDS, Number.MAX_SAFE_INTEGER);
    if (read.length === 0) break;
    for (const { row } of read) rows.push(row);
    cursor = rows.at(-1) ?? cursor;
  }
  return rows.slice(0, RECORDS);
}

function ackAll(outbox: Outbox, rows: readonly number[]): void {
  for (let at = 0; at < rows.length; at += ACK_RECORDS) outbox.ack(rows.slice(at, at + ACK_RECORDS));
}

/** The file's pages leave the memory of the system; what is written of it stays on the disk (dd(1), nocache with count 0). */
function dropFromMemory(file: string): void {
  execFileSync("sync", ["--data", file]);
  execFileSync("dd", [`if=${file}`, "iflag=nocache", "count=0", "status=none"]);
}
