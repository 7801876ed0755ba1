import { readFile, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { AgentError, errnoOf, messageOf } from "../agent/core/errors.ts";
import { fileTrouble, isDenied } from "../agent/core/file-trouble.ts";
import { plainText } from "../agent/core/plain-text.ts";
import { shapeProblems } from "./yaml-shape.ts";

/** Largest file that is read, bytes. */
const MAX_FILE_BYTES = 1_048_576;
/** Longest message about a mistake, characters. */
const MAX_MESSAGE = 300;
/** Problems of a file that are told one by one. */
const MAX_PROBLEMS = 50;

/** A key of a map or an index of a list. */
export type Key = string | number;

/**
 * "file:line:col" of the value at a path, or of its nearest parent that is written down; with `offset`, of a place inside a text, counted
 * in UTF-16 units, where that is written in one line and as it is.
 */
export type Locate = (path: readonly Key[], offset?: number) => string;

/** A file as parsed: its value, and what is needed to say where a part of it stands. */
export type YamlFile = {
  readonly path: string;
  readonly value: unknown;
  readonly document: Document;
  readonly lines: LineCounter;
};

/** Reads a file that holds a map. Throws `config.missing`, or `config.invalid` with every mistake of its YAML on a line of its own. */
export async function readYamlFile(path: string): Promise<YamlFile> {
  return yamlFileOf(path, await readText(path));
}

/** Text that holds a map; `path` is what its places are called by. Throws `config.invalid` as `readYamlFile` does. */
export function yamlFileOf(path: string, text: string): YamlFile {
  const lines = linesOf(text);
  // Its own check of keys takes the square of their number.
  const document = parseDocument(text, { prettyErrors: false, strict: true, uniqueKeys: false });
  const errors = document.errors.map(({ pos, code, message }) => ({
    offset: pos[0],
    problem: problemOf(code, message),
  }));
  const problems = (errors.length > 0 ? errors : shapeProblems(document)).map(({ offset, problem }) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col} ${problem}`;
  });
  if (problems.length > 0) throw invalidFile(path, cutLines(problems));
  if (document.contents !== null && !isMap(document.contents)) {
    throw invalidFile(path, [`${path}:1:1 the file must hold a map of settings`]);
  }
  return { path, value: valueOf(path, document), document, lines };
}

function problemOf(code: string, message: string): string {
  switch (code) {
    case "RESOURCE_EXHAUSTION":
      return "too many levels in each other";
    case "MULTIPLE_DOCS":
      return "a second document begins here; a file holds one";
    default:
      // It quotes the text.
      return plainText(message, MAX_MESSAGE);
  }
}

/** A file of `agent.d` is a part of a configuration, and none by itself. */
function isPart(path: string): boolean {
  return basename(dirname(path)) === "agent.d";
}

/** `config.invalid` for what is wrong in a file, a line each. */
export function invalidFile(path: string, problems: readonly string[]): AgentError {
  return new AgentError("config.invalid", {
    what: problems.join("\n"),
    remedy: isPart(path)
      ? "correct the file, then check the whole with: causeway config validate"
      : `correct the file, then check it with: causeway config validate --config ${path}`,
  });
}

/** Where a value stands in files that were merged, the last one over the others. */
export function locateIn(files: readonly YamlFile[], path: readonly Key[], inText?: number): string {
  const inside = inText === undefined ? undefined : placeInText(files, path, inText);
  if (inside !== undefined) return inside;
  for (let depth = path.length; depth > 0; depth--) {
    for (const file of files.toReversed()) {
      const offset = offsetOf(file.document, path.slice(0, depth));
      if (offset === undefined) continue;
      const { line, col } = file.lines.linePos(offset);
      return `${file.path}:${line}:${col}`;
    }
  }
  return `${files[0].path}:1:1`;
}

function placeInText(files: readonly YamlFile[], path: readonly Key[], inText: number): string | undefined {
  for (const { path: name, document, lines } of files.toReversed()) {
    const node: unknown = document.getIn(path, true);
    if (!isScalar(node) || typeof node.value !== "string" || node.range === undefined || node.range === null) continue;
    const [start, end] = node.range;
    const quotes = node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE" ? 1 : 0;
    // Otherwise there are escapes, or it goes over several lines.
    if (end - start !== node.value.length + 2 * quotes || node.type?.startsWith("BLOCK")) return undefined;
    const { line, col } = lines.linePos(start + quotes + inText);
    return `${name}:${line}:${col}`;
  }
  return undefined;
}

/** Where lines begin. The parser that counts them itself misses some where the text is no YAML. */
function linesOf(text: string): LineCounter {
  const lines = new LineCounter();
  for (let start = 0; start >= 0; start = after(text, start)) lines.addNewLine(start);
  return lines;
}

/** Where the next line begins; -1 in the last one. */
function after(text: string, start: number): number {
  const end = text.indexOf("\n", start);
  return end < 0 ? -1 : end + 1;
}

/** The first of many problems, and how many more there are. */
function cutLines(problems: readonly string[]): readonly string[] {
  if (problems.length <= MAX_PROBLEMS) return problems;
  return [...problems.slice(0, MAX_PROBLEMS), `and ${problems.length - MAX_PROBLEMS} more problems`];
}

/** Offset of the key (in a map) or the item (in a list) at `path`. */
function offsetOf(document: Document, path: readonly Key[]): number | undefined {
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const last = path[path.length - 1];
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === last);
    return pair !== undefined && isNode(pair.key) ? startOf(pair.key) : undefined;
  }
  const node: unknown = document.getIn(path, true);
  return isNode(node) ? startOf(node) : undefined;
}

function startOf(node: Node): number | undefined {
  return node.range?.[0];
}

function valueOf(path: string, document: Document): unknown {
  try {
    // What aliases come to is bounded by `shapeProblems`.
    return document.toJS({ maxAliasCount: -1 });
  } catch (error) {
    throw invalidFile(path, [`${path}:1:1 ${messageOf(error)}`]);
  }
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES)
      throw invalidFile(path, [`${path}: ${size} bytes, more than the ${MAX_FILE_BYTES} that are read`]);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw errnoOf(error) === "ENOENT" ? missing(path, error) : unreadable(path, error);
  }
}

function missing(path: string, cause: unknown): AgentError {
  return new AgentError("config.missing", {
    what: `${path}: no such file`,
    remedy: isPart(path)
      ? `it is a link to a file that is not there (ls -l ${path}): make that one, or remove the link`
      : "name another with --config, or start from: causeway config example > agent.yaml",
    cause,
  });
}

function unreadable(path: string, cause: unknown): AgentError {
  const isText = errnoOf(cause) !== "ERR_ENCODING_INVALID_ENCODED_DATA";
  return new AgentError("config.invalid", {
    what: isText ? `${path}: cannot be read: ${fileTrouble(cause)}` : `${path}: not UTF-8 text`,
    remedy: isDenied(cause)
      ? `let the user that runs causeway read it (ls -l ${path}), or run this with sudo`
      : "make it a UTF-8 file that the user running causeway may read",
    cause,
  });
}
