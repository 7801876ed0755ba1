import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const VALUES = { program: 1, values: 2, timeUs: 3 } as const;
const VALUE = { name: 1, number: 2, flag: 3, text: 4, unit: 5, timeUs: 6 } as const;
const BYTES = { program: 1, contentType: 2, content: 3, timeUs: 4 } as const;

/** Bytes of a value beside its texts. */
const VALUE_BYTES = 64;

/** A value that another program handed over. */
export type ProgramValue = {
  readonly name: string;
  readonly value: number | boolean | string;
  /** Empty where there is none. */
  readonly unit: string;
  /** µs since the Unix epoch, by the clock of the program. */
  readonly timeUs: number;
};

/** Values that a program handed over together. */
export type ProgramValues = {
  /** As it calls itself. */
  readonly program: string;
  readonly values: readonly ProgramValue[];
  /** When they were taken, µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Bytes that a program handed over, in a form that it alone knows. */
export type ProgramBytes = {
  readonly program: string;
  /** Media type. */
  readonly contentType: string;
  readonly content: Uint8Array;
  readonly timeUs: number;
};

export type ProgramRecord = ({ readonly kind: "values" } & ProgramValues) | ({ readonly kind: "bytes" } & ProgramBytes);

/** Writes the `ProgramValues` or `ProgramBytes` message, each as its field of `fields`. Nothing is cut: who takes values bounds them. */
export function writeProgramRecord(
  writer: ProtobufWriter,
  fields: Readonly<Record<ProgramRecord["kind"], number>>,
  record: ProgramRecord,
): void {
  if (record.kind === "values") writeValues(writer, fields.values, record);
  else writeBytes(writer, fields.bytes, record);
}

function writeValues(writer: ProtobufWriter, field: number, { program, values, timeUs }: ProgramValues): void {
  writer.begin(field, VALUE_BYTES * (values.length + 1));
  writer.stringField(VALUES.program, program);
  for (const { name, value, unit, timeUs: valueTimeUs } of values) {
    writer.begin(VALUES.values, VALUE_BYTES);
    writer.stringField(VALUE.name, name);
    if (typeof value === "number") writer.presentDoubleField(VALUE.number, value);
    else if (typeof value === "boolean") writer.presentUintField(VALUE.flag, value ? 1 : 0);
    else writer.presentStringField(VALUE.text, value);
    writer.stringField(VALUE.unit, unit);
    writer.sintField(VALUE.timeUs, valueTimeUs);
    writer.end();
  }
  writer.sintField(VALUES.timeUs, timeUs);
  writer.end();
}

function writeBytes(writer: ProtobufWriter, field: number, record: ProgramBytes): void {
  const { program, contentType, content, timeUs } = record;
  writer.begin(field, VALUE_BYTES + content.length);
  writer.stringField(BYTES.program, program);
  writer.stringField(BYTES.contentType, contentType);
  writer.bytesField(BYTES.content, content);
  writer.sintField(BYTES.timeUs, timeUs);
  writer.end();
}
