import { exactNameOf, isNamed, type MessageName, parseMessageName } from "./message-name.ts";
import { isAnyAddress, pgnOf, sourceOf } from "./pgn.ts";
import type { MessageEntry, SignalEntry } from "./signal-entry.ts";
import type { SignalTable } from "./signal-table.ts";

const FORM = /^(?:([^/]+)\/)?([^/]+)$/;

/** The table as far as names need it. */
export type NamedTable = Pick<SignalTable, "messages" | "signals">;

/** The signal that a name stands for, or why it stands for none. */
export type FoundSignal =
  | { readonly kind: "signal"; readonly signal: SignalEntry }
  | { readonly kind: "unfit"; readonly problem: string };

/**
 * The one signal that `name` stands for:
 *
 *     MESSAGE.SIGNAL                where one message of all buses has it
 *     BUS/MESSAGE.SIGNAL            where one message of the bus has it
 *     BUS/MESSAGE@0xID.SIGNAL       where several do; 11-bit ids have up to 3 hexadecimal digits, 29-bit ids 8. Without BUS/ too.
 *
 * Of a message that is known by its PGN the id picks the sender too: EEC1@0x0cf00400.EngineSpeed is what source address 0 sends;
 * with the id of the DBC file, or with source address 254 or 255, it is what any sends.
 *
 * A path in VSS, such as Vehicle.Speed, stands for the signal that is mapped to it, with the unit, factor and offset that its values have
 * there; names of DBC files go before. One whose values are mapped one by one, or by an expression, has none that are numbers of one scale.
 *
 * A name of several stands for none: which was meant is not guessed. Names of messages may have dots: obd.engine.engine_speed is
 * engine_speed of obd.engine.
 */
export function findSignal(table: NamedTable, name: string): FoundSignal {
  const found = signalsNamed(table, name);
  const [first, second] = found;
  if (first === undefined) return findByPath(table, name);
  if (second === undefined) return { kind: "signal", signal: first.signal };
  if (found.every(({ message }) => message === first.message)) {
    const problem = `${name} is in several branches of a multiplexer (${first.message.place}): no name picks one`;
    return { kind: "unfit", problem };
  }
  const places = found.map(({ message, signal }) => `${exactSignalName(signal)} (${message.place})`);
  return { kind: "unfit", problem: `${name} is ${found.length} signals, write which: ${places.join(", ")}` };
}

function findByPath({ signals }: NamedTable, path: string): FoundSignal {
  const found = signals.flatMap((signal) =>
    signal.vss.filter((name) => name.path === path).map(({ unit, value }) => ({ signal, unit, value })),
  );
  const [first, second] = found;
  if (first === undefined) return { kind: "unfit", problem: `there is no signal ${path}` };
  if (second !== undefined) {
    const names = found.map(({ signal }) => exactSignalName(signal)).join(", ");
    return { kind: "unfit", problem: `${path} is ${found.length} signals, write which: ${names}` };
  }
  const { signal, unit, value } = first;
  if (value.kind !== "linear") {
    const how = value.kind === "values" ? "one by one" : "by an expression";
    return {
      kind: "unfit",
      problem: `the values of ${path} are mapped ${how}; name ${exactSignalName(signal)} itself`,
    };
  }
  const { factor, offset } = value;
  const scale = { factor: signal.factor * factor, offset: signal.offset * factor + offset };
  return { kind: "signal", signal: { ...signal, ...scale, unit } };
}

/** "BUS/MESSAGE@0xID.SIGNAL". */
export function exactSignalName(signal: SignalEntry): string {
  return `${signal.bus}/${exactMessageName(signal)}.${signal.name}`;
}

/** "MESSAGE@0xID" of the signal's message. */
export function exactMessageName({ message, arbitrationId, extended }: SignalEntry): string {
  return exactNameOf({ name: message, id: arbitrationId, extended });
}

function signalsNamed(
  { messages, signals }: NamedTable,
  name: string,
): readonly { readonly message: MessageEntry; readonly signal: SignalEntry }[] {
  const match = FORM.exec(name);
  const [, bus, path = ""] = match ?? [];
  return splitsOf(path).flatMap(({ wanted, signalName }) =>
    messages
      .filter((message) => (bus === undefined || message.bus === bus) && isMeant(message, wanted))
      .flatMap((message) => {
        const own = signals.slice(message.firstSignal, message.firstSignal + message.signalCount);
        const source = senderOf(message, wanted);
        return own
          .filter((signal) => signal.name === signalName)
          .map((signal) => ({ message, signal: source === undefined ? signal : { ...signal, source } }));
      }),
  );
}

/** What "MESSAGE.SIGNAL" may mean: one way a dot. */
function splitsOf(path: string): readonly { readonly wanted: MessageName; readonly signalName: string }[] {
  const parts = path.split(".");
  return parts.slice(1).flatMap((_, at) => {
    const wanted = parseMessageName(parts.slice(0, at + 1).join("."));
    return wanted === undefined ? [] : [{ wanted, signalName: parts.slice(at + 1).join(".") }];
  });
}

function isMeant(message: MessageEntry, wanted: MessageName): boolean {
  if (isNamed(asNamed(message), wanted)) return true;
  const { name, id } = wanted;
  return name === message.name && id?.extended === true && message.pgn !== undefined && pgnOf(id.value) === message.pgn;
}

/** The source address that an id names beside the message; undefined for any. */
function senderOf({ pgn, arbitrationId }: MessageEntry, { id }: MessageName): number | undefined {
  if (pgn === undefined || id === undefined || id.value === arbitrationId) return undefined;
  const source = sourceOf(id.value);
  return isAnyAddress(source) ? undefined : source;
}

function asNamed({ name, arbitrationId, extended }: MessageEntry) {
  return { name, id: arbitrationId, extended };
}
