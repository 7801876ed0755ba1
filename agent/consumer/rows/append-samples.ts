import { physicalOf } from "../../signals/codec/signal-value.ts";
import { stateOf } from "../../signals/signal-states.ts";
import { textOf } from "../../signals/value-texts.ts";
import type {
  DecodedRecord,
  RecordBody,
  RecordColumn,
  RecordRow,
  RecordSignal,
} from "../../telemetry/record/read/decoded-record.ts";
import { exactRaw } from "../../telemetry/record/read/samples.ts";
import type { ClockShift } from "../store/clock-offsets.ts";
import { type RecordFacts, recordFactsOf, rowFactsOf, type SignalFacts, signalFactsOf } from "./facts.ts";
import type { Run, SampleBatch } from "./sample-batch.ts";

/** The batch that takes rows of the times `fromUs` .. below `toUs`, µs since the Unix epoch. */
export type BatchSpan = { readonly batch: SampleBatch; readonly fromUs: number; readonly toUs: number };

/** One batch for all times. */
export function allTimes(batch: SampleBatch): BatchSpan {
  return { batch, fromUs: Number.NEGATIVE_INFINITY, toUs: Number.POSITIVE_INFINITY };
}

/** The signals of a table by index: a whole or a part of it. */
export type SignalLookup = { get(index: number): RecordSignal | undefined };

/** Puts samples of records into batches; remembers the facts of signals, so that they are made once. */
export class SampleAppender {
  readonly #spanOf: (timeUs: number) => BatchSpan;
  readonly #facts = new WeakMap<RecordSignal, SignalFacts>();
  readonly #rowFacts = new Map<string, SignalFacts>();

  /** `spanOf` gives the batch for a time, and how far it takes others. */
  constructor(spanOf: (timeUs: number) => BatchSpan) {
    this.#spanOf = spanOf;
  }

  /**
   * Adds the samples of a record with all times shifted; none for a record of another kind. False where `signals` does not know each of
   * its signals: then nothing is added.
   */
  append(record: DecodedRecord, signals: SignalLookup | undefined, shift: ClockShift): boolean {
    const { body } = record;
    if (body.kind === "rows") this.#rows(recordFactsOf(record, shift), body.rows);
    if (body.kind !== "samples") return true;
    const entries = entriesOf(body, signals);
    if (entries === undefined) return false;
    const facts = recordFactsOf(record, shift);
    body.columns.forEach((column, at) => {
      this.#column(facts, column, entries[at]);
    });
    return true;
  }

  #column(record: RecordFacts, column: RecordColumn, entry: RecordSignal): void {
    const { timesUs, raws, source, destination } = column;
    const facts = { record, signal: this.#factsOf(entry), source, destination };
    const texts = entry.kind === "integer" ? entry.texts : undefined;
    const { states } = entry;
    let span: BatchSpan | undefined;
    let run: Run | undefined;
    for (let at = 0; at < timesUs.length; at++) {
      const timeUs = timesUs[at] + record.shiftUs;
      if (span === undefined || run === undefined || timeUs < span.fromUs || timeUs >= span.toUs) {
        span = this.#spanOf(timeUs);
        run = span.batch.open(facts);
      }
      const raw = exactRaw(raws[at], entry);
      const state = states === undefined ? undefined : stateOf(states, raw);
      const value = state === undefined ? physicalOf(raw, entry) : undefined;
      span.batch.add(run, timeUs, value, textOf(texts, raw) ?? state);
    }
  }

  #rows(record: RecordFacts, rows: readonly RecordRow[]): void {
    let last: { readonly span: BatchSpan; readonly run: Run } | undefined;
    for (const row of rows) {
      const { source, destination, value, text } = row;
      const timeUs = row.timeUs + record.shiftUs;
      const signal = this.#factsOfRow(row);
      const isSame =
        last !== undefined &&
        last.run.signal === signal &&
        last.run.source === source &&
        last.run.destination === destination &&
        timeUs >= last.span.fromUs &&
        timeUs < last.span.toUs;
      if (last === undefined || !isSame) {
        const span = this.#spanOf(timeUs);
        last = { span, run: span.batch.open({ record, signal, source, destination }) };
      }
      last.span.batch.add(last.run, timeUs, value, text);
    }
  }

  #factsOf(entry: RecordSignal): SignalFacts {
    const known = this.#facts.get(entry);
    if (known !== undefined) return known;
    const facts = signalFactsOf(entry);
    this.#facts.set(entry, facts);
    return facts;
  }

  #factsOfRow(row: RecordRow): SignalFacts {
    const { bus, name, unit, aggregate = "", windowUs = "", vssPaths } = row;
    const key = [bus, name, unit, aggregate, windowUs, ...vssPaths].join("\u0000");
    const known = this.#rowFacts.get(key);
    if (known !== undefined) return known;
    if (this.#rowFacts.size >= MAX_ROW_FACTS) this.#rowFacts.clear();
    const facts = rowFactsOf(row);
    this.#rowFacts.set(key, facts);
    return facts;
  }
}

/** Signals of rows that are remembered at most; beyond them they are made again. */
const MAX_ROW_FACTS = 65_536;

function entriesOf(
  { columns }: Extract<RecordBody, { kind: "samples" }>,
  signals: SignalLookup | undefined,
): readonly RecordSignal[] | undefined {
  const entries: RecordSignal[] = [];
  for (const { signal } of columns) {
    const entry = signals?.get(signal);
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  return entries;
}
