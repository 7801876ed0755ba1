import { idKey } from "../ports/arbitration-id.ts";
import { neededBytesOf } from "../signals/codec/layout.ts";
import type { DbcMessage, DbcSignal } from "../signals/dbc/model.ts";
import { undeclaredMessage, undeclaredSignal } from "../signals/dbc/undeclared.ts";
import { exactNameOf } from "../signals/message-name.ts";
import type { TableSource } from "../signals/table-source.ts";
import type { DecoderManifest, ManifestSignal } from "./read/decoder-manifest.ts";
import type { Refusal } from "./read/document.ts";

/** Longest classic CAN frame, bytes. */
const CLASSIC_BYTES = 8;

/** The signals of a manifest as a part of a signal table. */
export type ManifestTable = {
  /** One a bus, in the order of the manifest. */
  readonly sources: readonly TableSource[];
  /** By signal id: "BUS/MESSAGE@0xID.SIGNAL", as campaigns name it. */
  readonly names: ReadonlyMap<number, string>;
  /** By signal id; those on a bus alone. */
  readonly signals: ReadonlyMap<number, ManifestSignal>;
  /** Signals whose interface is no bus, or whose PID nobody asks for. */
  readonly refused: readonly Refusal[];
};

/** What the vehicle has of what a manifest names. */
export type ManifestPlaces = {
  /** The bus that a manifest calls an interface; undefined for none. */
  readonly busOf: (interfaceId: string) => string | undefined;
  /** Whether a PID of OBD-II is polled on a bus. */
  readonly isPolled: (bus: string, pid: number) => boolean;
};

type Group = { readonly bus: string; readonly signals: [ManifestSignal, ...ManifestSignal[]] };

/** Name of the messages that hold PIDs of OBD-II; their id is the PID. */
export const OBD_MESSAGE = "Obd";

/**
 * The messages and signals that a manifest describes. It gives them no names: a message is "Frame123", or "Frame18fef100x" for an id of
 * 29 bits, or "Obd" with the PID for its id, and a signal "S" with its id.
 */
export function manifestTable(manifest: DecoderManifest, { busOf, isPolled }: ManifestPlaces): ManifestTable {
  const groups = new Map<string, Group>();
  const refused: Refusal[] = [];
  for (const signal of manifest.signals) {
    const bus = busOf(signal.interfaceId);
    if (bus === undefined) {
      refused.push({
        entry: `signal ${signal.id}`,
        problem: `no bus of this vehicle is interface ${signal.interfaceId}`,
      });
      continue;
    }
    if (signal.carriage === "pdus" && !isPolled(bus, signal.arbitrationId)) {
      const pid = `0x${signal.arbitrationId.toString(16).padStart(2, "0")}`;
      refused.push({ entry: `signal ${signal.id}`, problem: `PID ${pid} is not polled on ${bus}` });
      continue;
    }
    const key = `${signal.carriage} ${idKey(signal.arbitrationId, signal.extended)} ${bus}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { bus, signals: [signal] });
    else group.signals.push(signal);
  }
  const messages = [...groups.values()].map(({ bus, signals }) => ({ bus, message: messageOf(signals), signals }));
  const placed = messages.flatMap(({ bus, message, signals }) => {
    return signals.map((signal) => ({ signal, name: `${bus}/${exactNameOf(message)}.${nameOf(signal)}` }));
  });
  return {
    sources: sourcesOf(messages),
    names: new Map(placed.map(({ signal, name }) => [signal.id, name])),
    signals: new Map(placed.map(({ signal }) => [signal.id, signal])),
    refused,
  };
}

function sourcesOf(placed: readonly (Group & { readonly message: DbcMessage })[]): readonly TableSource[] {
  const sources = Map.groupBy(placed, ({ bus, signals: [{ carriage = "frames" }] }) => `${carriage} ${bus}`);
  return [...sources.values()].map((own) => {
    const [{ bus, signals }] = own;
    const [{ carriage = "frames" }] = signals;
    const messages = own.map(({ message }) => message);
    return { bus, file: "decoder manifest", carriage, database: { version: "", nodes: [], messages } };
  });
}

function messageOf(signals: Group["signals"]): DbcMessage {
  const [{ arbitrationId: id, extended, carriage }] = signals;
  const length = Math.max(...signals.map(neededBytesOf));
  return undeclaredMessage({
    id,
    extended,
    fd: carriage === undefined && length > CLASSIC_BYTES,
    name:
      carriage === "pdus"
        ? OBD_MESSAGE
        : `Frame${id.toString(16).padStart(extended ? 8 : 3, "0")}${extended ? "x" : ""}`,
    length,
    signals: signals.map(signalOf),
  });
}

function signalOf(signal: ManifestSignal): DbcSignal {
  const { startBit, bits, byteOrder, kind, signed, factor, offset } = signal;
  return undeclaredSignal({ startBit, bits, byteOrder, name: nameOf(signal), kind, signed, factor, offset, unit: "" });
}

function nameOf({ id }: ManifestSignal): string {
  return `S${id}`;
}
