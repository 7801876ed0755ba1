import type { Clock, ClockQuality } from "../../core/clock.ts";
import { exactLine } from "../../core/exact-json.ts";
import { boottimeUsOf, distanceUsOf } from "../../telemetry/record/read/correct-times.ts";
import type { RecordReader } from "../../telemetry/record/read/record-reader.ts";
import { rawEventOf } from "../rows/event-row.ts";
import { type Anchor, type ClockShift, shiftOf } from "../store/clock-offsets.ts";
import type { ClockTable } from "./clock-table.ts";
import { DayRows } from "./day-rows.ts";
import type { PartTable } from "./part-table.ts";
import type { FolderSettings } from "./settings.ts";
import { recordIn, type StagedRecords, type StagedRow } from "./staged-records.ts";

/** Bounds of what one roll reads, beside its samples. */
const MAX_RECORDS = 20_000;
const MAX_EVENT_LENGTH = 64_000_000;
/** Files that one roll makes. */
const MAX_FILES = 64;
/** Records after which other work of the process gets its turn. */
const RECORDS_A_TURN = 50;

export type ContentParts = {
  readonly staged: StagedRecords;
  readonly clocks: ClockTable;
  readonly parts: PartTable;
  readonly reader: RecordReader;
  readonly clock: Clock;
  readonly settings: FolderSettings;
};

/** What a roll takes out of state.db. */
export type RollContent = {
  readonly rows: DayRows;
  readonly taken: number[];
  samples: number;
  bytes: number;
  /** Records that wait for their signal table. */
  readonly waiting: number[];
  /** Boots of the rows, each with the quality of its times. */
  readonly boots: [bootId: string, quality: ClockQuality][];
  /** Whether more may be there that could be written now. */
  isCut: boolean;
};

/** Reads the staged records of a thing into rows, up to what one roll takes. */
export async function readContent(parts: ContentParts, thing: string, nowUs: number): Promise<RollContent> {
  const { staged, clock, settings } = parts;
  const content: RollContent = {
    rows: new DayRows(),
    taken: [],
    samples: 0,
    bytes: 0,
    waiting: [],
    boots: [],
    isCut: false,
  };
  let after = 0;
  for (;;) {
    const row = staged.next(thing, nowUs, after);
    if (row === undefined) return content;
    if (isFull(content, settings)) {
      content.isCut = true;
      return content;
    }
    after = row.row;
    take(parts, content, row, nowUs);
    if ((content.taken.length + content.waiting.length) % RECORDS_A_TURN === 0) await clock.sleep(0);
  }
}

function isFull({ rows, taken, waiting }: RollContent, { rollSamples }: FolderSettings): boolean {
  return (
    rows.rows >= rollSamples ||
    taken.length + waiting.length >= MAX_RECORDS ||
    rows.eventLength >= MAX_EVENT_LENGTH ||
    rows.samples.size + rows.events.size >= MAX_FILES
  );
}

function take(parts: ContentParts, content: RollContent, row: StagedRow, nowUs: number): void {
  const anchor = anchorOf(row);
  const shift = shiftOf(anchor, parts.clocks.best(row.thing, row.boot_id));
  if (!addRows(parts, content.rows, { row, anchor, shift }, nowUs)) {
    content.waiting.push(row.row);
    return;
  }
  content.taken.push(row.row);
  content.samples += row.samples;
  content.bytes += row.payload.length;
  content.boots.push([row.boot_id, shift.quality]);
}

type Shifted = { readonly row: StagedRow; readonly anchor: Anchor; readonly shift: ClockShift };

/** False where the record has to wait for its signal table. */
function addRows(
  { reader, parts, settings }: ContentParts,
  rows: DayRows,
  { row, anchor, shift }: Shifted,
  nowUs: number,
): boolean {
  const record = recordIn(reader, row);
  if (record === undefined) {
    rows.addEvent(undecodable(row, anchor, shift));
    return true;
  }
  const table = row.table_id === null ? undefined : parts.find(row.thing, row.table_id);
  if (rows.add(record, table?.signals, shift)) return true;
  if (nowUs - row.received_us < settings.tableWaitSeconds * 1_000_000) return false;
  rows.addEvent(rawEventOf(record, shift));
  return true;
}

/** What the worker accounted for, but cannot be read: its payload as it is. */
function undecodable(row: StagedRow, anchor: Anchor, shift: ClockShift): Parameters<DayRows["addEvent"]>[0] {
  const { thing, epoch, stream, seq, boot_id: bootId } = row;
  const own = { monotonicUs: boottimeUsOf(anchor), offsetUs: distanceUsOf(anchor) };
  const times = { timeQuality: shift.quality, timeBasis: shift.basis, shiftUs: shift.shiftUs };
  const of = { thing, epoch, stream, seq, bootId, ...own, ...times };
  return {
    record: { ...of, campaign: undefined, trigger: undefined },
    timeUs: anchor.wallUs + shift.shiftUs,
    kind: "undecodable",
    body: exactLine({ payload: row.payload }),
  };
}

function anchorOf({ monotonic_us: monotonicUs, wall_us: wallUs, quality }: StagedRow): Anchor {
  return { monotonicUs, wallUs, quality };
}
