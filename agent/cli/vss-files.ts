import { AgentError, EXIT } from "../core/errors.ts";
import { printable } from "../core/plain-text.ts";
import type { ProblemList } from "../signals/dbc/draft.ts";
import type { DbcProblem } from "../signals/dbc/model.ts";
import { type ReadMapping, readMapping } from "../signals/vss/read-mapping.ts";
import { readVssTree, type VssLeaf } from "../signals/vss/vss-tree.ts";
import type { CliContext } from "./context.ts";
import { readInputFile } from "./input-file.ts";

/** The leaves of a catalogue; its errors go to stderr, and the verb then ends with 65. Throws `input.missing`, and `input.malformed` without a leaf. */
export async function openCatalogue(context: CliContext, path: string): Promise<readonly VssLeaf[]> {
  const { leaves, problems } = readVssTree(await readText(path));
  tellProblems(context, path, problems);
  if (leaves.length > 0) return leaves;
  throw new AgentError("input.malformed", {
    what: `${path}: no signal of VSS in it`,
    remedy: "give the catalogue as vspec export json writes it",
  });
}

/** A mapping; what is wrong with it is told by `tellProblems`, after it was held against signals. Throws `input.missing`. */
export async function openMapping(path: string): Promise<ReadMapping> {
  return readMapping(await readText(path));
}

/** Errors and warnings of a file on stderr; with errors the verb ends with 65. */
export function tellProblems(context: CliContext, path: string, { errors, warnings }: ProblemList): void {
  const tell = (kind: string, { line, column, text }: DbcProblem): void => {
    context.terminal.stderr.write(`${path}:${line}:${column} ${kind}: ${printable(text)}\n`);
  };
  for (const problem of errors) tell("error", problem);
  if (!context.options().quiet) for (const problem of warnings) tell("warning", problem);
  if (errors.length > 0) context.finish(EXIT.badInput);
}

async function readText(path: string): Promise<string> {
  const bytes = await readInputFile(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (thrown) {
    const remedy = "make it a file of UTF-8 text";
    throw new AgentError("input.malformed", { what: `${path}: not UTF-8 text`, remedy, cause: thrown });
  }
}
