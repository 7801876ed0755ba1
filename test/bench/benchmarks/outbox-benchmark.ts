import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Outbox, RecordDraft } from "../../../agent/ports/outbox.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { RestCipher } from "../../../drivers/sqlite/outbox/rest-cipher.ts";
import { type Spread, spreadOf } from "./timing.ts";

/** What one run stores. */
type OutboxBenchmarkOptions = {
  readonly seconds?: number;
  /** Samples in one record and its payload bytes: the measured size of a compressed telemetry record. */
  readonly samplesPerRecord?: number;
  readonly payloadBytes?: number;
  /** Records of one append, that is of one commit. */
  readonly recordsPerCommit?: number;
  /** Encrypts what is stored. */
  readonly cipher?: RestCipher;
};

/** Figures of one run. Every count is of what was on the disk (an fsync a commit) when it was counted. */
type OutboxFigures = {
  readonly samplesPerSecond: number;
  readonly recordsPerSecond: number;
  readonly commitsPerSecond: number;
  /** 99th percentile of one append, ms. */
  readonly appendP99Ms: number;
  /** CPU of one record that is stored, µs. */
  readonly storeMicros: number;
  /** Read and acknowledged again, records a second. */
  readonly drainedPerSecond: number;
  /** CPU of one of these, µs. */
  readonly drainMicros: number;
  /** One row a sample instead, in transactions of as many samples, the same pragmas: samples a second. */
  readonly rowsPerSecond: number;
  readonly samplesPerRecord: number;
  readonly payloadBytes: number;
  readonly recordsPerCommit: number;
};

/** Durable samples a second: records appended to the outbox, against one row a sample in the same SQLite. */
function benchmarkOutbox(options: OutboxBenchmarkOptions = {}): OutboxFigures {
  const { seconds = 1.5, samplesPerRecord = 1500, payloadBytes = 4000, recordsPerCommit = 4 } = options;
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const quiet = (): void => undefined;
  const settings = {
    file: join(folder, "outbox.db"),
    maxBytes: 1_000_000_000,
    clock: systemClock(),
    log: { error: quiet, warn: quiet, info: quiet, debug: quiet },
  };
  const { outbox } = openOutbox(settings, undefined, { cipher: options.cipher });
  try {
    const { commits, elapsedMs, appendP99Ms, cpuMicros } = fill(outbox, payloadBytes, recordsPerCommit, seconds);
    const recordsPerSecond = (commits * recordsPerCommit * 1000) / elapsedMs;
    return {
      samplesPerSecond: Math.round(recordsPerSecond * samplesPerRecord),
      recordsPerSecond: Math.round(recordsPerSecond),
      commitsPerSecond: Math.round((commits * 1000) / elapsedMs),
      appendP99Ms,
      storeMicros: cpuMicros / (commits * recordsPerCommit),
      ...drain(outbox),
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

/** What is durable in a second, as `OutboxFigures` has it, over several rounds. */
export type StoreFigures = Readonly<
  Record<"samplesPerSecond" | "recordsPerSecond" | "appendP99Ms" | "storeMicros" | "drainedPerSecond", Spread>
> & { readonly drainMicros: Spread; readonly rowsPerSecond: Spread };

/** Records of 1500 samples, four a commit, each commit synced; in every round one row a sample too. */
export function benchmarkStore(rounds = 5): StoreFigures {
  const runs = Array.from({ length: rounds }, () => benchmarkOutbox({ seconds: 1 }));
  return {
    recordsPerSecond: spreadOf(runs.map((run) => run.recordsPerSecond)),
    appendP99Ms: spreadOf(runs.map((run) => run.appendP99Ms)),
    ...restOf(runs),
    drainedPerSecond: spreadOf(runs.map((run) => run.drainedPerSecond)),
    rowsPerSecond: spreadOf(runs.map((run) => run.rowsPerSecond)),
  };
}

/** The outbox in clear, and encrypted at rest, in turns. */
export type RestFigures = { readonly clear: RestCost; readonly encrypted: RestCost };
type RestCost = Readonly<Record<"samplesPerSecond" | "storeMicros" | "drainMicros", Spread>>;

/** With the payload of a record of 1,800 samples: one page with what encryption adds, and without. */
const REST = { seconds: 0.5, samplesPerRecord: 1800, payloadBytes: 3800 } as const;
const REST_ROUNDS = 5;

/** What encryption at rest costs the outbox. */
export function benchmarkRest(): RestFigures {
  const runs: { clear: OutboxFigures[]; encrypted: OutboxFigures[] } = { clear: [], encrypted: [] };
  for (let round = 0; round < REST_ROUNDS; round += 1) {
    runs.clear.push(benchmarkOutbox(REST));
    runs.encrypted.push(benchmarkOutbox({ ...REST, cipher: new RestCipher(randomBytes(32), true) }));
  }
  return { clear: restOf(runs.clear), encrypted: restOf(runs.encrypted) };
}

function restOf(runs: readonly OutboxFigures[]): RestCost {
  return {
    samplesPerSecond: spreadOf(runs.map(({ samplesPerSecond }) => samplesPerSecond)),
    storeMicros: spreadOf(runs.map(({ storeMicros }) => storeMicros)),
    drainMicros: spreadOf(runs.map(({ drainMicros }) => drainMicros)),
  };
}

type Filled = {
  readonly commits: number;
  readonly elapsedMs: number;
  readonly appendP99Ms: number;
  readonly cpuMicros: number;
};

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
  const cpu = process.cpuUsage();
  const start = performance.now();
  let now = start;
  while (now - start < seconds * 1000) {
    outbox.append(drafts);
    const after = performance.now();
    times.push(after - now);
    now = after;
  }
  const cpuMicros = microsSince(cpu);
  times.sort((left, right) => left - right);
  const appendP99Ms = times[Math.floor(times.length * 0.99)] ?? 0;
  return { commits: times.length, elapsedMs: now - start, appendP99Ms, cpuMicros };
}

function microsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

function drain(outbox: Outbox): Pick<OutboxFigures, "drainedPerSecond" | "drainMicros"> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  let count = 0;
  for (;;) {
    const records = outbox.read("telemetry", 0, outbox.lastRow(), 32, Number.MAX_SAFE_INTEGER);
    if (records.length === 0) break;
    outbox.ack(records.map(({ row }) => row));
    count += records.length;
  }
  const drainedPerSecond = Math.round((count * 1000) / (performance.now() - start));
  return { drainedPerSecond, drainMicros: microsSince(cpu) / Math.max(1, count) };
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
