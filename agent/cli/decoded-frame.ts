import { printable } from "../core/plain-text.ts";
import { type CanFrame, FRAME_FLAG } from "../ports/frame.ts";
import { isPresent, physicalOf, rawOf } from "../signals/codec/signal-value.ts";
import type { DbcMessage, DbcSignal } from "../signals/dbc/model.ts";
import type { MessageEntry, SignalEntry } from "../signals/signal-entry.ts";
import { stateOf } from "../signals/signal-states.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import { textOf } from "../signals/value-texts.ts";
import { type DecodedLog, type FoundMessage, type LogFrame, LogMessages, logTable } from "./log-messages.ts";

/**
 * Shows frames with the values of their signals. Each method gives one line without its end, and takes the frames in their order: a message
 * that comes in several is shown with the last of them.
 */
export interface FrameDecoder {
  /** The JSON form (reference: `signals decode --json`). `t` is null for a frame without a time; remote and error frames say so. */
  json(logged: LogFrame): string;
  /** `:: Message(Signal: value unit, ...)` as cantools' single-line form has it, to be put behind the line of the log. */
  text(logged: LogFrame): string;
}

type Column = { readonly entry: SignalEntry; readonly signal: DbcSignal; readonly key: string };
type Layout = { readonly name: string; readonly columns: readonly Column[]; readonly byStartBit: readonly Column[] };
/** `physical` is undefined where the raw value says a state in the place of a number. */
type Present = {
  readonly column: Column;
  readonly raw: number | bigint;
  readonly physical: number | bigint | undefined;
};

/**
 * A decoder for the frames of a log. What is declared for the interface of a frame goes before what is declared for all.
 * Throws `dbc.invalid` when two files declare the same id for the same interface.
 */
export function createFrameDecoder(sources: readonly DecodedLog[]): FrameDecoder {
  const table = logTable(sources);
  const messages = sources.flatMap(({ database }) => database.messages);
  const layouts = messages.map((message, index) => layoutOf(table, table.messages[index], message));
  const finder = new LogMessages(table);
  return {
    json: (logged) => {
      const found = finder.find(logged);
      const layout = typeof found === "object" ? layouts[found.message.index] : undefined;
      const present = typeof found === "object" ? decode(table, found, layout?.columns ?? []) : [];
      return frameJson(logged, layout, present);
    },
    text: (logged) => {
      const found = finder.find(logged);
      if (found === "part") return ":: Part of a message of several frames";
      if (found === undefined) return unknownText(logged.frame);
      const { name: messageName, byStartBit } = layouts[found.message.index];
      const values = decode(table, found, byStartBit).map(valueText);
      return `:: ${printable(messageName)}(${values.join(", ")})`;
    },
  };
}

function layoutOf(table: SignalTable, message: MessageEntry, declared: DbcMessage): Layout {
  const columns = declared.signals.map((signal, index): Column => {
    const entry = table.signals[message.firstSignal + index];
    return { entry, signal, key: `${JSON.stringify(signal.name)}:` };
  });
  // The order in which cantools lists them: by the first bit in the frame.
  const position = ({ signal: { startBit, byteOrder } }: Column): number =>
    byteOrder === "little" ? startBit : (startBit & ~7) + 7 - (startBit & 7);
  return { name: declared.name, columns, byStartBit: columns.toSorted((a, b) => position(a) - position(b)) };
}

function decode(table: SignalTable, { message, bytes }: FoundMessage, columns: readonly Column[]): Present[] {
  const { length } = bytes;
  message.decode(bytes, 0, length, table.values, table.wides, table.present);
  const present: Present[] = [];
  for (const column of columns) {
    if (!isPresent(table, message, column.entry, length)) continue;
    const raw = rawOf(table, column.entry);
    const isState = stateOf(column.entry.states, raw) !== undefined;
    present.push({ column, raw, physical: isState ? undefined : physicalOf(raw, column.entry) });
  }
  return present;
}

function frameJson(
  { bus, frame: { id, flags, receivedAtUs }, timed }: LogFrame,
  layout: Layout | undefined,
  present: readonly Present[],
): string {
  const raw = present.map(({ column, raw: value }) => column.key + jsonNumber(value));
  const phys = present.flatMap(({ column, physical }) =>
    physical === undefined ? [] : [column.key + jsonNumber(physical)],
  );
  const texts = present.flatMap((value) => {
    const text = textOfValue(value);
    return text === undefined ? [] : [value.column.key + JSON.stringify(text)];
  });
  const named = texts.length === 0 ? "" : `,"text":{${texts.join(",")}}`;
  const remote = (flags & FRAME_FLAG.remote) === 0 ? "" : ',"remote":true';
  const error = (flags & FRAME_FLAG.error) === 0 ? "" : ',"error":true';
  return (
    `{"schemaVersion":1,"t":${timed ? receivedAtUs / 1_000_000 : "null"},"bus":${JSON.stringify(bus)},"id":${id},` +
    `"ext":${(flags & FRAME_FLAG.extended) !== 0},"msg":${layout === undefined ? "null" : JSON.stringify(layout.name)},` +
    `"raw":{${raw.join(",")}},"phys":{${phys.join(",")}}${named}${remote}${error}}`
  );
}

function jsonNumber(value: number | bigint): string {
  if (typeof value === "bigint") return `{"int":"${value}"}`;
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return '"NaN"';
  return value > 0 ? '"inf"' : '"-inf"';
}

function unknownText({ id, flags }: CanFrame): string {
  if ((flags & FRAME_FLAG.error) !== 0) return `:: Error frame 0x${id.toString(16)}`;
  return `:: Unknown frame id ${id} (0x${id.toString(16)})`;
}

/** What the file calls the raw value; where it does not, the state that it says. */
function textOfValue({ column: { signal, entry }, raw }: Present): string | undefined {
  return entry.kind === "integer" ? (textOf(signal.choices, raw) ?? stateOf(entry.states, raw)) : undefined;
}

function valueText(value: Present): string {
  const { physical } = value;
  const { signal, entry } = value.column;
  const choice = textOfValue(value);
  if (choice !== undefined || physical === undefined) return printable(`${signal.name}: ${choice}`);
  const unit = signal.unit === "" ? "" : ` ${signal.unit}`;
  return printable(`${signal.name}: ${numberText(physical, entry)}${unit}`);
}

/** A number that can have a fraction shows one, as cantools does: 0.0 rather than 0. */
function numberText(value: number | bigint, { kind, factor, offset }: SignalEntry): string {
  const whole = kind === "integer" && Number.isInteger(factor) && Number.isInteger(offset);
  if (whole || !Number.isInteger(value) || Math.abs(Number(value)) >= 1e16) return String(value);
  return Number(value).toFixed(1);
}
