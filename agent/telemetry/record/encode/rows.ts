import { physicalOf } from "../../../signals/codec/signal-value.ts";
import type { SignalEntry } from "../../../signals/signal-entry.ts";
import { exactMessageName } from "../../../signals/signal-names.ts";
import { stateOf } from "../../../signals/signal-states.ts";
import { textOf } from "../../../signals/value-texts.ts";
import type { OutputSchema } from "../../collect/lane.ts";
import type { SampleLog } from "../../collect/sample-log.ts";
import type { SampleRun } from "./sample-cutter.ts";

/** A text is for people; what is longer is cut, so that a row always fits its record. */
const MAX_TEXT_CHARACTERS = 500;

/** One sample that can be read without a signal table. What is undefined is absent. */
export type Row = {
  /** "Message.Signal", with the id where several messages of the bus have the name and such a signal, or the name of a derived signal. */
  readonly name: string;
  readonly bus: string | undefined;
  /** Physical value and what it is called. */
  readonly value: RowValue;
  readonly unit: string | undefined;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
  readonly of: RowOrigin;
};

/** Physical value: `exact` is the integer in decimal digits, only where `number` is rounded. Where it says a state there is no number, and `text` is that. */
export type RowValue = {
  readonly number: number | undefined;
  readonly exact: string | undefined;
  readonly text: string | undefined;
};

/** Where a row comes from: an aggregate with its window, µs; a sender; what the signal is in VSS. */
export type RowOrigin = {
  readonly aggregate: string | undefined;
  readonly windowUs: number | undefined;
  readonly source: number | undefined;
  readonly destination: number | undefined;
  readonly vssPaths: readonly string[] | undefined;
};

/** Makes rows of the samples of one schema. Times are rounded to the nearest multiple of `timeUnitUs` since the Unix epoch. */
export class RowMaker {
  readonly #schema: OutputSchema;
  readonly #timeUnitUs: number;
  /** By index of the signal. */
  readonly #names: readonly string[];

  constructor(schema: OutputSchema, timeUnitUs: number) {
    this.#schema = schema;
    this.#timeUnitUs = timeUnitUs;
    this.#names = rowNames(schema.signals);
  }

  /** The samples of `run`, in their order. */
  *rows({ log, from, to }: SampleRun): Generator<Row> {
    const wides = new BigInt64Array(log.values.buffer);
    for (let at = from; at < to; at++) yield this.#row(log, wides, at);
  }

  #row(log: SampleLog, wides: BigInt64Array, at: number): Row {
    const { slots } = this.#schema;
    const signal = slots.signalOf(log.slots[at]);
    const origin = slots.originOf(log.slots[at]);
    const raw = signal.wide < 0 ? log.values[at] : signal.signed ? wides[at] : BigInt.asUintN(64, wides[at]);
    return {
      name: this.#names[signal.index],
      bus: filled(signal.bus),
      value: valueOf(raw, signal),
      unit: filled(signal.unit),
      timeUs: Math.round(log.timesUs[at] / this.#timeUnitUs) * this.#timeUnitUs,
      of: {
        aggregate: signal.aggregate,
        windowUs: signal.windowUs === 0 ? undefined : signal.windowUs,
        source: origin?.source,
        destination: origin?.destination,
        vssPaths: signal.vss.length === 0 ? undefined : signal.vss.map(({ path }) => path),
      },
    };
  }
}

function valueOf(raw: number | bigint, signal: SignalEntry): RowValue {
  const state = stateOf(signal.states, raw);
  const physical = state === undefined ? physicalOf(raw, signal) : undefined;
  const text = signal.kind === "integer" ? (textOf(signal.texts, raw) ?? state) : undefined;
  return {
    number: physical === undefined ? undefined : Number(physical),
    exact: typeof physical === "bigint" ? physical.toString() : undefined,
    text: text?.slice(0, MAX_TEXT_CHARACTERS),
  };
}

/** Names by index: with the id of the message where the bus has several of its name with such a signal. */
function rowNames(signals: readonly SignalEntry[]): readonly string[] {
  const ids = new Map<string, Set<number>>();
  for (const { bus, message, name, arbitrationId } of signals) {
    const key = `${bus}/${message}.${name}`;
    ids.set(key, (ids.get(key) ?? new Set()).add(arbitrationId));
  }
  return signals.map((signal) => {
    if (signal.message === "") return signal.name;
    const isAlone = ids.get(`${signal.bus}/${signal.message}.${signal.name}`)?.size === 1;
    return `${isAlone ? signal.message : exactMessageName(signal)}.${signal.name}`;
  });
}

function filled(text: string): string | undefined {
  return text === "" ? undefined : text;
}
