import { readFile, stat } from "node:fs/promises";
import type { LoadedConfig } from "../../../config/load.ts";
import type { CollectRule } from "../../../config/schema.ts";
import type { SnapshotConfig } from "../../../config/snapshot.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import { AgentError } from "../../core/errors.ts";
import { fileTrouble } from "../../core/file-trouble.ts";
import { createSignalTable, type VssNaming } from "../../signals/build-table.ts";
import { parseDbcBytes } from "../../signals/dbc/bytes.ts";
import type { DbcDatabase, DbcProblem } from "../../signals/dbc/model.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import { matchedBy, type TableSource } from "../../signals/table-source.ts";
import { mappedRules } from "../../signals/vss/mapped-rules.ts";
import { type RuleProblem, ruleProblems } from "../../telemetry/campaigns/plan/rule-problems.ts";
import { snapshotProblems } from "../../telemetry/campaigns/snapshots/snapshot-campaign.ts";
import type { BusEcu } from "./load-ecus.ts";
import { loadVss } from "./load-vss.ts";

/** Mistakes of one file that are told at once, and as many warnings. */
const MAX_NAMED = 10;

type DbcEntry = LoadedConfig["config"]["dbc"][number];

/** The signal table, and one sentence for each thing in the DBC files or rules that is probably not what was meant. */
export type LoadedTable = {
  readonly table: SignalTable;
  /** What the table was made of. */
  readonly sources: readonly TableSource[];
  /** The ECUs that are asked with UDS. */
  readonly ecus: readonly BusEcu[];
  /** How often the mapping to VSS wants its signals. */
  readonly mappedRules: readonly CollectRule[];
  readonly warnings: readonly string[];
};

/**
 * Reads the DBC files that the configuration names and builds the table of all buses.
 *
 * Throws `config.invalid` naming the place in the configuration and, for a mistake in a file, "file:line:column". A mistake in a DBC
 * file costs what cannot be trusted for it, and is told; where the configuration is strict with the file, it is refused whole.
 */
export async function loadSignalTable(loaded: LoadedConfig): Promise<LoadedTable> {
  const { config } = loaded;
  const allBuses = config.buses.map((bus) => bus.name);
  const sources: TableSource[] = [];
  const warnings: string[] = [];
  let leftBytes = config.decode.maxDbcBytes;
  for (const [index, entry] of config.dbc.entries()) {
    const { file, buses } = entry;
    const place = loaded.locate(["dbc", index, "file"]);
    const bytes = await readWithin(file, place, leftBytes, config.decode.maxDbcBytes);
    leftBytes -= bytes.length;
    const { database, problems } = parse(bytes, entry, place);
    warnings.push(...problems);
    sources.push(...(buses ?? allBuses).map((bus) => ({ bus, database, file })));
  }
  const asked = await diagnosticSources(loaded);
  sources.push(...asked.sources, ...(await positionSources(loaded)), ...(await linkSources(loaded)));
  rejectTooMany(sources, loaded);
  const vss = await loadVss(loaded);
  const table = tableOf(sources, loaded, await namingOf(loaded, vss?.naming));
  const { mapped, warnings: doubts } = vss?.result() ?? { mapped: [], warnings: [] };
  const { unfit, warnings: ofRules } = ruleProblems(config.collect.rules, table);
  const ofSnapshot = snapshotDoubts(config.collect.snapshot, table);
  const ofRulesUnfit = unfit.map(({ rule, problem }) => ({ path: ["rules", rule], problem }));
  rejectAmbiguous([...ofRulesUnfit, ...ofSnapshot.unfit], loaded);
  const found = [...warnings, ...doubts, ...ofRules.map(sentenceOf), ...ofSnapshot.warnings];
  return { table, sources, ecus: asked.ecus, mappedRules: mappedRules(mapped), warnings: found };
}

/** What is read by requests; where nothing is, nothing of that is loaded. */
async function diagnosticSources(
  loaded: LoadedConfig,
): Promise<{ readonly sources: readonly TableSource[]; readonly ecus: readonly BusEcu[] }> {
  const buses = loaded.config.diagnostics?.buses ?? [];
  const sources: TableSource[] = [];
  const ecus: BusEcu[] = [];
  if (buses.some(({ obd }) => obd !== undefined)) {
    const { obdSources } = await import("./obd-sources.ts");
    sources.push(...obdSources(loaded));
  }
  if (buses.some(({ uds }) => uds !== undefined)) {
    const { loadBusEcus, udsSources } = await import("./load-ecus.ts");
    ecus.push(...(await loadBusEcus(loaded)));
    sources.push(...udsSources(ecus, loaded.config.diagnostics?.catalogueFile ?? ""));
  }
  return { sources, ecus };
}

/** `location.*`, where the configuration says where positions come from. */
async function positionSources(loaded: LoadedConfig): Promise<readonly TableSource[]> {
  if (loaded.config.place === undefined) return [];
  const { locationTable } = await import("../../vehicle/place/location-table.ts");
  return [locationTable(loaded.locate(["place"]))];
}

/** `link.*`, where something is said of links. */
async function linkSources(loaded: LoadedConfig): Promise<readonly TableSource[]> {
  if (loaded.config.link === undefined) return [];
  const { linkTable } = await import("../../vehicle/link/link-table.ts");
  return [linkTable(loaded.locate(["link"]))];
}

