import { readFileSync } from "node:fs";
import { CampaignSimulation } from "../../../agent/cli/campaign/simulation.ts";
import type { CanFrame } from "../../../agent/ports/frame.ts";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbcBytes } from "../../../agent/signals/dbc/bytes.ts";
import type { DbcDatabase } from "../../../agent/signals/dbc/model.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { parseCandump } from "../../../agent/signals/log-formats/candump.ts";
import { exactSignalName } from "../../../agent/signals/signal-names.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { planCampaign } from "../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { campaignDocument } from "../../../config/campaign.ts";
import { agentConfig } from "../../../config/schema.ts";
import { SendSchedule } from "../vehicle/send-schedule.ts";
import { readVehicle } from "../vehicle/vehicle-dbc.ts";
import { frameOf } from "../vehicle/vehicle-model.ts";

const BUS = "can0";
const START_US = 1_767_225_600_000_000;
const VEHICLE_DBC = "config/bench-vehicle.dbc";
/** Of the line of a curve, in parts of the range in which a signal was. */
const CURVE_ERROR = 0.01;

/** Frames of one drive, and what they mean. */
export type RecordedDrive = {
  readonly name: string;
  readonly frames: readonly CanFrame[];
  readonly database: DbcDatabase;
};

/** What a way of collecting all signals of a drive comes to. */
export type CollectedBytes = {
  readonly drive: string;
  readonly mode: string;
  readonly samples: number;
  /** Payloads as stored: records of the campaign, columns, zstd. */
  readonly bytes: number;
  readonly bytesPerSample: number;
  /** If the drive went on all day. */
  readonly bytesPerDay: number;
};

/** One round of the bench's own drive: 168 s. */
export function benchDrive(seconds = 168): RecordedDrive {
  const vehicle = readVehicle(VEHICLE_DBC);
  const frames = vehicle.flatMap((message) => {
    const flags = (message.extended ? FRAME_FLAG.extended : 0) | (message.fd ? FRAME_FLAG.fd : 0);
    return Array.from({ length: Math.floor((seconds * 1000) / message.periodMs) }, (_, n): CanFrame => {
      const receivedAtUs = START_US + Math.round(SendSchedule.dueMs(message.index, message.periodMs, n) * 1000);
      return { id: message.id, flags, data: frameOf(message, n, 1), receivedAtUs };
    });
  });
  frames.sort((a, b) => a.receivedAtUs - b.receivedAtUs);
  return { name: "bench drive", frames, database: parseDbcBytes(readFileSync(VEHICLE_DBC)).database };
}

/** A candump log; without a DBC file each byte of each id is a signal. */
export function recordedDrive(logFile: string, dbcFile: string | undefined): RecordedDrive {
  const frames = readFileSync(logFile, "utf8")
    .split("\n")
    .flatMap((text) => {
      const line = parseCandump(text.trimEnd());
      return line.kind === "frame" && (line.frame.flags & FRAME_FLAG.remote) === 0 ? [line.frame] : [];
    });
  const database = dbcFile === undefined ? bytesAsSignals(frames) : parseDbcBytes(readFileSync(dbcFile)).database;
  return { name: dbcFile === undefined ? "log, a signal a byte" : "log", frames, database };
}

function bytesAsSignals(frames: readonly CanFrame[]): DbcDatabase {
  const lengths = new Map<number, number>();
  for (const { id, flags, data } of frames) {
    const key = (flags & FRAME_FLAG.extended) === 0 ? id : id + 0x8000_0000;
    lengths.set(key, Math.max(lengths.get(key) ?? 0, data.length));
  }
  const messages = [...lengths].map(([id, length]) => {
    const signals = Array.from({ length }, (_, at) => ` SG_ Byte${at} : ${at * 8}|8@1+ (1,0) [0|255] "" X\n`);
    return `BO_ ${id} Id${id}: ${length} X\n${signals.join("")}`;
  });
  return parseDbc(messages.join("")).database;
}

