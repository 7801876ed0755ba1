import { printable } from "../core/plain-text.ts";
import { type CanFrame, FRAME_FLAG } from "../ports/frame.ts";
import { createSignalTable } from "../signals/build-table.ts";
import { isPresent, physicalOf, rawOf } from "../signals/codec/signal-value.ts";
import type { DbcDatabase, DbcMessage, DbcSignal } from "../signals/dbc/model.ts";
import type { MessageEntry, SignalEntry } from "../signals/signal-entry.ts";
import { stateOf } from "../signals/signal-states.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import type { MessageAssembly } from "../signals/transport/message-assembly.ts";
import { textOf } from "../signals/value-texts.ts";

/** A frame of a log: its bus, and whether the log has its time. */
export type LogFrame = { readonly bus: string; readonly frame: CanFrame; readonly timed: boolean };

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
type FoundMessage = { readonly message: MessageEntry; readonly bytes: Uint8Array };
/** `physical` is undefined where the raw value says a state in the place of a number. */
type Present = {
  readonly column: Column;
  readonly raw: number | bigint;
  readonly physical: number | bigint | undefined;
};

/** A DBC file, and the interface of the log whose frames it describes; those of all when there is none. */
export type DecodedLog = {
  readonly file: string;
  readonly database: DbcDatabase;
  readonly interface: string | undefined;
};

/** In the table: the bus of the files that are given for the log as a whole. No interface has this name. */
const EVERY = "*";

/**
 * A decoder for the frames of a log. What is declared for the interface of a frame goes before what is declared for all.
 * Throws `dbc.invalid` when two files declare the same id for the same interface.
 */
export function createFrameDecoder(sources: readonly DecodedLog[]): FrameDecoder {
  const table = createSignalTable(sources.map((source) => ({ ...source, bus: source.interface ?? EVERY })));
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

/** The messages in the frames of a log, which must come in their order, each once. */
class LogMessages {
  readonly #table: SignalTable;
  /** By bus of the log: for its own files, and for those of all. */
  readonly #assemblies = new Map<string, readonly MessageAssembly[]>();

  constructor(table: SignalTable) {
    this.#table = table;
  }

  find({ bus, frame }: LogFrame): FoundMessage | "part" | undefined {
    const { id, flags, data } = frame;
    if ((flags & FRAME_FLAG.error) !== 0) return undefined;
    const extended = (flags & FRAME_FLAG.extended) !== 0;
    // A remote frame asks for data and has none.
    const bytes = (flags & FRAME_FLAG.remote) === 0 ? data : data.subarray(0, 0);
    const message = this.#table.bus(bus).find(id, extended) ?? this.#table.bus(EVERY).find(id, extended);
    if (message !== undefined) return { message, bytes };
    return extended && bytes === data ? this.#findWhole(bus, frame) : undefined;
  }

  #findWhole(bus: string, { id, data, receivedAtUs }: CanFrame): FoundMessage | "part" | undefined {
    let found: FoundMessage | "part" | undefined;
    for (const assembly of this.#assembliesOf(bus)) {
      const step = assembly.take(id, data, 0, data.length, receivedAtUs);
      const message = assembly.carrier(id);
      if (typeof step === "object") found ??= { message: step.message, bytes: step.whole.bytes };
      else if (message !== undefined) found ??= { message, bytes: data };
      else found ??= step;
    }
    return found;
  }

  #assembliesOf(bus: string): readonly MessageAssembly[] {
    const known = this.#assemblies.get(bus);
    if (known !== undefined) return known;
    const fresh = [this.#table.bus(bus).assembly(), this.#table.bus(EVERY).assembly()];
    const assemblies = fresh.filter((one) => one !== undefined);
    this.#assemblies.set(bus, assemblies);
    return assemblies;
  }
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
