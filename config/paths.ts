import { isAbsolute, join } from "node:path";
import { z } from "zod";
import type { ConfigCopy } from "../agent/core/config-copy.ts";
import { pathMark } from "./fields.ts";
import { isRecord } from "./json-schema.ts";
import { type AgentConfig, agentConfig } from "./schema.ts";
import type { Key } from "./yaml-file.ts";

/** The schemas that are of a path, or have one below: the others are not looked into, and a thousand rules cost nothing. */
const HOLDERS: ReadonlySet<z.core.$ZodType> = new Set(holdersIn(agentConfig));

/** A path in a configuration, as its schema marks it. */
type FoundPath = {
  readonly path: string;
  /** Where it is written. */
  readonly at: readonly Key[];
  readonly isCopied: boolean;
  /** Puts another one into its place. */
  readonly replace: (path: string) => void;
};

/** The configuration with absolute paths; `folderOf` says from which folder what is written at a place is taken. */
export function resolvePaths(config: AgentConfig, folderOf: (at: readonly Key[]) => string): AgentConfig {
  return withPaths(config, ({ path, at }) => (isAbsolute(path) ? path : join(folderOf(at), path)));
}

/** The files that `config` names and that belong into a copy of it: what is decoded, and whom the agent trusts to be its broker. None of them says who may act. */
export function copiedFiles(config: AgentConfig): readonly string[] {
  return [...pathsIn(agentConfig, config)].flatMap(({ path, isCopied }) => (isCopied ? [path] : []));
}

/**
 * `config` as read from a copy, with the copies of the files that it names. What lets others act is left out, since the files that
 * cannot be read may have taken it away: no catalogue, and no programs that jobs run.
 */
export function fromCopy(config: AgentConfig, { files }: ConfigCopy): AgentConfig {
  const { commands, ota, ...others } = withPaths(config, ({ path, isCopied }) =>
    isCopied ? (files.get(path) ?? path) : path,
  );
  return {
    ...others,
    ...(commands === undefined ? {} : { commands: { ...commands, catalogueFile: undefined } }),
    ...(ota === undefined ? {} : { ota: { ...ota, jobs: { ...ota.jobs, handlers: [] } } }),
  };
}

function withPaths(config: AgentConfig, pathOf: (found: FoundPath) => string): AgentConfig {
  const changed = structuredClone(config);
  for (const found of pathsIn(agentConfig, changed)) found.replace(pathOf(found));
  return changed;
}

/** The paths in a value that `schema` has taken. */
function* pathsIn(
  schema: z.core.$ZodType,
  value: unknown,
  at: readonly Key[] = [],
  replace: FoundPath["replace"] = () => undefined,
): Generator<FoundPath> {
  const bare = unwrapped(schema);
  if (!HOLDERS.has(bare)) return;
  const mark = pathMark.get(bare);
  if (mark !== undefined && typeof value === "string") yield { path: value, at, replace, ...mark };
  if (bare instanceof z.ZodUnion) {
    const fitting = bare.options.find((option) => fits(option, value));
    if (fitting !== undefined) yield* pathsIn(fitting, value, at, replace);
  }
  for (const [key, below] of partsOf(bare, value)) {
    const part: unknown = Reflect.get(below.holder, key);
    yield* pathsIn(below.schema, part, [...at, key], (path) => void Reflect.set(below.holder, key, path));
  }
}

function holdersIn(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const bare = unwrapped(schema);
  const below = schemasBelow(bare).flatMap(holdersIn);
  return below.length > 0 || pathMark.get(bare) !== undefined ? [bare, ...below] : [];
}

function schemasBelow(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  if (schema instanceof z.core.$ZodObject) return Object.values(schema._zod.def.shape);
  if (schema instanceof z.core.$ZodArray) return [schema._zod.def.element];
  return schema instanceof z.core.$ZodUnion ? schema._zod.def.options : [];
}

/** Whether an alternative has taken the value: by the constants of its keys (driver, mode) where it has some. */
function fits(option: z.core.$ZodType, value: unknown): boolean {
  const { propValues } = option._zod;
  if (propValues === undefined || !isRecord(value)) return z.safeParse(option, value).success;
  return Object.entries(propValues).every(([key, constants]) => [...constants].some((one) => one === value[key]));
}

/** Keys of a map or indices of a list, each with its schema and what holds it. */
function partsOf(
  schema: z.core.$ZodType,
  value: unknown,
): readonly (readonly [key: Key, below: { readonly schema: z.core.$ZodType; readonly holder: object }])[] {
  if (typeof value !== "object" || value === null) return [];
  if (schema instanceof z.core.$ZodObject) {
    return Object.entries(schema._zod.def.shape).map(([key, below]) => [key, { schema: below, holder: value }]);
  }
  if (!(schema instanceof z.ZodArray) || !Array.isArray(value)) return [];
  return Array.from(value, (_, index) => [index, { schema: schema.element, holder: value }]);
}

/** A schema without what it says of a value that is missing. */
function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  let bare = schema;
  while (bare instanceof z.ZodOptional || bare instanceof z.ZodDefault || bare instanceof z.ZodPrefault) {
    bare = bare.unwrap();
  }
  return bare;
}
