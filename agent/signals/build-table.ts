import { AgentError } from "../core/errors.ts";
import { idKey, largestId } from "../ports/arbitration-id.ts";
import { EVERY_FRAME } from "../ports/can-bus.ts";
import { isWide } from "./codec/decode.ts";
import { neededBytesOf } from "./codec/layout.ts";
import type { DecodePlan } from "./codec/packed-layouts.ts";
import { type DecodedMessage, WantedDecoders } from "./codec/wanted-decoders.ts";
import type { DbcMessage } from "./dbc/model.ts";
import { filtersOf } from "./message-filters.ts";
import { placeOf } from "./message-name.ts";
import { isFastPacket, isMultiPacket } from "./pgn.ts";
import { PgnMessages } from "./pgn-messages.ts";
import type { Carriage, DecodeMessage, MessageEntry, SignalEntry, StateRange, VssName } from "./signal-entry.ts";
import { SignalSlots } from "./signal-slots.ts";
import { j1939States, SignalStates } from "./signal-states.ts";
import type { BusMessages, SignalTable } from "./signal-table.ts";
import { tableId } from "./table-id.ts";
import type { TableSource } from "./table-source.ts";
import { isCarrier, MessageAssembly, MultiPacketMessages } from "./transport/message-assembly.ts";

const DEFAULT_SENDER_SIGNALS = 16_384;
/** One for all signals that have none. */
const NO_NAMES: readonly VssName[] = [];

type Declared = { readonly message: DbcMessage; readonly file: string | undefined };
type Placed = Omit<DecodePlan, "message"> & {
  readonly bus: string;
  readonly carriage: Carriage;
  readonly message: DbcMessage;
  readonly place: string;
};

/** What signals are in the Vehicle Signal Specification. */
export type VssNaming = {
  readonly release: string;
  /** The names of each signal that has some, by its index. */
  readonly namesOf: (signals: readonly SignalEntry[]) => ReadonlyMap<number, readonly VssName[]>;
};

/**
 * The signal table of all buses: messages in the order of `sources`, each with its generated decoder.
 *
 * Several sources may name the same bus. `maxSenderSignals` bounds the slots for senders of messages that are known by PGN. Throws
 * `dbc.invalid` when two messages of one bus have the same arbitration id, or two messages of PDUs the same name and id.
 */
export function createSignalTable(
  sources: readonly TableSource[],
  maxSenderSignals: number = DEFAULT_SENDER_SIGNALS,
  naming?: VssNaming,
): SignalTable {
  const placed = placeMessages(sources);
  const present = new Uint8Array(placed.reduce((count, { message }) => count + message.signals.length, 0));
  const decoders = new WantedDecoders(placed, present);
  const messages = placed.map((place, index) => messageEntry(place, index, decoders.whole[index]));
  const signals = named(placed.flatMap(signalEntries), naming);
  const vssRelease = signals.some(({ vss }) => vss.length > 0) ? naming?.release : undefined;
  const names = new Set(sources.map((source) => source.bus));
  const buses = new Map([...names].map((bus) => [bus, busMessages(messages.filter((entry) => entry.bus === bus))]));
  const nothing = busMessages([]);
  return {
    id: tableId(signals, vssRelease),
    vssRelease,
    messages,
    signals,
    values: new Float64Array(signals.length),
    wides: new BigInt64Array(signals.filter((signal) => signal.wide >= 0).length),
    present,
    wanted: decoders.wanted,
    wantedMessages: decoders.wantedMessages,
    want: (wanted) => decoders.want(wanted, messages),
    states: SignalStates.of(signals.map((signal) => signal.states)),
    slots: new SignalSlots(messages, signals, maxSenderSignals),
    bus: (name) => buses.get(name) ?? nothing,
  };
}

function named(signals: readonly SignalEntry[], naming: VssNaming | undefined): readonly SignalEntry[] {
  const names = naming?.namesOf(signals);
  if (names === undefined) return signals;
  return signals.map((signal) => {
    const vss = names.get(signal.index);
    return vss === undefined ? signal : { ...signal, vss };
  });
}

function placeMessages(sources: readonly TableSource[]): readonly Placed[] {
  const declaredBy = new Map<string, Declared>();
  const placed: Placed[] = [];
  let firstSignal = 0;
  let firstWide = 0;
  for (const { bus, database, file, carriage = "frames" } of sources) {
    for (const message of database.messages) {
      const id = idKey(message.id, message.extended);
      const known = carriage === "frames" ? id : `${message.name} ${id}`;
      const key = `${carriage} ${known} ${bus}`;
      const declared = { message, file };
      rejectDuplicates(bus, carriage, declaredBy.get(key), declared);
      declaredBy.set(key, declared);
      placed.push({ bus, carriage, message, place: placeOf(file, message.line), firstSignal, firstWide });
      firstSignal += message.signals.length;
      firstWide += message.signals.filter(isWide).length;
    }
  }
  return placed;
}

