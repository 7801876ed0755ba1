import { writeBusCount } from "./bus-count.ts";
import { writeCampaign } from "./campaign-ref.ts";
import { jsonMember, jsonNumber } from "./json-form.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { type Row, RowMaker } from "./rows.ts";
import type { BodyWriter, SampleRun, SampleSource } from "./sample-cutter.ts";

/** Field numbers of config/proto/telemetry.proto. */
const ROWS = { campaign: 1, trigger: 2, rows: 3, buses: 4 } as const;
const ROW = {
  name: 1,
  bus: 2,
  number: 3,
  exact: 4,
  text: 5,
  unit: 6,
  timeUs: 7,
  aggregate: 8,
  windowUs: 9,
  source: 10,
  destination: 11,
  vssPaths: 12,
} as const;

/**
 * What `decode` of a rule may add to the JSON of a row, bytes: fields that are not there as their defaults, integers as strings. The JSON is
 * what its limit of 128 KiB counts, in and out (docs.aws.amazon.com/iot/latest/developerguide/binary-payloads.html).
 */
const DECODED_EXTRA_BYTES = 120;

/** Writes the `Rows` message of one source. Its length counts as that of the JSON which a rule makes of it, and which is longer. */
export class RowsWriter implements BodyWriter {
  readonly #writer = new ProtobufWriter();
  readonly #field: number;
  readonly #maker: RowMaker;

  /** `field`: of the message in the record. */
  constructor(field: number, { schema }: SampleSource, timeUnitUs: number) {
    this.#field = field;
    this.#maker = new RowMaker(schema, timeUnitUs);
  }

  write({ campaign }: SampleSource, run: SampleRun): number {
    const writer = this.#writer;
    writer.reset();
    writer.begin(this.#field, (run.to - run.from) * 64);
    if (campaign !== undefined) writeCampaign(writer, ROWS.campaign, campaign);
    writer.uintField(ROWS.trigger, run.trigger);
    let decodedBytes = 0;
    for (const row of this.#maker.rows(run)) {
      writeRow(writer, row);
      decodedBytes += Buffer.byteLength(JSON.stringify(jsonRow(row))) + DECODED_EXTRA_BYTES;
    }
    for (const bus of run.buses) writeBusCount(writer, ROWS.buses, bus);
    writer.end();
    return Math.max(writer.length, decodedBytes);
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}

/** Writes the member "rows" of one source's records in JSON: the same as `RowsWriter` in the JSON form of protobuf. */
export class JsonRowsWriter implements BodyWriter {
  readonly #maker: RowMaker;
  #body: Uint8Array = new Uint8Array(0);

  constructor({ schema }: SampleSource, timeUnitUs: number) {
    this.#maker = new RowMaker(schema, timeUnitUs);
  }

  write({ campaign }: SampleSource, run: SampleRun): number {
    const { buses, trigger } = run;
    const rows = Array.from(this.#maker.rows(run), jsonRow);
    this.#body = jsonMember("rows", { campaign, trigger: trigger === 0 ? undefined : trigger, rows, buses });
    return this.#body.length;
  }

  finish(): Uint8Array {
    return this.#body;
  }
}

function writeRow(writer: ProtobufWriter, { name, bus, value, unit, timeUs, of }: Row): void {
  writer.begin(ROWS.rows, 64);
  writer.stringField(ROW.name, name);
  writer.stringField(ROW.bus, bus ?? "");
  if (value.number !== undefined) writer.presentDoubleField(ROW.number, value.number);
  if (value.exact !== undefined) writer.presentStringField(ROW.exact, value.exact);
  if (value.text !== undefined) writer.presentStringField(ROW.text, value.text);
  writer.stringField(ROW.unit, unit ?? "");
  writer.sintField(ROW.timeUs, timeUs);
  writer.stringField(ROW.aggregate, of.aggregate ?? "");
  writer.uintField(ROW.windowUs, of.windowUs ?? 0);
  if (of.source !== undefined) writer.presentUintField(ROW.source, of.source);
  if (of.destination !== undefined) writer.presentUintField(ROW.destination, of.destination);
  for (const path of of.vssPaths ?? []) writer.stringField(ROW.vssPaths, path);
  writer.end();
}

function jsonRow({ name, bus, value, unit, timeUs, of }: Row): unknown {
  const number = value.number === undefined ? undefined : jsonNumber(value.number);
  return { name, bus, ...value, number, unit, timeUs, ...of };
}
