import type { Command } from "commander";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { AgentError } from "../../core/errors.ts";
import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";
import { createRecordReader, type RecordReader } from "../../telemetry/record/read/record-reader.ts";
import { SignalTables, samplesOf } from "../../telemetry/record/read/samples.ts";
import { type CliContext, note, printLine } from "../context.ts";
import { exactLine } from "../exact-json.ts";
import { eachRecord, fileSource, readRecord, type Source, stdinSource } from "../record-files.ts";
import { registerExport } from "./records-export.ts";

type DecodeOptions = { readonly samples?: true; readonly records?: true; readonly table: readonly string[] };

/** `causeway records decode|export`: payloads as received from the broker to NDJSON, or to a log of frames; works with the daemon down. */
export function registerRecords(program: Command, context: CliContext): void {
  const records = program.command("records").description("read stored or received records");
  registerExport(records, context);
  records
    .command("decode")
    .description("payload files as received from the broker to NDJSON; stdin without a file")
    .argument("[file...]", "one payload a file, compressed or not; a line end that a tool added is borne")
    .option("--samples", "one sample a line (default)")
    .option("--records", "one record a line, with the raw values as they are in the record")
    .option(
      "--table <file>",
      "payload with (a part of) the signal table, beside those among the files; may be repeated",
      (file: string, before: readonly string[]): readonly string[] => [...before, file],
      [],
    )
    .addHelpText(
      "after",
      `
Samples need the signal table for names and physical values: the retained payload of the topic dt/causeway/{thing}/schema/{id}.
Without it they have the index of the signal and the raw value. Those of a campaign that sends rows or JSON need none, and have no raw value.
Triggers and reports of campaigns are shown by --records.

A file, such as a support bundle, comes in parts of one name; --records gives each with its content in base64.

Examples:
  mosquitto_sub -N -C 1 -t 'dt/causeway/truck-0001/telemetry' ... > record.bin
  mosquitto_sub -N -C 1 -t 'dt/causeway/truck-0001/schema/+' ... > table.bin
  causeway records decode --table table.bin record.bin`,
    )
    .action((files: string[], options: DecodeOptions) => decodeRecords(context, files, options));
}

async function decodeRecords(context: CliContext, files: readonly string[], options: DecodeOptions): Promise<void> {
  if (options.samples === true && options.records === true) {
    throw new AgentError("usage.invalid", {
      what: "--samples and --records exclude each other",
      remedy: "Give one of the two.",
    });
  }
  const reader = createRecordReader(readDescriptor());
  const sources = files.length === 0 ? [stdinSource(context)] : files.map(fileSource);
  if (options.records === true) {
    await eachRecord(context, reader, sources, (record) =>
      printLine(context, exactLine({ schemaVersion: 1, ...record })),
    );
    return;
  }
  const tables = await findTables(context, reader, sources, options.table);
  const printer = new SamplePrinter(context, tables);
  await eachRecord(context, reader, sources, (record) => printer.print(record));
  printer.summarise();
}

/** Tables may come after the records that need them, so all inputs are looked through first. */
async function findTables(
  context: CliContext,
  reader: RecordReader,
  sources: readonly Source[],
  tableFiles: readonly string[],
): Promise<SignalTables> {
  const tables = new SignalTables();
  for (const source of tableFiles.map(fileSource)) {
    const { body } = await readRecord(reader, source);
    if (body.kind !== "table") {
      throw new AgentError("input.malformed", {
        what: `${source.name}: holds ${body.kind}, not a signal table`,
        remedy: "Give the retained payload of the topic dt/causeway/{thing}/schema/{id}.",
      });
    }
    tables.add(body);
  }
  for (const source of sources) {
    if (context.signal.aborted) break;
    try {
      const { body } = await readRecord(reader, source);
      if (body.kind === "table") tables.add(body);
    } catch (thrown) {
      // It is told when the records are printed.
      if (!(thrown instanceof AgentError)) throw thrown;
    }
  }
  return tables;
}

/** Prints the samples of records, and at the end what could not be shown. */
class SamplePrinter {
  readonly #context: CliContext;
  readonly #tables: SignalTables;
  readonly #unknownTables = new Set<string>();
  #otherRecords = 0;

  constructor(context: CliContext, tables: SignalTables) {
    this.#context = context;
    this.#tables = tables;
  }

  print(record: DecodedRecord): void {
    const { body } = record;
    if (body.kind !== "samples" && body.kind !== "rows") {
      if (body.kind !== "table") this.#otherRecords += 1;
      return;
    }
    for (const sample of samplesOf(record, this.#tables)) {
      if (body.kind === "samples" && sample.physical === undefined) this.#unknownTables.add(body.table);
      printLine(this.#context, exactLine({ schemaVersion: 1, ...sample }));
    }
  }

  summarise(): void {
    for (const table of this.#unknownTables) {
      note(this.#context, `signal table ${table} is missing or incomplete: give it with --table for names and units`);
    }
    if (this.#otherRecords > 0) {
      note(this.#context, `${this.#otherRecords} records hold no samples: show them with --records`);
    }
  }
}