/** The names of the mapping, and those of `location.*` where there are positions. */
async function namingOf({ config }: LoadedConfig, naming: VssNaming | undefined): Promise<VssNaming | undefined> {
  if (config.place === undefined || naming === undefined) return naming;
  const { withLocationNames } = await import("../../vehicle/place/location-vss.ts");
  return withLocationNames(naming);
}

function sentenceOf({ rule, problem }: RuleProblem): string {
  return `collect.rules[${rule}]: ${problem}`;
}

function snapshotDoubts(
  snapshot: SnapshotConfig | undefined,
  table: SignalTable,
): { readonly unfit: readonly EntryProblem[]; readonly warnings: readonly string[] } {
  if (snapshot === undefined) return { unfit: [], warnings: [] };
  const { unfit, warnings } = snapshotProblems(snapshot, table);
  return {
    unfit: unfit.map(({ problem }) => ({ path: ["snapshot", "signals"], problem })),
    warnings: warnings.map(({ problem }) => `collect.snapshot: ${problem}`),
  };
}

/** Paths lead from `collect`. */
function rejectAmbiguous(unfit: readonly EntryProblem[], loaded: LoadedConfig): void {
  if (unfit.length === 0) return;
  const problems = unfit.slice(0, MAX_NAMED);
  throw new AgentError("config.invalid", {
    what: problems.map(({ path, problem }) => `${loaded.locate(["collect", ...path])} ${problem}`).join("\n"),
    remedy: "a name that several messages of a bus have picks one with its id: MESSAGE@0xID.SIGNAL",
  });
}

/** Parsing and compiling a table takes many times its bytes: a start that is killed for its memory would be tried for ever. */
async function readWithin(file: string, place: string, leftBytes: number, maxBytes: number): Promise<Uint8Array> {
  const sizeBytes = await stat(file).then(
    ({ size }) => size,
    (error: unknown) => {
      throw unreadable(`${place} dbc file cannot be read: ${file}`, error);
    },
  );
  if (sizeBytes > leftBytes) {
    const others = leftBytes === maxBytes ? "" : `, with ${maxBytes - leftBytes} bytes of the DBC files before it`;
    throw new AgentError("config.invalid", {
      what: `${place} ${file}: ${sizeBytes} bytes${others}, more than decode.maxDbcBytes (${maxBytes})`,
      remedy:
        "leave out of the file what these buses do not carry, or raise decode.maxDbcBytes and MemoryMax= of the unit",
    });
  }
  return await readFile(file).catch((error: unknown) => {
    throw unreadable(`${place} dbc file cannot be read: ${file}`, error);
  });
}

function unreadable(what: string, error: unknown): AgentError {
  return new AgentError("config.invalid", {
    what: `${what}: ${fileTrouble(error)}`,
    remedy: "correct the path, or make the file readable for the user that runs causeway",
    cause: error,
  });
}

function rejectTooMany(sources: readonly TableSource[], loaded: LoadedConfig): void {
  const { maxSignals } = loaded.config.decode;
  let signals = 0;
  for (const { database } of sources) for (const message of database.messages) signals += message.signals.length;
  if (signals <= maxSignals) return;
  throw new AgentError("config.invalid", {
    what: `${loaded.locate(["dbc"])} dbc: ${signals} signals on all buses, more than decode.maxSignals (${maxSignals})`,
    remedy: "name with dbc.buses the buses that carry a file, or raise decode.maxSignals and MemoryMax= of the unit",
  });
}

/** What can be used of a file, and what is told of the rest. A file without any text is what a power cut leaves: it is refused. */
function parse(
  bytes: Uint8Array,
  { file, strict, match, encoding }: DbcEntry,
  place: string,
): { database: DbcDatabase; problems: readonly string[] } {
  if (bytes.every((byte) => byte <= 0x20)) {
    throw new AgentError("config.invalid", {
      what: `${place} ${file}: holds no text (${bytes.length} bytes)`,
      remedy: "put the DBC file there again",
    });
  }
  const { database, errors, warnings } = parseDbcBytes(bytes, encoding);
  const [mistakes, doubts] = [linesOf(file, errors), linesOf(file, warnings)];
  if (errors.length > 0 && strict) {
    throw new AgentError("config.invalid", {
      what: [`${place} dbc file has mistakes:`, ...mistakes].join("\n"),
      remedy: `correct the file, then check it with: causeway dbc check ${file}; or allow what is good of it with strict: false`,
    });
  }
  return { database: match === "file" ? database : matchedBy(database, match), problems: [...mistakes, ...doubts] };
}

/** The first problems of a file, and how many there are besides. */
function linesOf(file: string, problems: readonly DbcProblem[]): readonly string[] {
  const lines = problems.slice(0, MAX_NAMED).map(({ line, column, text }) => `${file}:${line}:${column} ${text}`);
  const more = problems.length - lines.length;
  return more > 0 ? [...lines, `${file}: and ${more} more; see them with: causeway dbc check ${file}`] : lines;
}

function tableOf(sources: readonly TableSource[], loaded: LoadedConfig, naming: VssNaming | undefined): SignalTable {
  try {
    return createSignalTable(sources, loaded.config.collect.senderSignals, naming);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    throw new AgentError("config.invalid", {
      what: `${loaded.locate(["dbc"])} ${error.message}`,
      remedy: error.remedy,
      cause: error,
    });
  }
}
