import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { z } from "zod";
import type { ConfigCopy } from "../agent/core/config-copy.ts";
import { AgentError, errnoOf, messageOf } from "../agent/core/errors.ts";
import { type ConfigLayer, layerFiles } from "./layers.ts";
import { fromCopy, resolvePaths } from "./paths.ts";
import { type AgentConfig, agentConfig } from "./schema.ts";
import { readSettings, type Settings, withSettings } from "./settings.ts";

/** Largest configuration file that is read, bytes. */
const MAX_FILE_BYTES = 1_048_576;

type Key = string | number;

/** One configuration file as parsed, with what is needed to say where a value stands. */
type ConfigFile = { readonly path: string; readonly document: Document; readonly lines: LineCounter };
/** A file of a layer or of the vehicle's own folder, from which its relative paths are taken. */
type LayerFile = ConfigFile & { readonly folder: string };

/** A checked configuration and the place of each of its values. */
export type LoadedConfig = {
  readonly path: string;
  /** Paths in it are absolute. */
  readonly config: AgentConfig;
  /** What was set by commands, as far as it is in force. */
  readonly settings: Settings;
  /** The layers that lie above the vehicle's own files. */
  readonly layers: readonly ConfigLayer[];
  /** What was read in place of the vehicle's own files; undefined when they were. */
  readonly copy: ConfigCopy | undefined;
  /** Why what was set is not in force. */
  readonly ignored: string | undefined;
  /** "file:line:col" of the value at `path` (or of its nearest parent that is written down). */
  locate(path: readonly Key[]): string;
};

/** What lies above the vehicle's own files. */
export type ConfigOverlay = {
  /** Each over the ones before it; none when absent. */
  readonly layers?: readonly ConfigLayer[];
  /** Tried instead of what commands have set so far. */
  readonly settings?: Settings;
  /** Read in place of the vehicle's own files, but as if it were where they are. */
  readonly copy?: ConfigCopy | undefined;
};

/**
 * Reads and checks `agent.yaml` and, in name order, `agent.d/*.yaml` beside it. A later file replaces scalars and lists and
 * merges maps. Relative paths are taken from the folder of `path`. The layers lie above both, and what commands have set above all; of
 * what was stored nothing is when it does not fit any more.
 *
 * Throws `config.missing`, or `config.invalid` with every problem on a line of its own as "file:line:col field: message".
 */
export async function loadConfigFile(
  path: string,
  { layers = [], settings, copy }: ConfigOverlay = {},
): Promise<LoadedConfig> {
  const main = resolve(path);
  const folder = dirname(main);
  const files: LayerFile[] = [];
  for (const own of await ownFiles(copy?.main ?? main)) files.push({ ...(await parseFile(own)), folder });
  for (const layer of layers) files.push(...(await parseLayer(layer)));
  const merged = files.map(valueOf).reduce(mergeValues);
  const locate = (at: readonly Key[]): string => locateIn(files, at);
  const dbcFolder = files.findLast(({ document }) => document.has("dbc"))?.folder ?? folder;
  const check = (value: unknown): AgentConfig => {
    const parsed = agentConfig.safeParse(value ?? {});
    if (parsed.success) {
      const resolved = resolvePaths(parsed.data, folder, dbcFolder);
      return copy === undefined ? resolved : fromCopy(resolved, copy);
    }
    throw invalid(
      main,
      parsed.error.issues.flatMap((issue) => describeIssue(issue, locate, agentConfig)),
    );
  };
  const written = check(merged);
  const facts = { path: main, locate, layers, copy };
  const under = (set: Settings): AgentConfig => check(withSettings(merged, set, written.commands?.settable ?? []));
  if (settings !== undefined) return { ...facts, config: under(settings), settings, ignored: undefined };
  const found = await readSettings(written.stateDir);
  const asWritten = { ...facts, config: written, settings: {} };
  if (found.kind === "unusable") return { ...asWritten, ignored: found.what };
  try {
    return { ...facts, config: under(found.settings), settings: found.settings, ignored: undefined };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return { ...asWritten, ignored: thrown.message };
  }
}

/** A checked YAML file and the place of each of its values. */
export type LoadedYaml<T> = { readonly value: T; readonly locate: (path: readonly Key[]) => string };

/** Reads and checks a YAML file beside the configuration. Throws `config.invalid` as `loadConfigFile` does. */
export async function loadYamlFile<T>(path: string, schema: z.ZodType<T>): Promise<LoadedYaml<T>> {
  const file = await parseFile(path);
  const locate = (at: readonly Key[]): string => locateIn([file], at);
  const parsed = schema.safeParse(valueOf(file) ?? {});
  if (parsed.success) return { value: parsed.data, locate };
  throw invalid(
    path,
    parsed.error.issues.flatMap((issue) => describeIssue(issue, locate, schema)),
  );
}

/** The checked configuration alone; see `loadConfigFile`. */
export async function loadConfig(path: string): Promise<AgentConfig> {
  return (await loadConfigFile(path)).config;
}

function invalid(path: string, problems: readonly string[]): AgentError {
  return new AgentError("config.invalid", {
    what: problems.join("\n"),
    remedy: `correct the file, then check it with: causeway config validate --config ${path}`,
  });
}

