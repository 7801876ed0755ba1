import { type Command, InvalidArgumentError } from "commander";
import { KnownTables } from "../../consumer/input/known-tables.ts";
import { AgentError, EXIT } from "../../core/errors.ts";
import { exactLine } from "../../core/exact-json.ts";
import { formatCounted } from "../../core/quantity.ts";
import { ClockBook } from "../../telemetry/record/read/clock-book.ts";
import { stampOf, type TimeCorrection } from "../../telemetry/record/read/correct-times.ts";
import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";
import { type CliContext, note, printLine } from "../context.ts";
import { KEY_OPTION, type PayloadReader, payloadReader } from "../payload-reader.ts";
import { eachRecord, fileSource, fileSources, recordsOf, type Source, stdinSource } from "../record-files.ts";
import { SampleDecoder } from "../sample-decoder.ts";
import { csvOutput, ndjsonOutput, type SampleOutput, timesOf } from "../sample-output.ts";
import { TimeQueue } from "../time-queue.ts";

const FORMATS = ["ndjson", "csv", "parquet"] as const;
type Format = (typeof FORMATS)[number];

type DecodeOptions = {
  readonly samples?: true;
  readonly records?: true;
  readonly table: readonly string[];
  readonly format: Format;
  readonly output?: string;
  readonly key?: string;
  readonly correctTime?: true;
};

/** `causeway records decode`: payloads as received from the broker to NDJSON, CSV or Parquet. */
export function registerDecode(records: Command, context: CliContext): void {
  records
    .command("decode")
    .description("payloads as received from the broker to NDJSON, CSV or Parquet; stdin without a file")
    .argument("[file...]", "payloads, compressed or not, or folders of them; a line end that a tool added is borne")
    .option("--samples", "one sample a line (default)")
    .option("--records", "one record a line, with the raw values as they are in the record")
    .option("--format <format>", "ndjson, csv or parquet", formatArgument, "ndjson")
    .option("-o, --output <path>", "of parquet: the file, or a folder for samples.parquet and events.parquet")
    .option(
      "--table <file>",
      "payload with (a part of) the signal table, beside those among the files; may be repeated",
      (file: string, before: readonly string[]): readonly string[] => [...before, file],
      [],
    )
    .option(
      "--correct-time",
      "make times right by all that the records say of the vehicle's clock, and say of each whether it is",
    )
    .option(...KEY_OPTION)
    .addHelpText("after", HELP)
    .action((files: string[], options: DecodeOptions) => decodeRecords(context, files, options));
}

const HELP = `
Samples need the signal table for names and physical values: the retained payload of the topic dt/causeway/{thing}/schema/{id}.
Without it they have the index of the signal and the raw value; CSV and Parquet leave them out, and say so at the end. Those of a campaign
that sends rows or JSON need none, and have no raw value. Triggers and reports of campaigns are shown by --records.

A file, and stdin, holds one payload, or many: in lines, each in hexadecimal as mosquitto_sub -F %x prints it, in base64 or as JSON; or each
after its length as protobuf's delimited streams have it. On stdin they are printed as they come; tables must come first, or soon after.
CSV and Parquet have a column each for what names a sample, and times that later anchors of the same boot have put right.

--correct-time looks at all records first: at every moment at which the clock of a boot was right, and at what lies before and after a boot
that was never given the time. JSON lines have correctedUs beside the times of the vehicle, timeBasis (clock, corrected, guessed, unknown) and
errorMs, an estimate; in CSV and Parquet time_us is right, and time_basis says so. On stdin records wait for that, in their order, 10,000 at most.

A file, such as a support bundle, comes in parts of one name; --records gives each with its content in base64.

Examples:
  mosquitto_sub -N -C 1 -t 'dt/causeway/truck-0001/telemetry' ... > record.bin
  mosquitto_sub -N -C 1 -t 'dt/causeway/truck-0001/schema/+' ... > table.bin
  causeway records decode --table table.bin record.bin
  mosquitto_sub -F %x -t 'dt/causeway/+/schema/+' -t 'dt/causeway/+/telemetry' ... | causeway records decode --format csv
  causeway records decode --format parquet -o drive.parquet received/`;

function formatArgument(text: string): Format {
  const format = FORMATS.find((one) => one === text);
  if (format === undefined) throw new InvalidArgumentError(`Give one of ${FORMATS.join(", ")}.`);
  return format;
}

