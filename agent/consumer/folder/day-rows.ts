import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";
import { type BatchSpan, SampleAppender, type SignalLookup } from "../rows/append-samples.ts";
import { type EventRow, eventRowOf } from "../rows/event-row.ts";
import { SampleBatch } from "../rows/sample-batch.ts";
import type { ClockShift } from "../store/clock-offsets.ts";
import { dayOf, startOf } from "./file-names.ts";

/** Days that the samples of one record may be of; one with more is broken, and stays together on the day of its anchor. */
const MAX_DAYS = 8;

/** Rows of one vehicle, by day. */
export class DayRows {
  readonly samples = new Map<number, BatchSpan>();
  readonly events = new Map<number, EventRow[]>();
  /** Characters of the bodies of events. */
  eventLength = 0;
  rows = 0;
  readonly #appender = new SampleAppender((timeUs) => this.#spanOf(timeUs));
  #together: BatchSpan | undefined;

  /** Adds the rows of a record; false, and nothing, where the table lacks one of its signals. */
  add(record: DecodedRecord, signals: SignalLookup | undefined, shift: ClockShift): boolean {
    this.#together = undefined;
    if (daysOf(record) > MAX_DAYS) {
      const { batch } = this.#spanOf(record.anchor.wallUs + shift.shiftUs);
      this.#together = { batch, fromUs: Number.NEGATIVE_INFINITY, toUs: Number.POSITIVE_INFINITY };
    }
    if (!this.#appender.append(record, signals, shift)) return false;
    const event = eventRowOf(record, shift);
    if (event !== undefined) this.addEvent(event);
    this.rows = [...this.samples.values()].reduce((sum, { batch }) => sum + batch.rows, 0);
    return true;
  }

  addEvent(event: EventRow): void {
    const day = dayOf(event.timeUs);
    const known = this.events.get(day);
    if (known === undefined) this.events.set(day, [event]);
    else known.push(event);
    this.eventLength += event.body.length;
  }

  #spanOf(timeUs: number): BatchSpan {
    if (this.#together !== undefined) return this.#together;
    const day = dayOf(timeUs);
    const known = this.samples.get(day);
    if (known !== undefined) return known;
    const span = { batch: new SampleBatch(), fromUs: startOf(day), toUs: startOf(day + 1) };
    this.samples.set(day, span);
    return span;
  }
}

/** How many days lie between the first and the last sample of a record, both counted. */
function daysOf({ body }: DecodedRecord): number {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const look = (timeUs: number): void => {
    if (timeUs < first) first = timeUs;
    if (timeUs > last) last = timeUs;
  };
  if (body.kind === "rows") for (const { timeUs } of body.rows) look(timeUs);
  // Columns share their times.
  if (body.kind === "samples")
    for (const axis of new Set(body.columns.map(({ timesUs }) => timesUs))) axis.forEach(look);
  return last < first ? 0 : dayOf(last) - dayOf(first) + 1;
}
