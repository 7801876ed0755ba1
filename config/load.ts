import { dirname, join, resolve } from "node:path";
import type { z } from "zod";
import type { ConfigCopy } from "../agent/core/config-copy.ts";
import { AgentError } from "../agent/core/errors.ts";
import { fileTrouble } from "../agent/core/file-trouble.ts";
import { isRecord, valueAt } from "./json-schema.ts";
import { type ConfigLayer, layerFiles } from "./layers.ts";
import { type Overrides, readOverrides, withOverrides } from "./overrides.ts";
import { fromCopy, resolvePaths } from "./paths.ts";
import { type AgentConfig, agentConfig } from "./schema.ts";
import { problemLines } from "./schema-problems.ts";
import { invalidFile, type Key, type Locate, locateIn, readYamlFile, type YamlFile, yamlFileOf } from "./yaml-file.ts";

/** A file of a layer or of the vehicle's own folder, from which its relative paths are taken. */
type LayerFile = YamlFile & { readonly folder: string };

/** A checked configuration and the place of each of its values. */
export type LoadedConfig = {
  readonly path: string;
  /** Paths in it are absolute. */
  readonly config: AgentConfig;
  /** What was set by commands, as far as it is in force. */
  readonly overrides: Overrides;
  /** The layers that lie above the vehicle's own files. */
  readonly layers: readonly ConfigLayer[];
  /** What was read in place of the vehicle's own files; undefined when they were. */
  readonly copy: ConfigCopy | undefined;
  /** Why what was set is not in force. */
  readonly ignored: string | undefined;
  readonly locate: Locate;
  /** "file:line:col" where the value in force was written, or an entry of it was; undefined where it is a default. Of what commands have set it knows nothing. */
  readonly origin: (path: readonly Key[]) => string | undefined;
};

/** What lies above the vehicle's own files. */
export type ConfigOverlay = {
  /** Each over the ones before it; none when absent. */
  readonly layers?: readonly ConfigLayer[];
  /** Tried instead of what commands have set so far. */
  readonly overrides?: Overrides;
  /** Read in place of the vehicle's own files, but as if it were where they are. */
  readonly copy?: ConfigCopy | undefined;
  /** Text by path in the place of what the vehicle's own files hold, there or not yet. */
  readonly drafts?: ReadonlyMap<string, string>;
};

/**
 * Reads and checks `agent.yaml` and, in name order, `agent.d/*.yaml` beside it. A later file replaces scalars and lists and
 * merges maps. Relative paths are taken from the folder of `path`. The layers lie above both, and what commands have set above all; of
 * what was stored nothing is when it does not fit any more.
 *
 * Throws `config.missing`, or `config.invalid` with every problem on a line of its own as "file:line:col field: message".
 */
export async function loadConfigFile(path: string, overlay: ConfigOverlay = {}): Promise<LoadedConfig> {
  const { layers = [], overrides, copy, drafts = new Map<string, string>() } = overlay;
  const main = resolve(path);
  const own = withDrafts(await ownFiles(copy?.main ?? main), drafts);
  const files = await layerOf(own, dirname(main), drafts);
  for (const layer of layers) files.push(...(await outerLayer(layer)));
  const merged = files.map(({ value }) => value).reduce(mergeValues);
  const written = checked(main, files, merged, copy);
  const origin = (at: readonly Key[]): string | undefined => originIn(files, at);
  const facts = { path: main, locate: locatorIn(files), origin, layers, copy };
  const under = (set: Overrides): AgentConfig =>
    checked(main, files, withOverrides(merged, set, written.commands?.settable ?? []), copy);
  if (overrides !== undefined) return { ...facts, config: under(overrides), overrides, ignored: undefined };
  const found = await readOverrides(written.stateDir);
  const asWritten = { ...facts, config: written, overrides: {} };
  if (found.kind === "unusable") return { ...asWritten, ignored: found.what };
  if (Object.keys(found.overrides).length === 0) return { ...asWritten, ignored: undefined };
  try {
    return { ...facts, config: under(found.overrides), overrides: found.overrides, ignored: undefined };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return { ...asWritten, ignored: thrown.message };
  }
}

/** What is parsed once is not worth a parser that is compiled for it: without one it takes half as long. */
const ONCE = { jitless: true } as const;

