import type { Command } from "commander";
import { AgentError, EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { formatCounted } from "../../core/quantity.ts";
import { idText } from "../../signals/dbc/field-texts.ts";
import type { DbcMessage, DbcProblem, ParsedDbc } from "../../signals/dbc/model.ts";
import { textPairs } from "../../signals/value-texts.ts";
import { configInForce } from "../config-in-force.ts";
import { type CliContext, printJson, printLine, printText } from "../context.ts";
import { encodingOption, openDatabase, readDbcFile } from "../dbc-file.ts";
import { boundJson, signalCells } from "../dbc-text.ts";
import { alignColumns, tableLines, visibleWidth, wrapLines } from "../text.ts";
import { registerDbcDiff } from "./dbc-diff.ts";
import { registerDbcMap } from "./dbc-map.ts";

type Reading = { readonly encoding?: string | undefined };
type DbcFile = Reading & { readonly file: string };

/** `causeway dbc check|list|show|diff|map`: works with the daemon down. */
export function registerDbc(program: Command, context: CliContext): void {
  const dbc = program.command("dbc").description("check and show DBC files");

  dbc
    .command("check <files...>")
    .description("errors and warnings of DBC files with line and column; ends with 65 when there is an error")
    .addHelpText("after", "\nExample:\n  causeway dbc check --json /etc/causeway/dbc/*.dbc")
    .addOption(encodingOption())
    .action(async (files: readonly string[], { encoding }: Reading) => {
      for (const file of files) await checkFile(context, { file, encoding });
    });

  dbc
    .command("list [files...]")
    .description("messages of DBC files; of those in force when none is given")
    .option("--dbc <file>", "a DBC file; may be given several times", append, [])
    .addHelpText("after", "\nExample:\n  causeway dbc list vehicle.dbc")
    .addOption(encodingOption())
    .action(async (given: readonly string[], { dbc, encoding }: Reading & { readonly dbc: readonly string[] }) => {
      const files = [...given, ...dbc].map((file) => ({ file, encoding }));
      for (const file of files.length > 0 ? files : await configuredFiles(context)) await listFile(context, file);
    });

  dbc
    .command("show <file> <message>")
    .description("one message, by name or id, with its signals and value texts")
    .addHelpText(
      "after",
      "\nExample:\n  causeway dbc show vehicle.dbc EngineStatus\n  causeway dbc show vehicle.dbc 0x1F0",
    )
    .addOption(encodingOption())
    .action(async (file: string, wanted: string, { encoding }: Reading) => {
      const message = findMessage((await openDatabase(context, file, encoding)).messages, file, wanted);
      if (context.options().json) printJson(context, messageJson(file, message));
      else for (const line of messageLines(message, columnsOf(context))) printLine(context, line);
    });
  registerDbcDiff(dbc, context);
  registerDbcMap(dbc, context);
}

/** Columns that lines for people are to fit; undefined where nobody looks at a terminal. */
function columnsOf({ terminal: { stdout } }: CliContext): number | undefined {
  return stdout.isTerminal ? stdout.columns() : undefined;
}

function append(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}

async function configuredFiles(context: CliContext): Promise<readonly DbcFile[]> {
  const { config } = await configInForce(context);
  return config.dbc;
}

async function checkFile(context: CliContext, { file, encoding }: DbcFile): Promise<void> {
  const { database, errors, warnings } = await readOrReport(file, encoding);
  const messages = database.messages.length;
  const signals = database.messages.reduce((sum, message) => sum + message.signals.length, 0);
  if (errors.length > 0) context.finish(EXIT.badInput);
  if (context.options().json) {
    printJson(context, {
      schemaVersion: 1,
      file,
      messages,
      signals,
      errors: errors.map(({ line, column, text }) => ({ line, column, error: text })),
      warnings: warnings.map(({ line, column, text }) => ({ line, column, warning: text })),
    });
    return;
  }
  const print = (kind: string, { line, column, text }: DbcProblem): void =>
    printText(context, `${file}:${line}:${column} ${kind}: ${printable(text)}`, 2);
  for (const problem of errors) print("error", problem);
  for (const problem of warnings) print("warning", problem);
  const counts = [
    formatCounted(messages, "message"),
    formatCounted(signals, "signal"),
    formatCounted(errors.length, "error"),
  ];
  printText(context, `${file}: ${[...counts, formatCounted(warnings.length, "warning")].join(", ")}`, 2);
}

/** A file that cannot be read is an error of that file: the others are checked all the same. */
async function readOrReport(file: string, encoding: string | undefined): Promise<ParsedDbc> {
  try {
    return await readDbcFile(file, encoding);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const problem = { line: 1, column: 1, text: error.message };
    return { database: { version: "", nodes: [], messages: [] }, errors: [problem], warnings: [] };
  }
}

async function listFile(context: CliContext, { file, encoding }: DbcFile): Promise<void> {
  const { messages } = await openDatabase(context, file, encoding);
  if (context.options().json) {
    for (const message of messages) {
      const { name, id, extended, pgn = null, fd, length, sender } = message;
      const signals = message.signals.length;
      printJson(context, { schemaVersion: 1, file, name, id, ext: extended, pgn, fd, length, sender, signals });
    }
    return;
  }
  const rows = messages.map((message) => [
    idText(message),
    printable(message.name),
    `${formatCounted(message.length, "byte")}${message.fd ? " FD" : ""}`,
    formatCounted(message.signals.length, "signal"),
    printable(message.sender),
  ]);
  const columns = columnsOf(context);
  const aligned = alignColumns(rows);
  if (columns === undefined || aligned.every((line) => visibleWidth(line) <= columns)) {
    for (const line of aligned) printLine(context, line);
    return;
  }
  for (const [id, name, ...facts] of rows) {
    printText(context, `${id} ${name}: ${facts.filter((fact) => fact !== "").join(", ")}`, 2);
  }
}

function findMessage(messages: readonly DbcMessage[], file: string, wanted: string): DbcMessage {
  const id = /^(0x[0-9a-f]+|\d+)$/i.test(wanted) ? Number(wanted) : undefined;
  const found = messages.find(({ name }) => name === wanted) ?? messages.find((message) => message.id === id);
  if (found !== undefined) return found;
  throw new AgentError("input.missing", {
    what: `${file}: no message ${wanted}`,
    remedy: `list its messages with: causeway dbc list ${file}`,
  });
}

function messageJson(file: string, message: DbcMessage): unknown {
  const { name, id, extended, pgn = null, fd, length, sender, comment } = message;
  const signals = message.signals.map((signal) => ({
    name: signal.name,
    startBit: signal.startBit,
    bits: signal.bits,
    byteOrder: signal.byteOrder,
    kind: signal.kind,
    signed: signal.signed,
    factor: signal.factor,
    offset: signal.offset,
    minimum: boundJson(signal.minimum),
    maximum: boundJson(signal.maximum),
    unit: signal.unit,
    receivers: signal.receivers,
    comment: signal.comment,
    spn: signal.spn ?? null,
    multiplexer: signal.multiplexer,
    multiplexing: signal.multiplexing ?? null,
    // Pairs, not an object: keys may be beyond 2^53, and are negative for signed signals.
    choices: textPairs(signal.choices).map(([raw, text]) => ({
      raw: typeof raw === "bigint" ? { int: raw.toString() } : raw,
      text,
    })),
  }));
  return { schemaVersion: 1, file, name, id, ext: extended, pgn, fd, length, sender, comment, signals };
}

/** The message for people, in lines that fit `columns`; undefined where nobody looks at a terminal. */
function messageLines(message: DbcMessage, columns: number | undefined): readonly string[] {
  const { name, length, pgn, fd, sender, comment, signals } = message;
  const fitted = (text: string, indent: number): readonly string[] =>
    columns === undefined ? [printable(text)] : wrapLines(printable(text), columns, indent);
  const from = sender === "" ? "" : `, sent by ${sender}`;
  const group = pgn === undefined ? "" : ` (PGN ${pgn}, from any source)`;
  const size = `${formatCounted(length, "byte")}${fd ? " FD" : ""}`;
  const rows = signals.map((signal) => [`  ${printable(signal.name)}`, ...signalCells(signal)]);
  const texts = signals.flatMap((signal) =>
    textPairs(signal.choices).flatMap(([raw, text]) => fitted(`  ${signal.name} ${raw}: ${text}`, 4)),
  );
  return [
    ...fitted(`${name}: id ${idText(message)}${group}, ${size}${from}`, 2),
    ...(comment === "" ? [] : fitted(`  ${comment}`, 2)),
    ...tableLines([["  signal", "bits", "type", "scale", "range", "present"], ...rows], columns),
    ...texts,
  ];
}
