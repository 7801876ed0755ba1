import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outbox, RecordDraft, ThinRecords } from "../../../agent/ports/outbox.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbcBytes } from "../../../agent/signals/dbc/bytes.ts";

import { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import { recordThinner } from "../../../agent/telemetry/record/thin/thin-records.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { RuleCollector } from "../../fakes/telemetry/rule-collector.ts";
import { SendSchedule } from "../vehicle/send-schedule.ts";
import { readVehicle } from "../vehicle/vehicle-dbc.ts";
import { frameOf } from "../vehicle/vehicle-model.ts";
import { inTurns, type Spread, spreadOf } from "./timing.ts";

const DBC = "config/bench-vehicle.dbc";
const START_US = 1_767_225_600_000_000;
/** Records as the agent makes them by default: a batch each 250 ms, on change, zstd. */
const BATCH_MS = 250;
const DRIVE_MS = 60_000;
const MAX_PAYLOAD_BYTES = 120_000;
const OUTBOX_BYTES = 2_000_000;
const RECORDS_PER_COMMIT = 8;
const ROUNDS = 3;

/** Over the rounds; a first one, in which code is not optimised yet, is left out. */
export type ThinningFigures = {
  readonly ratio: number;
  /** Payload that is taken in, with reading, thinning, writing and zstd, 10^6 bytes a second of CPU. */
  readonly megabytesPerSecond: Spread;
  /** CPU time of the longest call of each round, which holds up one append. */
  readonly longestMs: Spread;
  /** Records until the outbox has to evict the first, against one that thins nothing. */
  readonly timesLonger: number;
};

/** What thinning costs, and for how much longer an outbox keeps something of all, on the records of the bench's vehicle. */
export function benchmarkThinning(ratio = 10): ThinningFigures {
  const drafts = draftsOf(ratio);
  const rounds: ThinningRun[] = [];
  const [thinned, plain] = inTurns(ROUNDS, [
    () => {
      const round = thinOnce(drafts);
      rounds.push(round);
      return round.records;
    },
    () => recordsUntilEviction(drafts, undefined),
  ]);
  const counted = rounds.slice(1);
  return {
    ratio,
    megabytesPerSecond: spreadOf(counted.map(({ bytes, cpuUs }) => bytes / cpuUs)),
    longestMs: spreadOf(counted.map(({ longestMs }) => longestMs)),
    timesLonger: thinned[0] / plain[0],
  };
}

type ThinningRun = {
  readonly records: number;
  readonly bytes: number;
  readonly cpuUs: number;
  readonly longestMs: number;
};

function thinOnce(drafts: readonly RecordDraft[]): ThinningRun {
  const thin = recordThinner(MAX_PAYLOAD_BYTES);
  let bytes = 0;
  let cpuUs = 0;
  let longestMs = 0;
  const timed: ThinRecords = (records, by, id) => {
    const before = process.cpuUsage();
    const made = thin(records, by, id);
    const { user, system } = process.cpuUsage(before);
    cpuUs += user + system;
    longestMs = Math.max(longestMs, (user + system) / 1000);
    for (const at of made.taken) bytes += records[at].payload.length;
    return made;
  };
  const records = recordsUntilEviction(drafts, timed);
  return { records, bytes, cpuUs, longestMs };
}

/** A minute of the bench's vehicle. */
function draftsOf(ratio: number): readonly RecordDraft[] {
  const vehicle = readVehicle(DBC);
  const table = createSignalTable([{ bus: "can0", database: parseDbcBytes(readFileSync(DBC)).database }]);
  const collector = new RuleCollector({ table, rules: [], batchSamples: 100_000 });
  const settings = {
    compression: "zstd",
    maxPayloadBytes: MAX_PAYLOAD_BYTES,
    timeResolutionUs: 1000,
    lifeMs: {},
  } as const;
  const bootId = "0123456789abcdef0123456789abcdef";
  const encoder = new Encoder({ thing: "truck-0001", bootId, table, clock: new ManualClock(), settings });
  const lane = encoder.lane({ schema: table, campaign: undefined, stream: "telemetry", form: "columns", thin: ratio });
  const schedule = new SendSchedule(vehicle.map(({ periodMs }) => periodMs));
  const drafts: RecordDraft[] = [];
  for (let ms = BATCH_MS; ms <= DRIVE_MS; ms += BATCH_MS) {
    for (const { message, n } of schedule.take(ms, Number.MAX_SAFE_INTEGER)) {
      const sent = vehicle[message];
      const known = table.bus("can0").find(sent.id, sent.extended);
      if (known === undefined) throw new Error(`the table does not know ${sent.name}`);
      const data = frameOf(sent, n, 1);
      known.decode(data, 0, data.length, table.values, table.wides, table.present);
      collector.take(known, !known.multiplexed, START_US + n * sent.periodMs * 1000);
    }
    drafts.push(
      ...lane.encode(collector.drain(ms, false), [{ bus: "can0", received: ms, dropped: 0, errorFrames: 0 }]),
    );
  }
  return drafts;
}

function recordsUntilEviction(drafts: readonly RecordDraft[], thin: ThinRecords | undefined): number {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const quiet = (): void => undefined;
  const log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
  const settings = { file: join(folder, "outbox.db"), maxBytes: OUTBOX_BYTES, clock: new ManualClock(), log };
  const { outbox } = openOutbox(settings, undefined, { thin });
  try {
    let stored = 0;
    while (!hasEvicted(outbox)) {
      const from = stored % drafts.length;
      stored += outbox.append(drafts.slice(from, from + RECORDS_PER_COMMIT)).length;
    }
    return stored;
  } finally {
    outbox.close();
    rmSync(folder, { recursive: true });
  }
}

function hasEvicted(outbox: Outbox): boolean {
  return outbox.lossCounts().some(({ reason }) => reason === "evicted");
}
