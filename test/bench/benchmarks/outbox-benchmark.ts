import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Outbox, RecordDraft } from "../../../agent/ports/outbox.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";

/** What `benchmarkOutbox` stores. */
export type OutboxBenchmarkOptions = {
  readonly seconds?: number;
  /** Samples in one record and its payload bytes: the measured size of a compressed telemetry record. */
  readonly samplesPerRecord?: number;
  readonly payloadBytes?: number;
  /** Records of one append, that is of one commit. */
  readonly recordsPerCommit?: number;
  /** Where the database goes; the system's temporary folder when absent. */
  readonly folder?: string;
};

/** Figures of one run. Every count is of what was on the disk (an fsync a commit) when it was counted. */
export type OutboxFigures = {
  readonly samplesPerSecond: number;
  readonly recordsPerSecond: number;
  readonly commitsPerSecond: number;
  /** 99th percentile of one append, ms. */
  readonly appendP99Ms: number;
  /** Read and acknowledged again, records a second. */
  readonly drainedPerSecond: number;
  /** One row a sample instead, in transactions of as many samples, the same pragmas: samples a second. */
  readonly rowsPerSecond: number;
  readonly samplesPerRecord: number;
  readonly payloadBytes: number;
  readonly recordsPerCommit: number;
};

/** Durable samples a second: records appended to the outbox, against one row a sample in the same SQLite. */
export function benchmarkOutbox(options: OutboxBenchmarkOptions = {}): OutboxFigures {
  const { seconds = 1.5, samplesPerRecord = 1500, payloadBytes = 4000, recordsPerCommit = 4 } = options;
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), "causeway-bench-"));
  const quiet = (): void => undefined;
  const { outbox } = openOutbox({
    file: join(folder, "outbox.db"),
    maxBytes: 1_000_000_000,
    clock: systemClock(),
    log: { error: quiet, warn: quiet, info: quiet, debug: quiet },
  });
  try {
    const { commits, elapsedMs, appendP99Ms } = fill(outbox, payloadBytes, recordsPerCommit, seconds);
    const recordsPerSecond = (commits * recordsPerCommit * 1000) / elapsedMs;
    return {
      samplesPerSecond: Math.round(recordsPerSecond * samplesPerRecord),
      recordsPerSecond: Math.round(recordsPerSecond),
      commitsPerSecond: Math.round((commits * 1000) / elapsedMs),
      appendP99Ms,
      drainedPerSecond: drain(outbox),
      rowsPerSecond: storeRows(join(folder, "rows.db"), samplesPerRecord * recordsPerCommit, seconds),
      samplesPerRecord,
      payloadBytes,
      recordsPerCommit,
    };
  } finally {
    outbox.close();
    rmSync(folder, { recursive: true });
  }
}

type Filled = { readonly commits: number; readonly elapsedMs: number; readonly appendP99Ms: number };

function fill(outbox: Outbox, payloadBytes: number, recordsPerCommit: number, seconds: number): Filled {
  const payload = new Uint8Array(payloadBytes).map((_, index) => (index * 131) & 0xff);
  const draft: RecordDraft = {
    stream: "telemetry",
    encoding: "zstd",
    timeQuality: "ntp",
    lifeMs: undefined,
    retainKey: undefined,
    seal: () => payload,
  };
  const drafts = Array.from({ length: recordsPerCommit }, () => draft);
  const times: number[] = [];
  const start = performance.now();
  let now = start;
  while (now - start < seconds * 1000) {
    outbox.append(drafts);
    const after = performance.now();
    times.push(after - now);
    now = after;
  }
  times.sort((left, right) => left - right);
  return { commits: times.length, elapsedMs: now - start, appendP99Ms: times[Math.floor(times.length * 0.99)] ?? 0 };
}

function drain(outbox: Outbox): number {
  const start = performance.now();
  let count = 0;
  for (;;) {
    const records = outbox.read("telemetry", 0, outbox.lastRow(), 32, Number.MAX_SAFE_INTEGER);
    if (records.length === 0) return Math.round((count * 1000) / (performance.now() - start));
    outbox.ack(records.map(({ row }) => row));
    count += records.length;
  }
}

function storeRows(file: string, samplesPerCommit: number, seconds: number): number {
  const database = new Database(file);
  try {
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.exec(
      "CREATE TABLE samples (id INTEGER PRIMARY KEY, signal INTEGER NOT NULL, time_us INTEGER NOT NULL, raw REAL NOT NULL) STRICT",
    );
    const insert = database.prepare("INSERT INTO samples (signal, time_us, raw) VALUES (?, ?, ?)");
    const store = database.transaction(() => {
      for (let sample = 0; sample < samplesPerCommit; sample += 1) {
        insert.run(sample % 167, 1_767_225_600_000_000 + sample * 1000, sample * 0.5);
      }
    });
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < seconds * 1000) {
      store();
      count += samplesPerCommit;
    }
    return Math.round((count * 1000) / (performance.now() - start));
  } finally {
    database.close();
  }
}
