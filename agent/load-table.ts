import { readFile } from "node:fs/promises";
import type { LoadedConfig } from "../config/load.ts";
import { AgentError, messageOf } from "./core/errors.ts";
import { createSignalTable, matchedBy, type TableSource } from "./data/build-table.ts";
import { type CollectPlan, planCollection } from "./data/collect-rules.ts";
import { parseDbcBytes } from "./data/dbc/bytes.ts";
import type { DbcDatabase, DbcProblem } from "./data/dbc/model.ts";
import type { SignalTable } from "./data/signal-table.ts";

/** A DBC file larger than this is refused, bytes; the largest in common use are below 10 MB. */
const MAX_DBC_BYTES = 67_108_864;
/** Mistakes of one file that are told at once, and as many warnings. */
const MAX_TOLD = 10;

type DbcEntry = LoadedConfig["config"]["dbc"][number];

/** The signal table, and one sentence for each thing in the DBC files or rules that is probably not what was meant. */
export type LoadedTable = {
  readonly table: SignalTable;
  /** What the table was made of. */
  readonly sources: readonly TableSource[];
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
  for (const [index, entry] of config.dbc.entries()) {
    const { file, buses } = entry;
    const { database, told } = await readDbc(entry, loaded.locate(["dbc", index, "file"]));
    warnings.push(...told);
    sources.push(...(buses ?? allBuses).map((bus) => ({ bus, database, file })));
  }
  const table = tableOf(sources, loaded);
  const plan = planCollection(config.collect.rules, table.signals);
  refuseAmbiguous(plan, loaded);
  return { table, sources, warnings: [...warnings, ...plan.warnings] };
}

function refuseAmbiguous({ ambiguous }: CollectPlan, loaded: LoadedConfig): void {
  if (ambiguous.length === 0) return;
  const told = ambiguous.slice(0, MAX_TOLD);
  throw new AgentError("config.invalid", {
    what: told.map(({ rule, problem }) => `${loaded.locate(["collect", "rules", rule])} ${problem}`).join("\n"),
    remedy: "a name that several messages of a bus have picks one with its id: MESSAGE@0xID.SIGNAL",
  });
}

async function readDbc(
  { file, strict, match, encoding }: DbcEntry,
  place: string,
): Promise<{ database: DbcDatabase; told: readonly string[] }> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new AgentError("config.invalid", {
      what: `${place} dbc file cannot be read: ${messageOf(error)}`,
      remedy: "correct the path, or make the file readable for the user that runs causeway",
      cause: error,
    });
  }
  if (bytes.length > MAX_DBC_BYTES) {
    throw new AgentError("config.invalid", {
      what: `${place} ${file}: ${bytes.length} bytes, more than the ${MAX_DBC_BYTES} that are read`,
      remedy: "split the file and name its parts",
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
  return { database: match === "file" ? database : matchedBy(database, match), told: [...mistakes, ...doubts] };
}

/** The first problems of a file, and how many there are besides. */
function linesOf(file: string, problems: readonly DbcProblem[]): readonly string[] {
  const lines = problems.slice(0, MAX_TOLD).map(({ line, column, text }) => `${file}:${line}:${column} ${text}`);
  const more = problems.length - lines.length;
  return more > 0 ? [...lines, `${file}: and ${more} more; see them with: causeway dbc check ${file}`] : lines;
}

function tableOf(sources: readonly TableSource[], loaded: LoadedConfig): SignalTable {
  try {
    return createSignalTable(sources, loaded.config.collect.senderSignals);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    throw new AgentError("config.invalid", {
      what: `${loaded.locate(["dbc"])} ${error.message}`,
      remedy: error.remedy,
      cause: error,
    });
  }
}