/** The files that the configuration of a vehicle is made of, the main one first. */
export async function ownFiles(main: string): Promise<readonly string[]> {
  return [main, ...(await overlays(dirname(main)))];
}

async function overlays(folder: string): Promise<readonly string[]> {
  try {
    return await layerFiles({ folder });
  } catch (error) {
    throw new AgentError("config.invalid", {
      what: `${join(folder, "agent.d")}: cannot be listed: ${messageOf(error)}`,
      remedy: "make the folder readable for the user that runs causeway",
      cause: error,
    });
  }
}

/** A layer from outside says only what it may say. */
async function parseLayer({ folder, sections }: ConfigLayer): Promise<readonly LayerFile[]> {
  const files: LayerFile[] = [];
  for (const path of await overlays(folder)) {
    const file = await parseFile(path);
    const value = valueOf(file);
    const other = Object.keys(isRecord(value) ? value : {}).find((key) => !sections.includes(key));
    if (other !== undefined) {
      throw invalid(path, [`${locateIn([file], [other])} ${other}: only the vehicle's own files may set this`]);
    }
    files.push({ ...file, folder });
  }
  return files;
}

async function parseFile(path: string): Promise<ConfigFile> {
  const text = await readText(path);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: true });
  const problems = document.errors.map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return `${path}:${line}:${col} ${error.message}`;
  });
  if (problems.length > 0) throw invalid(path, problems);
  if (document.contents !== null && !isMap(document.contents)) {
    throw invalid(path, [`${path}:1:1 the file must hold a map of settings`]);
  }
  return { path, document, lines };
}

function valueOf(file: ConfigFile): unknown {
  try {
    return file.document.toJS({ maxAliasCount: 50 });
  } catch (error) {
    throw invalid(file.path, [`${file.path}: ${messageOf(error)}`]);
  }
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES)
      throw invalid(path, [`${path}: ${size} bytes, more than the ${MAX_FILE_BYTES} that are read`]);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof AgentError) throw error;
    if (errnoOf(error) === "ENOENT") {
      throw new AgentError("config.missing", {
        what: `${path}: no such file`,
        remedy: "name another with --config, or start from: causeway config example > agent.yaml",
        cause: error,
      });
    }
    const encoding = errnoOf(error) === "ERR_ENCODING_INVALID_ENCODED_DATA";
    const what = encoding ? `${path}: not UTF-8 text` : `${path}: cannot be read: ${messageOf(error)}`;
    throw new AgentError("config.invalid", {
      what,
      remedy: "make it a UTF-8 file that the user running causeway may read",
      cause: error,
    });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mergeValues(under: unknown, over: unknown): unknown {
  if (over === undefined || over === null) return under;
  if (!isRecord(under) || !isRecord(over)) return over;
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    merged[key] = Object.hasOwn(under, key) ? mergeValues(under[key], value) : value;
  }
  return merged;
}

function locateIn(files: readonly ConfigFile[], path: readonly Key[]): string {
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

function describeIssue(issue: z.core.$ZodIssue, locate: (path: readonly Key[]) => string, schema: z.ZodType): string[] {
  const path = issue.path.map((key) => (typeof key === "symbol" ? key.toString() : key));
  if (issue.code !== "unrecognized_keys") return [`${locate(path)} ${fieldName(path)}: ${issue.message}`];
  return issue.keys.map((key) => {
    const near = nearest(key, knownKeys(path, schema));
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    return `${locate([...path, key])} ${fieldName([...path, key])}: unknown key${hint}`;
  });
}

function fieldName(path: readonly Key[]): string {
  return path.length === 0
    ? "(file)"
    : path
        .map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`))
        .join("")
        .replace(/^\./, "");
}

/** Keys that the schema knows in the map at `path`. */
function knownKeys(path: readonly Key[], schema: z.ZodType): string[] {
  let schemas: unknown[] = [z.toJSONSchema(schema, { io: "input" })];
  for (const key of path) {
    schemas = schemas.flatMap(alternatives).flatMap((schema) => {
      if (typeof key === "number") return isRecord(schema) && schema.items !== undefined ? [schema.items] : [];
      return isRecord(schema) && isRecord(schema.properties) && schema.properties[key] !== undefined
        ? [schema.properties[key]]
        : [];
    });
  }
  return schemas
    .flatMap(alternatives)
    .flatMap((schema) => (isRecord(schema) && isRecord(schema.properties) ? Object.keys(schema.properties) : []));
}

function alternatives(schema: unknown): unknown[] {
  if (!isRecord(schema)) return [];
  const nested = [schema.anyOf, schema.oneOf].flatMap((list): unknown[] => (Array.isArray(list) ? list : []));
  return [schema, ...nested.flatMap(alternatives)];
}

function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((name) => ({ name, distance: editDistance(word.toLowerCase(), name.toLowerCase()) }));
  ranked.sort((a, b) => a.distance - b.distance);
  return ranked.length > 0 && ranked[0].distance <= Math.max(2, Math.floor(word.length / 3))
    ? ranked[0].name
    : undefined;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    previous = row;
  }
  return previous[b.length];
}
