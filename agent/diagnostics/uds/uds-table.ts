import type { Ecu, EcuDid, EcuSignal } from "../../../config/ecu.ts";
import type { DbcMessage, DbcSignal } from "../../signals/dbc/model.ts";
import { undeclaredMessage, undeclaredSignal } from "../../signals/dbc/undeclared.ts";
import type { TableSource } from "../../signals/table-source.ts";
import { valueTexts } from "../../signals/value-texts.ts";
import { POSITIVE, SERVICE } from "./requests.ts";

/** Bytes of an answer before the data of its identifier: the service and the identifier. */
const HEAD_BYTES = 3;

/** Data identifiers of an ECU that are read again and again. */
export type PolledEcu = { readonly ecu: Ecu; readonly dids: readonly EcuDid[] };

/** Name of the messages that hold the values of an ECU; one a data identifier, which is its id. */
export function udsMessageName(ecu: string): string {
  return `uds.${ecu}`;
}

/** An answer with one data identifier as `Pipeline.takePdu` takes it: `62 DD DD data`. */
export function udsPdu(did: number, data: Uint8Array): Uint8Array {
  return Uint8Array.of(SERVICE.read + POSITIVE, did >>> 8, did & 0xff, ...data);
}

/** The signals of data identifiers as a part of the table of signals. `file` is for people: where the ECUs are described. */
export function udsTable(bus: string, polled: readonly PolledEcu[], file: string): TableSource {
  const messages = polled.flatMap(({ ecu, dids }) => dids.map((did) => messageOf(ecu, did)));
  return { bus, file, carriage: "pdus", database: { version: "", nodes: [], messages } };
}

function messageOf(ecu: Ecu, did: EcuDid): DbcMessage {
  return undeclaredMessage({
    id: did.id,
    // So many bits as a data identifier has do not fit into 11.
    extended: true,
    name: udsMessageName(ecu.name),
    length: HEAD_BYTES + (did.length ?? 0),
    sender: ecu.name,
    comment: did.summary,
    signals: did.signals.map(dbcSignal),
  });
}

function dbcSignal({ texts, startBit, ...signal }: EcuSignal): DbcSignal {
  const choices = valueTexts(Object.entries(texts ?? {}).map(([raw, text]) => [Number(raw), text]));
  return undeclaredSignal({ ...signal, startBit: HEAD_BYTES * 8 + startBit, choices });
}