/** Collects all signals of a drive time-based, on change, as curves, and around each change of the one that changes least. */
export function benchmarkBytes(drive: RecordedDrive): readonly CollectedBytes[] {
  const table = createSignalTable([{ bus: BUS, database: drive.database }]);
  const ranges = rangesOf(drive, table);
  const curves = ranges.flatMap(({ name, least, most }) =>
    most > least ? [{ signals: name, mode: "curve", maxError: (most - least) * CURVE_ERROR, maxDelayMs: 10_000 }] : [],
  );
  const rarest = ranges.filter(({ changes }) => changes > 0).toSorted((a, b) => a.changes - b.changes)[0];
  const modes: readonly (readonly [string, object])[] = [
    ["each sample", { collect: [{ signals: "*", mode: "every", ms: 0 }] }],
    ["one a second", { collect: [{ signals: "*", mode: "every", ms: 1000 }] }],
    ["on change", { collect: [{ signals: "*", mode: "on-change" }] }],
    ["curve, 1 % of the range", { collect: [{ signals: "*", mode: "on-change" }, ...curves] }],
    [
      `2 s around each change of ${rarest?.name ?? "nothing"}`,
      {
        inputs: { x: rarest?.name ?? "" },
        trigger: { condition: "x != previous(x)", minIntervalMs: 0, beforeMs: 2000, afterMs: 2000 },
        collect: [{ signals: "*", mode: "every", ms: 0 }],
      },
    ],
  ];
  return modes.map(([mode, rest]) => ({ drive: drive.name, mode, ...collected(drive, table, rest) }));
}

function collected(drive: RecordedDrive, table: SignalTable, rest: object) {
  const { collect, encode, campaigns } = agentConfig.shape;
  const settings = { collect: collect.parse({}), encode: encode.parse({}), campaigns: campaigns.parse({}) };
  let samples = 0;
  let bytes = 0;
  const startUs = drive.frames[0].receivedAtUs;
  const simulation = new CampaignSimulation({ table, busNames: [BUS], settings }, startUs, (record) => {
    if (record.samples === 0) return;
    samples += record.samples;
    bytes += record.payload.length;
  });
  const document = campaignDocument.parse({ schemaVersion: 1, id: "bench", version: 1, ...rest });
  const planned = planCampaign(document, { table, busNames: [BUS], facts: new Map(), hasHistory: true });
  if (planned.kind === "unfit") throw new Error(planned.problems.map(({ problem }) => problem).join("; "));
  simulation.start([planned.plan]);
  for (const frame of drive.frames) simulation.take(BUS, frame);
  simulation.finish();
  const seconds = (drive.frames[drive.frames.length - 1].receivedAtUs - startUs) / 1e6;
  return { samples, bytes, bytesPerSample: bytes / samples, bytesPerDay: (bytes * 86_400) / seconds };
}

type Range = { readonly name: string; least: number; most: number; last: number; changes: number };

/** In which range each signal was, and how often it changed; names with their id, as several messages may have one name. */
function rangesOf({ frames }: RecordedDrive, table: SignalTable): readonly Range[] {
  const ranges = table.signals.map((signal): Range => {
    return { name: exactSignalName(signal), least: Infinity, most: -Infinity, last: Number.NaN, changes: -1 };
  });
  const messages = table.bus(BUS);
  const { values, wides, present } = table;
  for (const { id, flags, data } of frames) {
    const message = messages.find(id, (flags & FRAME_FLAG.extended) !== 0);
    if (message === undefined) continue;
    message.decode(data, 0, data.length, values, wides, present);
    const allPresent = !message.multiplexed && data.length >= message.neededBytes;
    for (let at = message.firstSignal; at < message.firstSignal + message.signalCount; at++) {
      if ((!allPresent && present[at] === 0) || !Number.isFinite(values[at])) continue;
      const { factor, offset } = table.signals[at];
      const value = values[at] * factor + offset;
      const range = ranges[at];
      range.least = Math.min(range.least, value);
      range.most = Math.max(range.most, value);
      if (value !== range.last) range.changes += 1;
      range.last = value;
    }
  }
  return ranges;
}
