import { physicalOf } from "../../../signals/codec/signal-value.ts";
import { splitSignalName } from "../../../signals/message-name.ts";
import { stateOf } from "../../../signals/signal-states.ts";
import { textOf } from "../../../signals/value-texts.ts";
import type { DecodedRecord, RecordBody, RecordColumn, RecordRow, RecordSignal } from "./decoded-record.ts";

/** What a sample's signal is; without its signal table only the index is known, and a row has its names but no index. */
export type SampleSignal =
  | { readonly index: number }
  | {
      readonly index?: number | undefined;
      readonly bus: string;
      readonly message: string;
      readonly name: string;
      readonly unit: string;
      /** What is worked out of the signal, over which window, µs (0 or absent a trip); absent for a sample as it was received. */
      readonly aggregate?: string | undefined;
      readonly windowUs?: number | undefined;
    };

/** One value of one signal at one time, as a consumer sees it. */
export type Sample = {
  readonly thing: string;
  readonly epoch: number;
  readonly stream: string;
  readonly seq: number;
  /** Id of the campaign that it was collected for, and number of the trigger that it belongs to. */
  readonly campaign?: string | undefined;
  readonly trigger?: number | undefined;
  /** Receive time, µs since the Unix epoch by the vehicle's wall clock. */
  readonly timeUs: number;
  readonly signal: SampleSignal;
  /** Source and destination address of the frame, of a signal with a PGN; absent for any other. */
  readonly source?: number | undefined;
  readonly destination?: number | undefined;
  /** A bigint beyond 2^53. Without a signal table an unsigned 64-bit signal reads as signed; a row has none. */
  readonly raw?: number | bigint | undefined;
  /** raw * factor + offset, a bigint where only that is exact; undefined without a signal table, and where the raw value says a state. */
  readonly physical: number | bigint | undefined;
  /** What the value is called, or the state that it says ("not available", "error"); of columns as far as the texts are beside the signal in its table. */
  readonly text?: string | undefined;
};

/** Signal tables put together from the table records that were seen. */
export class SignalTables {
  readonly #tables = new Map<string, Map<number, RecordSignal>>();

  /** Takes the signals of one part. The same part may come again: equal ids mean equal tables. */
  add(part: Extract<RecordBody, { kind: "table" }>): void {
    const signals = this.#tables.get(part.id) ?? new Map<number, RecordSignal>();
    for (const signal of part.signals) signals.set(signal.index, signal);
    this.#tables.set(part.id, signals);
  }

  /** The signal `index` of the table `id`; undefined while no part with it was seen. */
  find(id: string, index: number): RecordSignal | undefined {
    return this.#tables.get(id)?.get(index);
  }
}

/** The samples of a record, column by column, or row by row; none for a record of another kind. */
export function* samplesOf(record: DecodedRecord, tables: Pick<SignalTables, "find">): Generator<Sample> {
  const { thing, epoch, stream, seq, body } = record;
  if (body.kind !== "samples" && body.kind !== "rows") return;
  const of = { thing, epoch, stream, seq, campaign: body.campaign?.id, trigger: body.trigger };
  if (body.kind === "rows") for (const row of body.rows) yield { ...of, ...rowSample(row) };
  else for (const column of body.columns) yield* columnSamples(of, column, tables.find(body.table, column.signal));
}

function* columnSamples(
  of: Pick<Sample, "thing" | "epoch" | "stream" | "seq" | "campaign" | "trigger">,
  { signal: index, source, destination, timesUs, raws }: RecordColumn,
  entry: RecordSignal | undefined,
): Generator<Sample> {
  const signal = describe(index, entry);
  for (const [at, timeUs] of timesUs.entries()) {
    const raw = exactRaw(raws[at], entry);
    const state = stateOf(entry?.states, raw);
    const physical = entry === undefined || state !== undefined ? undefined : physicalOf(raw, entry);
    const text = entry?.kind === "integer" ? (textOf(entry.texts, raw) ?? state) : undefined;
    yield { ...of, timeUs, signal, source, destination, raw, physical, text };
  }
}

function rowSample(row: RecordRow): Pick<Sample, "timeUs" | "signal" | "source" | "destination" | "physical" | "text"> {
  const { timeUs, bus, unit, value: physical, text, aggregate, windowUs, source, destination } = row;
  const { message, signal: name } = splitSignalName(row.name);
  const signal = { bus, message, name, unit, aggregate, windowUs };
  return { timeUs, signal, source, destination, physical, text };
}

function describe(index: number, entry: RecordSignal | undefined): SampleSignal {
  if (entry === undefined) return { index };
  const { bus, message, name, unit, aggregate, windowUs } = entry;
  return { index, bus, message, name, unit, aggregate, windowUs };
}

/** A raw value as its signal means it: of an unsigned one of 64 bits 0 or more. */
export function exactRaw(raw: number | bigint, entry: RecordSignal | undefined): number | bigint {
  const isUnsigned = entry !== undefined && entry.kind === "integer" && !entry.signed;
  return isUnsigned && raw < 0 ? BigInt.asUintN(64, BigInt(raw)) : raw;
}
