import type {
  Carriage,
  MessageEntry,
  SignalEntry,
  SignalKind,
  StateRange,
  VssName,
} from "../../../agent/signals/signal-entry.ts";
import { SignalSlots } from "../../../agent/signals/signal-slots.ts";
import { SignalStates } from "../../../agent/signals/signal-states.ts";
import type { BusMessages, SignalTable } from "../../../agent/signals/signal-table.ts";
import type { ValueTexts } from "../../../agent/signals/value-texts.ts";

/** A signal of a hand-made table; what is absent is an unsigned 16-bit integer with factor 1. */
export type SignalSpec = {
  readonly name: string;
  readonly kind?: SignalKind;
  readonly signed?: boolean;
  readonly bits?: number;
  readonly factor?: number;
  readonly offset?: number;
  readonly unit?: string;
  readonly texts?: ValueTexts;
  readonly states?: readonly StateRange[];
  readonly spn?: number;
  readonly vss?: readonly VssName[];
};

/** A message of a hand-made table; ids count up from 0x100 on bus can0. */
export type MessageSpec = {
  readonly name: string;
  readonly bus?: string;
  readonly carriage?: Carriage;
  readonly multiplexed?: boolean;
  readonly signals: readonly SignalSpec[];
};

/**
 * A signal table without a DBC file. Decoding takes byte i of the frame as the value of signal i; a byte past the frame's length
 * makes the signal absent. Tests that need other values write them into the table's buffers.
 */
export function tableOf(specs: readonly MessageSpec[]): SignalTable {
  const signals: SignalEntry[] = [];
  const messages: MessageEntry[] = [];
  let wides = 0;
  specs.forEach(({ name, bus = "can0", carriage = "frames", multiplexed = false, signals: own }, index) => {
    const arbitrationId = 0x100 + index;
    const firstSignal = signals.length;
    for (const spec of own) {
      const { kind = "integer", signed = false, bits = 16, factor = 1, offset = 0, unit = "" } = spec;
      const wide = kind === "integer" && bits > 53 ? wides++ : -1;
      const place = { index: signals.length, bus, message: name, arbitrationId, extended: false };
      signals.push({
        ...place,
        name: spec.name,
        unit,
        factor,
        offset,
        kind,
        signed,
        bits,
        pgn: undefined,
        source: undefined,
        wide,
        texts: spec.texts,
        states: spec.states,
        spn: spec.spn,
        vss: spec.vss ?? [],
      });
    }
    messages.push(
      messageOf({
        index,
        bus,
        name,
        carriage,
        arbitrationId,
        firstSignal,
        signalCount: own.length,
        multiplexed,
        hasStates: own.some(({ states }) => states !== undefined),
      }),
    );
  });
  return {
    id: "0123456789abcdef",
    messages,
    signals,
    values: new Float64Array(signals.length),
    wides: new BigInt64Array(wides),
    present: new Uint8Array(signals.length),
    wanted: new Uint8Array(signals.length).fill(1),
    wantedMessages: new Uint8Array(messages.length).fill(1),
    // The decoders here decode all signals; whoever reads must ask `wanted`.
    want(wanted) {
      this.wanted.set(wanted);
      return 0;
    },
    states: SignalStates.of(signals.map(({ states }) => states)),
    slots: new SignalSlots(messages, signals, 0),
    bus: (name) => busMessages(messages.filter(({ bus }) => bus === name)),
  };
}

type Place = Pick<
  MessageEntry,
  "index" | "bus" | "name" | "carriage" | "arbitrationId" | "firstSignal" | "signalCount" | "multiplexed" | "hasStates"
>;

function messageOf(place: Place): MessageEntry {
  const { firstSignal, signalCount } = place;
  return {
    ...place,
    extended: false,
    pgn: undefined,
    place: `test.dbc:${place.index + 1}`,
    length: signalCount,
    neededBytes: signalCount,
    decode: (bytes, at, length, values, _wides, present) => {
      for (let index = 0; index < signalCount; index++) {
        present[firstSignal + index] = index < length ? 1 : 0;
        if (index < length) values[firstSignal + index] = bytes[at + index];
      }
    },
  };
}

function busMessages(own: readonly MessageEntry[]): BusMessages {
  const messages = own.filter(({ carriage }) => carriage === "frames");
  return {
    find: (id, extended) => messages.find((entry) => entry.arbitrationId === id && entry.extended === extended),
    filters: [],
    assembly: () => undefined,
  };
}
