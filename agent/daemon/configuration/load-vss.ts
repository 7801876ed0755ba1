import { readFile, stat } from "node:fs/promises";
import type { LoadedConfig } from "../../../config/load.ts";
import type { VssConfig } from "../../../config/vss.ts";
import { AgentError } from "../../core/errors.ts";
import { fileTrouble } from "../../core/file-trouble.ts";
import type { VssNaming } from "../../signals/build-table.ts";
import type { ProblemList } from "../../signals/dbc/draft.ts";
import type { DbcProblem } from "../../signals/dbc/model.ts";
import { type MappedSignal, mapSignals, namesBySignal } from "../../signals/vss/map-signals.ts";
import { byPath, readMapping } from "../../signals/vss/read-mapping.ts";
import { readVssTree, type VssLeaf } from "../../signals/vss/vss-tree.ts";

/** Largest file that is read, bytes. The catalogue of release 6.0 has about 1 MB. */
const MAX_FILE_BYTES = 16_777_216;
/** Mistakes that are told at once, and as many warnings. */
const MAX_NAMED = 10;

/** The mapping that the configuration names, to be held against the signals of the table. */
export type LoadedVss = {
  /** Names the signals of the table; its problems are found then. */
  readonly naming: VssNaming;
  /** What it has named. Throws `config.invalid` for what is wrong in the mapping; one sentence for each thing that is probably not what was meant. */
  readonly result: () => { readonly mapped: readonly MappedSignal[]; readonly warnings: readonly string[] };
};

/** Reads the files of the section `vss`; undefined without one. Throws `config.invalid` with "file:line:column" of each mistake in them. */
export async function loadVss({ config, locate }: LoadedConfig): Promise<LoadedVss | undefined> {
  const { vss } = config;
  if (vss === undefined) return undefined;
  const place = (key: keyof VssConfig): string => `${locate(["vss", key])} vss.${key}`;
  const mapping = readMapping(await readText(vss.mappingFile, place("mappingFile")));
  rejectErrors(vss.mappingFile, mapping.problems);
  const leaves = await leavesOf(vss, place("catalogueFile"));
  const own = mapping.leaves === undefined ? undefined : byPath(mapping.leaves);
  let mapped: readonly MappedSignal[] = [];
  return {
    naming: {
      release: vss.release,
      namesOf: (signals) => {
        mapped = mapSignals(signals, mapping, { release: vss.release, leaves: leaves ?? own });
        return namesBySignal(mapped);
      },
    },
    result: () => {
      rejectErrors(vss.mappingFile, mapping.problems);
      return { mapped, warnings: linesOf(vss.mappingFile, mapping.problems.warnings) };
    },
  };
}

async function leavesOf(
  { catalogueFile }: VssConfig,
  place: string,
): Promise<ReadonlyMap<string, VssLeaf> | undefined> {
  if (catalogueFile === undefined) return undefined;
  const { leaves, problems } = readVssTree(await readText(catalogueFile, place));
  rejectErrors(catalogueFile, problems);
  return byPath(leaves);
}

async function readText(file: string, place: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) {
      throw new AgentError("config.invalid", {
        what: `${place}: ${file}: ${size} bytes, more than the ${MAX_FILE_BYTES} that are read`,
        remedy: "name the file of the mapping or the catalogue itself",
      });
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (thrown) {
    if (thrown instanceof AgentError) throw thrown;
    throw new AgentError("config.invalid", {
      what: `${place}: ${file} cannot be read: ${fileTrouble(thrown)}`,
      remedy: "correct the path, or make it a file of UTF-8 text that the user running causeway may read",
      cause: thrown,
    });
  }
}

function rejectErrors(file: string, { errors }: ProblemList): void {
  if (errors.length === 0) return;
  throw new AgentError("config.invalid", {
    what: linesOf(file, errors).join("\n"),
    remedy: `correct the file; causeway dbc map shows what each signal is`,
  });
}

function linesOf(file: string, problems: readonly DbcProblem[]): readonly string[] {
  const lines = problems.slice(0, MAX_NAMED).map(({ line, column, text }) => `${file}:${line}:${column} ${text}`);
  const more = problems.length - lines.length;
  return more > 0 ? [...lines, `${file}: and ${more} more`] : lines;
}
