import type { DbcMessage, DbcSignal, Multiplexing } from "../../signals/dbc/model.ts";
import { undeclaredMessage, undeclaredSignal } from "../../signals/dbc/undeclared.ts";
import type { TableSource } from "../../signals/table-source.ts";
import { CURRENT_DATA_ANSWER } from "./current-data.ts";
import type { Pid, PidSignal } from "./pid.ts";
import { pidOf } from "./pid-table.ts";

/** Bytes of an answer before the data of its PID: the service and the PID. */
const HEAD_BYTES = 2;

/** What the table of signals has of OBD-II on one bus. */
export type ObdSignals = {
  readonly bus: string;
  /** ECUs by their names. */
  readonly ecus: readonly string[];
  /** PIDs of service 01; those that the table of PIDs does not have are left out. */
  readonly pids: readonly number[];
  /** For people: where the ECUs and PIDs are named. */
  readonly file: string;
};

/** Name of the messages that hold the values of an ECU; one a PID, which is its id. */
export function obdMessageName(ecu: string): string {
  return `obd.${ecu}`;
}

/** An answer with one PID as `Pipeline.takePdu` takes it: `41 PID data`. */
export function obdPdu(pid: number, data: Uint8Array): Uint8Array {
  return Uint8Array.from([CURRENT_DATA_ANSWER, pid, ...data]);
}

/**
 * The values of some PIDs as a part of the table of signals: a message for each ECU and PID, which is its id. A value that has a support bit
 * is there only while that bit says so.
 */
export function obdTable({ bus, ecus, pids, file }: ObdSignals): TableSource {
  const known = [...new Set(pids)].sort((left, right) => left - right).flatMap((pid) => pidOf(pid) ?? []);
  const messages = known.flatMap((pid) => {
    const signals = signalsOf(pid);
    return ecus.map((ecu) => messageOf(ecu, pid, signals));
  });
  return { bus, file, carriage: "pdus", database: { version: "", nodes: [], messages } };
}

function messageOf(ecu: string, { pid, bytes }: Pid, signals: readonly DbcSignal[]): DbcMessage {
  const name = obdMessageName(ecu);
  return undeclaredMessage({ id: pid, extended: false, name, length: HEAD_BYTES + bytes, sender: ecu, signals });
}

function signalsOf({ pid, signals }: Pid): readonly DbcSignal[] {
  const gates = new Map<number, DbcSignal>();
  for (const bit of new Set(signals.flatMap(({ when }) => when?.bit ?? []))) {
    const declared = signals.find((signal) => signal.bit === bit && signal.bits === 1) ?? supportBit(pid, bit);
    gates.set(bit, { ...dbcSignal(declared), multiplexer: true });
  }
  const values = signals
    .filter(({ bit, bits }) => bits > 1 || !gates.has(bit))
    .map((signal) => ({ ...dbcSignal(signal), multiplexing: gateOf(signal, gates) }));
  return [...gates.values(), ...values];
}

function gateOf({ when }: PidSignal, gates: ReadonlyMap<number, DbcSignal>): Multiplexing | undefined {
  const gate = when === undefined ? undefined : gates.get(when.bit);
  return when === undefined || gate === undefined ? undefined : { by: gate.name, ranges: [[when.value, when.value]] };
}

/** A bit that says whether the ECU has a value: "support_67_a0" is bit A0 of PID 67. */
function supportBit(pid: number, bit: number): PidSignal {
  const letter = String.fromCharCode("a".charCodeAt(0) + (bit >>> 3));
  const name = `support_${pid.toString(16).padStart(2, "0")}_${letter}${7 - (bit & 7)}`;
  return { name, bit, bits: 1, factor: 1, offset: 0, unit: "" };
}

function dbcSignal({ bit, signed, texts, name, bits, factor, offset, unit }: PidSignal): DbcSignal {
  const position = HEAD_BYTES * 8 + bit;
  return undeclaredSignal({
    name,
    startBit: (position & ~7) + 7 - (position & 7),
    bits,
    byteOrder: "big",
    kind: "integer",
    signed: signed === true,
    factor,
    offset,
    unit,
    choices: texts,
  });
}