function rejectDuplicates(bus: string, carriage: Carriage, known: Declared | undefined, declared: Declared): void {
  if (known === undefined) return;
  const { extended, id, name } = declared.message;
  if (carriage === "pdus") {
    throw new AgentError("dbc.invalid", {
      what: `bus ${bus}: ${declared.file ?? "a table"} has two messages ${name}`,
      remedy: "give each control unit of a bus a name of its own",
    });
  }
  const place = ({ message, file }: Declared): string => `${message.name} (${placeOf(file, message.line)})`;
  throw new AgentError("dbc.invalid", {
    what: `bus ${bus}: ${place(known)} and ${place(declared)} have the same ${extended ? 29 : 11}-bit id 0x${id.toString(16)}`,
    remedy: "name only one of the two DBC files for this bus, or remove one of the two messages",
  });
}

function messageEntry(
  { bus, carriage, message, place, firstSignal }: Placed,
  index: number,
  decode: DecodeMessage,
): MessageEntry & DecodedMessage {
  return {
    index,
    bus,
    name: message.name,
    carriage,
    arbitrationId: message.id,
    extended: message.extended,
    pgn: message.pgn,
    place,
    length: message.length,
    firstSignal,
    signalCount: message.signals.length,
    neededBytes: message.signals.reduce((most, signal) => Math.max(most, neededBytesOf(signal)), 0),
    cycleMs: message.cycleMs,
    multiplexed: message.signals.some((signal) => signal.multiplexing !== undefined),
    hasStates: statesOf(message).some((states) => states !== undefined),
    decode,
  };
}

function signalEntries({ bus, message, firstSignal, firstWide }: Placed): readonly SignalEntry[] {
  let wide = firstWide;
  const states = statesOf(message);
  return message.signals.map((signal, index) => ({
    index: firstSignal + index,
    bus,
    message: message.name,
    arbitrationId: message.id,
    extended: message.extended,
    name: signal.name,
    unit: signal.unit,
    factor: signal.factor,
    offset: signal.offset,
    kind: signal.kind,
    signed: signal.signed,
    bits: signal.bits,
    pgn: message.pgn,
    source: undefined,
    wide: isWide(signal) ? wide++ : -1,
    texts: signal.choices,
    states: states[index],
    spn: signal.spn,
    vss: NO_NAMES,
  }));
}

/** By signal. A message that is known by its id is taken for none of J1939, whatever the file says: the configuration does. */
function statesOf({ j1939, pgn, signals }: DbcMessage): readonly (readonly StateRange[] | undefined)[] {
  const isJ1939 = j1939 === true && pgn !== undefined;
  return signals.map((signal) => (isJ1939 ? j1939States(signal) : undefined));
}

function busMessages(own: readonly MessageEntry[]): BusMessages {
  const messages = own.filter(({ carriage }) => carriage === "frames");
  const filters = messages.length === 0 ? EVERY_FRAME : filtersOf(messages);
  if (!messages.some(isMultiPacket)) return { find: finderOf(messages), filters, assembly: () => undefined };
  const known = new MultiPacketMessages(messages);
  const carriers = messages.filter(isCarrier);
  return {
    find: finderOf(messages.filter((message) => !isCarrier(message))),
    filters,
    assembly: () => new MessageAssembly(known, finderOf(carriers)),
  };
}

/** By id, else by group. The frames of a fast packet are no messages: as they are they would give wrong values. */
function finderOf(messages: readonly MessageEntry[]): BusMessages["find"] {
  // 11-bit ids are few enough for an array that is indexed by them; -1 stands for no message, so that it holds small integers only.
  const standard = new Int32Array(largestId(false) + 1).fill(-1);
  const extended = new Map<number, MessageEntry>();
  messages.forEach((message, index) => {
    if (!message.extended) standard[message.arbitrationId] = index;
    else if (message.pgn === undefined) extended.set(message.arbitrationId, message);
  });
  const byPgn = messages.filter(({ pgn, length }) => pgn !== undefined && !isFastPacket(pgn, length));
  const groups = new PgnMessages(byPgn);
  if (byPgn.length === 0) return (id, isExtended) => (isExtended ? extended.get(id) : messages[standard[id]]);
  return (id, isExtended) => (isExtended ? (extended.get(id) ?? groups.find(id)) : messages[standard[id]]);
}