/** The configuration that `merged` is, with the paths of each file taken from its folder. Throws `config.invalid`. */
function checked(
  main: string,
  files: readonly LayerFile[],
  merged: unknown,
  copy: ConfigCopy | undefined,
): AgentConfig {
  const parsed = agentConfig.safeParse(merged ?? {}, ONCE);
  if (!parsed.success) throw invalidFile(main, problemLines(parsed.error, agentConfig, locatorIn(files)));
  const writes = ({ value }: LayerFile, at: readonly Key[]): boolean => valueAt(value, at) !== undefined;
  const folderOf = (at: readonly Key[]): string => files.findLast((file) => writes(file, at))?.folder ?? dirname(main);
  const resolved = resolvePaths(parsed.data, folderOf);
  return copy === undefined ? resolved : fromCopy(resolved, copy);
}

function locatorIn(files: readonly YamlFile[]): Locate {
  return (at, offset) => locateIn(files, at, offset);
}

/** By the rules of `mergeValues`: maps are merged, anything else is of the last file that says it. */
function originIn(files: readonly YamlFile[], at: readonly Key[]): string | undefined {
  let writers = files;
  for (let depth = 1; depth <= at.length; depth++) {
    const above = at.slice(0, depth);
    const saying = writers.filter(({ value }) => isSaid(valueAt(value, above)));
    const last = saying.at(-1);
    if (last === undefined) return undefined;
    writers = isRecord(valueAt(last.value, above)) ? saying : [last];
  }
  return locateIn(writers.slice(-1), at);
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Files in the order in which they are merged, with those that a draft makes. */
function withDrafts([main, ...others]: readonly string[], drafts: ReadonlyMap<string, string>): readonly string[] {
  const made = [...drafts.keys()].filter((path) => path !== main && !others.includes(path));
  return [main, ...[...others, ...made].sort()];
}

/** A checked YAML file and the place of each of its values. */
export type LoadedYaml<T> = { readonly value: T; readonly locate: Locate };

/**
 * Reads and checks a YAML file that the configuration names. Throws as `loadConfigFile` does, with remedies that do not take the file for
 * a configuration.
 */
export async function loadYamlFile<T>(path: string, schema: z.ZodType<T>): Promise<LoadedYaml<T>> {
  try {
    const file = await readYamlFile(path);
    const locate = locatorIn([file]);
    const parsed = schema.safeParse(file.value ?? {});
    if (parsed.success) return { value: parsed.data, locate };
    throw invalidFile(path, problemLines(parsed.error, schema, locate));
  } catch (thrown) {
    throw thrown instanceof AgentError ? ofNamedFile(thrown) : thrown;
  }
}

function ofNamedFile({ code, message: what, remedy, cause }: AgentError): AgentError {
  if (code === "config.missing") {
    return new AgentError(code, { what, remedy: "put it there, or name another where this one is named", cause });
  }
  if (cause !== undefined) return new AgentError(code, { what, remedy, cause });
  return new AgentError(code, { what, remedy: "correct the file, then: causeway config validate", cause });
}

/** The checked configuration alone; see `loadConfigFile`. */
export async function loadConfig(path: string): Promise<AgentConfig> {
  return (await loadConfigFile(path)).config;
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
      what: `${join(folder, "agent.d")}: cannot be listed: ${fileTrouble(error)}`,
      remedy: "make the folder readable for the user that runs causeway",
      cause: error,
    });
  }
}

async function layerOf(
  paths: readonly string[],
  folder: string,
  drafts?: ReadonlyMap<string, string>,
): Promise<LayerFile[]> {
  const files: LayerFile[] = [];
  for (const path of paths) {
    const draft = drafts?.get(path);
    files.push({ ...(draft === undefined ? await readYamlFile(path) : yamlFileOf(path, draft)), folder });
  }
  return files;
}

/** A layer from outside says only what it may say. */
async function outerLayer({ folder, sections }: ConfigLayer): Promise<readonly LayerFile[]> {
  const files = await layerOf(await overlays(folder), folder);
  for (const file of files) {
    const other = Object.keys(isRecord(file.value) ? file.value : {}).find((key) => !sections.includes(key));
    if (other === undefined) continue;
    const place = locateIn([file], [other]);
    throw invalidFile(file.path, [`${place} ${other}: only the vehicle's own files may set this`]);
  }
  return files;
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
