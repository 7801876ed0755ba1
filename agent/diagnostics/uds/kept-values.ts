import type { Ecu } from "../../../config/ecu.ts";
import type { CodeRecords } from "./code-answers.ts";
import { type DataValue, hexOf, valuesOf } from "./data-values.ts";

/** One record that an ECU keeps with a code: a snapshot, or a record of extended data. */
export type KeptRecord = { readonly record: number; readonly values: readonly DataValue[] };

/** What snapshots say. Of a data identifier that the catalogue has no length for, the bytes from there on are one value. */
export function snapshotValues(ecu: Ecu, { data, rest }: CodeRecords): readonly KeptRecord[] {
  const one = ({ record, id, bytes }: CodeRecords["data"][number]): KeptRecord => {
    const did = ecu.dids.find((known) => known.id === id);
    return { record, values: valuesOf(did ?? nameless(`did_${hex(id, 4)}`), bytes) };
  };
  const known = data.map(one);
  return merged(rest === undefined ? known : [...known, unread(rest.record, `did_${hex(rest.id, 4)}`, rest.bytes)]);
}

/** What extended data says, as `snapshotValues`. */
export function extendedValues(ecu: Ecu, { data, rest }: CodeRecords): readonly KeptRecord[] {
  const shapeOf = (record: number) =>
    ecu.troubleCodes.extendedData.find((known) => known.record === record) ?? nameless(nameOf(record));
  const known = data.map(({ record, bytes }) => ({ record, values: valuesOf(shapeOf(record), bytes) }));
  return rest === undefined ? known : [...known, unread(rest.record, nameOf(rest.record), rest.bytes)];
}

/** The text of a code in the catalogue, "P0301-1F" before "P0301"; undefined where it has none. */
export function codeText({ troubleCodes: { names } }: Ecu, code: string): string | undefined {
  return names[code] ?? names[code.slice(0, 5)];
}

/** Data of a snapshot stands one identifier after the other, and belongs together by its record. */
function merged(records: readonly KeptRecord[]): readonly KeptRecord[] {
  return [...Map.groupBy(records, ({ record }) => record)].map(([record, parts]) => ({
    record,
    values: parts.flatMap(({ values }) => values),
  }));
}

function unread(record: number, name: string, bytes: Uint8Array): KeptRecord {
  return { record, values: [{ name, value: hexOf(bytes), unit: "" }] };
}

function nameless(name: string) {
  return { name, text: undefined, signals: [] };
}

function nameOf(record: number): string {
  return `extended_data_${hex(record, 2)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