async function decodeRecords(context: CliContext, files: readonly string[], options: DecodeOptions): Promise<void> {
  checkOptions(options);
  const reader = await payloadReader(options.key);
  const isStream = files.length === 0;
  const sources = isStream ? [stdinSource(context)] : await fileSources(context, files);
  const book = options.correctTime === true ? new ClockBook() : undefined;
  const tables = new KnownTables();
  for (const file of options.table) await giveTable(reader, fileSource(context, file), tables);
  // What comes after in files is known before; a stream is heard once.
  if (!isStream && !(options.records === true && book === undefined)) {
    await learnAll(context, reader, sources, (record) => {
      tables.learn(record);
      book?.learn(record);
    });
  }
  const each = async (next: (record: DecodedRecord) => Promise<void> | void): Promise<void> => {
    const take = async (record: DecodedRecord): Promise<void> => {
      await next(record);
      await context.terminal.stdout.drained?.();
    };
    await (isStream && book !== undefined
      ? eachInTime(context, reader, sources, { book, take })
      : eachRecord(context, reader, sources, take));
    if (book !== undefined && book.leftOut > 0)
      note(
        context,
        `${formatCounted(book.leftOut, "record is", "records are")} of boots beyond the first 100,000: not corrected`,
      );
  };
  if (options.records === true) return each((record) => printLine(context, recordLine(record, book)));
  const output = await outputOf(context, options);
  const correctionOf = (record: DecodedRecord): TimeCorrection => (book ?? tables).correctionOf(record);
  const decoder = new SampleDecoder({ output, tables, learns: isStream, correctionOf });
  try {
    await each((record) => decoder.take(record));
    await decoder.finish();
  } catch (thrown) {
    await output.discard();
    throw thrown;
  }
  summarise(context, decoder);
}

function recordLine(record: DecodedRecord, book: ClockBook | undefined): string {
  if (book === undefined) return exactLine({ schemaVersion: 1, ...record });
  const timeUs = stampOf(record.body) ?? record.anchor.wallUs;
  return exactLine({ schemaVersion: 1, ...record, ...timesOf(book.correctionOf(record), timeUs) });
}

type InTime = { readonly book: ClockBook; readonly take: (record: DecodedRecord) => Promise<void> };

/** As `eachRecord`, of a stream, each record as soon as something is known of its clock. */
async function eachInTime(
  context: CliContext,
  reader: PayloadReader,
  sources: readonly Source[],
  { book, take }: InTime,
): Promise<void> {
  const queue = new TimeQueue(book, take);
  await eachRecord(context, reader, sources, (record) => queue.take(record));
  await queue.finish();
  if (queue.early > 0)
    note(
      context,
      `${formatCounted(queue.early, "record")} could not wait until their clock was known: give files instead of stdin`,
    );
}

function checkOptions({ samples, records, format, output }: DecodeOptions): void {
  const wrong = (what: string, remedy: string): AgentError => new AgentError("usage.invalid", { what, remedy });
  if (samples === true && records === true)
    throw wrong("--samples and --records exclude each other", "Give one of the two.");
  if (records === true && format !== "ndjson")
    throw wrong(`--records has no form in ${format}`, "Leave --format out, or --records.");
  if (format === "parquet" && output === undefined)
    throw wrong("Parquet is no text for a terminal or a pipe", "Give a file or a folder with -o.");
  if (format !== "parquet" && output !== undefined)
    throw wrong(`-o is for --format parquet; ${format} goes to stdout`, "Send stdout to a file with >.");
}

async function outputOf(context: CliContext, options: DecodeOptions): Promise<SampleOutput> {
  const { format, output = "", correctTime = false } = options;
  if (format === "ndjson") return ndjsonOutput(context, correctTime);
  if (format === "csv") return csvOutput(context);
  // Only this form needs the package that writes it.
  const { parquetOutput } = await import("../parquet-output.ts");
  return parquetOutput(output);
}

async function giveTable(reader: PayloadReader, source: Source, tables: KnownTables): Promise<void> {
  for await (const record of recordsOf(reader, source)) {
    if (record instanceof AgentError) throw record;
    if (record.body.kind !== "table") {
      throw new AgentError("input.malformed", {
        what: `${source.name}: holds ${record.body.kind}, not a signal table`,
        remedy: "Give the retained payload of the topic dt/causeway/{thing}/schema/{id}.",
      });
    }
    tables.give(record.body);
  }
}

async function learnAll(
  context: CliContext,
  reader: PayloadReader,
  sources: readonly Source[],
  learn: (record: DecodedRecord) => void,
): Promise<void> {
  for (const source of sources) {
    for await (const record of recordsOf(reader, source)) {
      if (context.signal.aborted) return;
      // What is wrong is told when the records are printed.
      if (!(record instanceof AgentError)) learn(record);
    }
  }
}

function summarise(context: CliContext, { unknownTables, leftOut, otherRecords }: SampleDecoder): void {
  for (const table of unknownTables) {
    note(context, `signal table ${table} is missing or incomplete: give it with --table for names and units`);
  }
  if (leftOut > 0) {
    note(context, `${formatCounted(leftOut, "record is", "records are")} left out for want of their signal table`);
    context.finish(EXIT.badInput);
  }
  if (otherRecords > 0)
    note(
      context,
      `${formatCounted(otherRecords, "record holds", "records hold")} no samples: show them with --records`,
    );
}
