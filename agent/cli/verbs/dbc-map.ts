import { writeFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import { printable } from "../../core/plain-text.ts";
import { formatCounted } from "../../core/quantity.ts";
import { createSignalTable } from "../../signals/build-table.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import { exactMessageName } from "../../signals/signal-names.ts";
import { mapSignals } from "../../signals/vss/map-signals.ts";
import type { Mapping } from "../../signals/vss/mapping.ts";
import { type Candidate, type Proposals, proposePaths } from "../../signals/vss/propose.ts";
import { byPath } from "../../signals/vss/read-mapping.ts";
import { conversionOf } from "../../signals/vss/units.ts";
import type { VssLeaf } from "../../signals/vss/vss-tree.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { encodingOption, openDatabase } from "../dbc-file.ts";
import { unwritable } from "../output-file.ts";
import { alignColumns } from "../text.ts";
import { openCatalogue, openMapping, tellProblems } from "../vss-files.ts";

const LEAST_CONFIDENCE = 0.6;

type MapOptions = {
  readonly vss: string;
  readonly mapping?: string;
  readonly output?: string;
  readonly confidence: number;
  readonly encoding?: string;
};

/** What the verb has found. */
type Found = Proposals & { readonly mapped: readonly SignalEntry[]; readonly nameOf: (signal: SignalEntry) => string };

/** `causeway dbc map`: works with the daemon down. */
export function registerDbcMap(dbc: Command, context: CliContext): void {
  dbc
    .command("map <files...>")
    .description("proposes paths of the Vehicle Signal Specification (VSS) for the signals of DBC files")
    .requiredOption("--vss <file>", "the catalogue as vspec export json writes it, or a mapping file of kuksa")
    .option("--mapping <file>", "what is mapped already, as vss.mappingFile of the configuration")
    .option("-o, --output <file>", "write the mapping and what is proposed as CSV, as vss.mappingFile takes it")
    .option("--confidence <number>", "least confidence of a proposal, 0 to 1", confidence, LEAST_CONFIDENCE)
    .addOption(encodingOption())
    .addHelpText(
      "after",
      "\nExamples:\n  causeway dbc map --vss vss_rel_6.0.json vehicle.dbc\n  causeway dbc map --vss vss.json --mapping map.csv -o map.csv --confidence 0.8 *.dbc",
    )
    .action(async (files: readonly string[], options: MapOptions) => {
      const leaves = await openCatalogue(context, options.vss);
      const signals = await signalsOf(context, files, options.encoding);
      const mapping = options.mapping === undefined ? undefined : await openMapping(options.mapping);
      const found = find(signals, leaves, mapping, options.confidence);
      if (mapping !== undefined && options.mapping !== undefined)
        tellProblems(context, options.mapping, mapping.problems);
      if (options.output !== undefined) await writeCsv(context, options.output, found, mapping);
      if (context.options().json) printJson(context, foundJson(found));
      else for (const line of foundText(found)) printLine(context, line);
    });
}

function confidence(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("Give a number of 0 to 1.");
}

/** Of each file as of a bus of its own: the same ids may be in several. */
async function signalsOf(
  context: CliContext,
  files: readonly string[],
  encoding: string | undefined,
): Promise<readonly SignalEntry[]> {
  const sources = files.map(async (file) => ({
    bus: file,
    file,
    database: await openDatabase(context, file, encoding),
  }));
  return createSignalTable(await Promise.all(sources)).signals;
}

function find(
  signals: readonly SignalEntry[],
  leaves: readonly VssLeaf[],
  mapping: Mapping | undefined,
  leastConfidence: number,
): Found {
  const release = leaves.some(({ unit }) => unit === "celsius") ? "5.0" : "6.0";
  const done = mapping === undefined ? [] : mapSignals(signals, mapping, { release, leaves: byPath(leaves) });
  const mapped = new Set(done.map(({ signal }) => signal));
  const paths = new Set(mapping?.entries.map(({ path }) => path));
  const rest = signals.filter((signal) => !mapped.has(signal));
  const free = leaves.filter(({ path }) => !paths.has(path));
  return { ...proposePaths(rest, free, leastConfidence), mapped: [...mapped], nameOf: namer(signals) };
}

/** MESSAGE.SIGNAL, with the id of the message where several messages are called so. */
function namer(signals: readonly SignalEntry[]): (signal: SignalEntry) => string {
  const ids = Map.groupBy(signals, ({ message, name }) => `${message}.${name}`);
  return (signal) => {
    const name = `${signal.message}.${signal.name}`;
    const messages = new Set(ids.get(name)?.map(exactMessageName));
    return messages.size > 1 ? `${exactMessageName(signal)}.${signal.name}` : name;
  };
}

function foundText({ proposed, twoUnits, unmapped, mapped, nameOf }: Found): readonly string[] {
  const units = (signal: SignalEntry, { leaf }: Candidate): string =>
    signal.unit === leaf.unit ? leaf.unit : `${signal.unit === "" ? "none" : signal.unit} -> ${leaf.unit || "none"}`;
  const rowOf = ({ signal, candidate }: Proposals["proposed"][number]): readonly string[] => [
    `  ${candidate.confidence.toFixed(2)}`,
    printable(nameOf(signal)),
    printable(candidate.leaf.path),
    printable(units(signal, candidate)),
  ];
  const unmappedRows = unmapped.map(({ signal, nearest }) => [
    `  ${printable(nameOf(signal))}`,
    printable(signal.unit),
    nearest === undefined ? "" : printable(`nearest ${nearest.leaf.path} ${nearest.confidence.toFixed(2)}`),
  ]);
  const counts = `${mapped.length} mapped, ${proposed.length} proposed, ${twoUnits.length} with two units, ${unmapped.length} not mapped`;
  return [
    ...section("proposed (confidence, signal, path, unit)", proposed.map(rowOf)),
    ...section("two units: the names fit, the units measure two things", twoUnits.map(rowOf)),
    ...section("not mapped", unmappedRows),
    counts,
  ];
}

function section(title: string, rows: readonly (readonly string[])[]): readonly string[] {
  return rows.length === 0 ? [] : [title, ...alignColumns(rows)];
}

function foundJson({ proposed, twoUnits, unmapped, mapped, nameOf }: Found): unknown {
  const candidateJson = (signal: SignalEntry, { leaf, confidence: value }: Candidate) => ({
    path: leaf.path,
    unit: leaf.unit,
    datatype: leaf.datatype,
    confidence: value,
    ...scaleOf(signal, leaf),
  });
  const json = (signal: SignalEntry, candidate: Candidate | undefined) => ({
    signal: nameOf(signal),
    file: signal.bus,
    dbcUnit: signal.unit,
    ...(candidate === undefined ? {} : candidateJson(signal, candidate)),
  });
  return {
    schemaVersion: 1,
    mapped: mapped.map((signal) => json(signal, undefined)),
    proposed: proposed.map(({ signal, candidate }) => json(signal, candidate)),
    twoUnits: twoUnits.map(({ signal, candidate }) => json(signal, candidate)),
    unmapped: unmapped.map(({ signal, nearest }) => ({
      ...json(signal, undefined),
      nearest: nearest === undefined ? null : candidateJson(signal, nearest),
    })),
  };
}

/** Factor and offset that the units give; nothing where they give none. */
function scaleOf(signal: SignalEntry, leaf: VssLeaf): { readonly factor?: number; readonly offset?: number } {
  const conversion = conversionOf(signal.unit, leaf.unit);
  return conversion.kind === "linear" ? { factor: conversion.factor, offset: conversion.offset } : {};
}

async function writeCsv(
  context: CliContext,
  path: string,
  { proposed, nameOf }: Found,
  mapping: Mapping | undefined,
): Promise<void> {
  if (mapping !== undefined && mapping.problems.errors.length > 0) {
    note(context, `${path}: not written, since the mapping has errors and would lose rows`);
    return;
  }
  const rows = [
    ["signal", "vss_path", "unit", "factor", "offset", "interval_ms", "on_change", "confidence", "dbc_unit"],
  ];
  let left = 0;
  for (const { signal, path: vss, unit = "", transform, intervalMs, onChange } of mapping?.entries ?? []) {
    const scale = transform.kind === "linear" ? [`${transform.factor}`, `${transform.offset}`] : ["", ""];
    if (transform.kind === "linear" || transform.kind === "none") {
      rows.push([signal, vss, unit, ...scale, `${intervalMs}`, `${onChange}`, "", ""]);
    } else left += 1;
  }
  for (const { signal, candidate } of proposed) {
    const { leaf, confidence: value } = candidate;
    rows.push([nameOf(signal), leaf.path, leaf.unit, "", "", "", "", value.toFixed(2), signal.unit]);
  }
  await writeText(path, rows.map((row) => `${row.map(csvField).join(",")}\n`).join(""));
  note(context, `${path}: ${formatCounted(rows.length - 1, "row")}; look at each that is proposed before you use it`);
  if (left > 0)
    note(
      context,
      `${formatCounted(left, "entry of the mapping with math or mapping is", "entries of the mapping with math or mapping are")} not in it: CSV has no place for that`,
    );
}

function csvField(text: string): string {
  return /[",;\n\r#]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function writeText(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (thrown) {
    throw unwritable(path, thrown);
  }
}
