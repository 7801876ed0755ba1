import { exactLine } from "../../core/exact-json.ts";
import type { DecodedRecord, RecordBody } from "../../telemetry/record/read/decoded-record.ts";
import type { ClockShift } from "../store/clock-offsets.ts";
import { type RecordFacts, recordFactsOf } from "./facts.ts";

/** What a record says that is no sample. */
export type EventRow = {
  readonly record: RecordFacts;
  /** µs since the Unix epoch, put right: of the event itself where it has a time, otherwise when the record was made. */
  readonly timeUs: number;
  /** Kind of the record, as `RecordBody` names it. */
  readonly kind: string;
  /** JSON of the body as `exactLine` writes it. */
  readonly body: string;
};

/**
 * The event of a record. A record of samples has one where it counts frames of buses, stands for others that were thinned, or holds no
 * sample: its columns or rows are not in it. Of a part of a signal table it says which; so each record leaves a row.
 */
export function eventRowOf(record: DecodedRecord, shift: ClockShift): EventRow | undefined {
  const body = shownOf(record);
  if (body === undefined) return undefined;
  const facts = recordFactsOf(record, shift);
  const timeUs = (timeUsOf(record.body) ?? record.anchor.wallUs) + facts.shiftUs;
  return { record: facts, timeUs, kind: record.body.kind, body: exactLine(body) };
}

/** What the body of the event says; undefined where there is nothing to say. */
function shownOf({ body, thinned }: DecodedRecord): object | undefined {
  if (body.kind === "table") {
    const { id, total, signals, vssRelease } = body;
    return { id, total, signals: signals.length, vssRelease };
  }
  const { kind, ...rest } = body;
  if (body.kind !== "samples" && body.kind !== "rows") return thinned === undefined ? rest : { ...rest, thinned };
  const { buses, campaign, trigger } = body;
  const isEmpty = kind === "samples" ? body.columns.every(({ raws }) => raws.length === 0) : body.rows.length === 0;
  return buses.length === 0 && thinned === undefined && !isEmpty ? undefined : { buses, campaign, trigger, thinned };
}

/** A record of samples with its raw values and indexes: for one whose signal table never comes. */
export function rawEventOf(record: DecodedRecord, shift: ClockShift): EventRow {
  const { kind, ...rest } = record.body;
  const facts = recordFactsOf(record, shift);
  const body = exactLine({ ...rest, thinned: record.thinned });
  return { record: facts, timeUs: record.anchor.wallUs + facts.shiftUs, kind: `raw-${kind}`, body };
}

function timeUsOf(body: RecordBody): number | undefined {
  if ("timeUs" in body) return body.timeUs;
  return body.kind === "frames" ? body.frames[0]?.receivedAtUs : undefined;
}
