import { writeFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import pico from "picocolors";
import { AgentError, EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import type { FrameTest } from "../../signals/log-formats/candump-filter.ts";
import { readLog } from "../../signals/log-formats/read-log.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import { configuredDbc } from "../configured-dbc.ts";
import { type CliContext, note, printJson, printLine, printProblem } from "../context.ts";
import { appended, DBC_DEFAULT_HELP, type DbcOptions, dbcOptions, openDatabases } from "../dbc-file.ts";
import { type FilterOptions, filterOption, wantedBy } from "../filter-option.ts";
import { readInput } from "../input-file.ts";
import { logTable } from "../log-messages.ts";
import { LogTally } from "../log-tally.ts";
import { unwritable } from "../output-file.ts";
import type { Plot, PlotSeries } from "../plot/plot-series.ts";
import { PlotReader, signalsMeant } from "../plot/read-plot.ts";
import { textPlot } from "../plot/text-plot.ts";
import { unmatchedProblem } from "../signals/unmatched.ts";

type PlotOptions = FilterOptions &
  Partial<DbcOptions> & { readonly output?: string; readonly height: number; readonly ascii: boolean };

/** Panels below each other that a person can look through. */
const MOST_SERIES = 16;
const ROWS = 8;

/** `causeway signals plot`: works with the daemon down. */
export function registerPlot(signals: Command, context: CliContext): void {
  const plot = signals
    .command("plot <log> <signals...>")
    .description(
      "signals of a log (candump, Vector ASC or BLF, PEAK TRC; - reads stdin) over time: in the terminal, or as a picture; needs no running agent",
    )
    .option("--dbc <file>", DBC_DEFAULT_HELP, appended)
    .option("-o, --output <file>", "a picture instead: its name ends with .svg or .png", pictureArgument)
    .option("--height <rows>", "rows of the terminal for each signal of numbers", heightArgument, ROWS)
    .option("--ascii", "no characters beyond ASCII; so by itself where the locale is not UTF-8", false);
  for (const option of dbcOptions()) plot.addOption(option);
  plot
    .addOption(filterOption())
    .addHelpText(
      "after",
      "\nSIGNAL is MESSAGE.SIGNAL or the name of the signal alone, with '*' for any letters. Long logs are thinned so that the least and\nthe greatest value of each column stay. Ends with 2 where the log has no value of them, with 65 for what is no signal.\n\nExamples:\n  causeway signals plot drive.log EngineSpeed --dbc vehicle.dbc\n  causeway signals plot drive.blf 'Gearbox.*' EngineStatus.EngineSpeed --dbc vehicle.dbc -o drive.svg",
    )
    .action(async (log: string, names: readonly string[], options: PlotOptions) => {
      const { reader, wanted } = await openReader(context, names, options);
      const name = log === "-" ? "stdin" : log;
      await readInto(context, reader, log, wantedBy(options));
      const drawn = reader.plot(name);
      tellSilent(context, wanted, drawn.series);
      if (drawn.series.length > MOST_SERIES) throw tooMany(drawn.series.map((series) => series.name));
      if (drawn.series.length > 0) await show(context, drawn, options);
    });
}

function pictureArgument(path: string): string {
  if (/\.(?:svg|png)$/i.test(path)) return path;
  throw new InvalidArgumentError("Give a name that ends with .svg or .png.");
}

function heightArgument(text: string): number {
  const rows = Number(text);
  if (Number.isInteger(rows) && rows >= 2 && rows <= 200) return rows;
  throw new InvalidArgumentError("Give rows, 2 to 200.");
}

async function openReader(context: CliContext, names: readonly string[], options: PlotOptions) {
  const sources = await openDatabases(context, { ...options, dbc: options.dbc ?? (await configuredDbc(context)) });
  const table = logTable(sources);
  const meant = names.map((name) => signalsMeant(table, name));
  const strange = meant.find(({ signals }) => signals.length === 0);
  if (strange !== undefined) throw new AgentError("input.missing", unmatchedProblem(strange));
  const wanted = [...new Set(meant.flatMap(({ signals }) => signals))];
  return { reader: new PlotReader(table, wanted), wanted };
}

async function readInto(context: CliContext, reader: PlotReader, log: string, wants: FrameTest): Promise<void> {
  const name = log === "-" ? "stdin" : log;
  const tally = new LogTally(context, name);
  for await (const piece of readLog(name, readInput(context, log))) {
    tally.note(piece);
    for (const entry of piece.entries) {
      if (entry.kind === "malformed") tally.tell(entry, piece);
      else if (wants(entry.frame.id, entry.frame.flags)) reader.take(entry);
    }
    if (context.signal.aborted) break;
  }
  tally.finish();
}

/** Signals of which the log has nothing; 2 when it has nothing of any. */
function tellSilent(context: CliContext, wanted: readonly SignalEntry[], series: readonly PlotSeries[]): void {
  const absent = wanted.filter((signal) => !series.some((one) => one.signal === signal));
  const silent = absent.map(({ message, name }) => `${message}.${name}`);
  if (series.length === 0) {
    const what = `the log has no value of ${silent.slice(0, 5).join(", ")}${silent.length > 5 ? ` and ${silent.length - 5} more` : ""}`;
    printProblem(context, {
      what: printable(what),
      remedy: "see what is in it: causeway signals decode --dbc FILE LOG",
    });
    context.finish(EXIT.nothingToDo);
  } else if (silent.length > 0) note(context, printable(`no value of ${silent.join(", ")}`));
}

function tooMany(names: readonly string[]): AgentError {
  return new AgentError("usage.invalid", {
    what: printable(`${names.length} signals have values, at most ${MOST_SERIES} are plotted: ${names.join(", ")}`),
    remedy: "name those that are to be seen",
  });
}

async function show(context: CliContext, plot: Plot, { output, height, ascii }: PlotOptions): Promise<void> {
  if (output !== undefined) await writePicture(context, plot, output);
  else if (context.options().json) for (const series of plot.series) printJson(context, seriesJson(plot, series));
  else {
    const { stdout } = context.terminal;
    const colors = pico.createColors(context.options().color && stdout.isTerminal);
    const isAscii = ascii || !isUnicode(context.environment);
    const lines = textPlot(plot, { columns: stdout.columns(), rows: height, isAscii, colors });
    for (const line of lines) printLine(context, line);
  }
}

async function writePicture(context: CliContext, plot: Plot, path: string): Promise<void> {
  const { pictureOf } = await import("../plot/picture.ts");
  const picture = pictureOf(plot);
  const bytes = /\.svg$/i.test(path)
    ? (await import("../plot/svg-picture.ts")).svgOf(picture)
    : (await import("../plot/png-picture.ts")).pngOf(picture);
  try {
    await writeFile(path, bytes);
  } catch (cause) {
    throw unwritable(path, cause);
  }
  note(context, `${path} written`);
}

function seriesJson({ time }: Plot, series: PlotSeries) {
  const { name, unit, samples, minimum, maximum, last, levels, points } = series;
  const start = time.startUs === undefined ? undefined : time.startUs / 1e6;
  const texts = levels?.map(({ text }) => text);
  const kept = points.map(({ x, y }) => [x, Number.isFinite(y) ? y : null] as const);
  return { schemaVersion: 1, name, unit, samples, start, minimum, maximum, last, texts, points: kept };
}

/** Whether the locale has characters beyond ASCII (POSIX: the first of these that is not empty counts). */
function isUnicode(environment: CliContext["environment"]): boolean {
  const locale = ["LC_ALL", "LC_CTYPE", "LANG"].map((name) => environment[name]).find((value) => (value ?? "") !== "");
  return locale === undefined || /utf-?8/i.test(locale);
}
