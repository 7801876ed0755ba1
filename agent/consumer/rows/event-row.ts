import { exactLine } from "../../core/exact-json.ts";
import type { DecodedRecord, RecordBody } from "../../telemetry/record/read/decoded-record.ts";
import type { ClockShift } from "../clock-offsets.ts";
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
 * The event of a record. A record of samples has one where it counts frames of buses, or stands for others that were thinned:
 * its columns or rows are not in it. Undefined for one that has nothing of this, and for a part of a signal table.
 */
export function eventRowOf(record: DecodedRecord, shift: ClockShift): EventRow | undefined {
  const { body, thinned, anchor } = record;
  const { kind, ...rest } = body;
  if (kind === "table") return undefined;
  const facts = recordFactsOf(record, shift);
  const timeUs = (timeUsOf(body) ?? anchor.wallUs) + facts.shiftUs;
  if (body.kind !== "samples" && body.kind !== "rows") {
    return { record: facts, timeUs, kind, body: exactLine(thinned === undefined ? rest : { ...rest, thinned }) };
  }
  const { buses, campaign, trigger } = body;
  if (buses.length === 0 && thinned === undefined) return undefined;
  return { record: facts, timeUs, kind, body: exactLine({ buses, campaign, trigger, thinned }) };
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
