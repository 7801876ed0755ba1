import { AgentError } from "../../agent/core/errors.ts";
import { nearestWord } from "../../agent/core/nearest-word.ts";
import { plainText } from "../../agent/core/plain-text.ts";
import { configJsonSchema } from "../example.ts";
import { alternatives, isRecord, itemSchemas, type JsonSchema, keySchemas } from "../json-schema.ts";
import type { Key } from "../yaml-file.ts";

/** Longest path that is looked at, characters; a key in it may be as long. */
const MAX_PATH = 1000;
/** An index or a key. */
const STEP = /\.?(?:\[(\d{1,9})\]|([^.[\]"]+))/y;
/** Settings elsewhere that end in the same word are told up to here. */
const MAX_TOLD = 4;

/** A setting that the configuration knows. */
export type Setting = {
  readonly path: readonly Key[];
  /** What may be there: one of these. */
  readonly schemas: readonly JsonSchema[];
};

/**
 * The setting that a person names, such as `broker.port`, `buses[0].name` or `buses.0.name`. Throws `usage.invalid` for what the configuration does not know, with the name that is nearest.
 */
export function settingAt(text: string): Setting {
  let schemas = alternatives(configJsonSchema());
  const path: Key[] = [];
  for (const step of stepsOf(text)) {
    const key = indexOf(step, schemas) ?? step;
    const below = typeof key === "number" ? itemSchemas(schemas) : keySchemas(schemas, key);
    if (below.length === 0) throw unknownSetting(text, path, key, schemas);
    path.push(key);
    schemas = below;
  }
  return { path, schemas };
}

/** A path as a person reads it: `buses[0].name`. */
export function pathText(path: readonly Key[]): string {
  const steps = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`));
  return steps.join("").replace(/^\./, "");
}

/** The steps of a path; an index stays a text until it is known whether a list is there. */
function stepsOf(text: string): readonly Key[] {
  const steps: Key[] = [];
  STEP.lastIndex = 0;
  while (text.length <= MAX_PATH && STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (match === null) break;
    const [, index, word] = match;
    steps.push(index === undefined ? word : Number(index));
    if (STEP.lastIndex === text.length && !text.startsWith(".")) return steps;
  }
  throw new AgentError("usage.invalid", {
    what: `${plainText(text, MAX_PATH)}: not the path of a setting`,
    remedy: "write it as broker.port or buses[0].name; causeway config example --all shows every setting",
  });
}

/** `step` as an index, where a list may be. */
function indexOf(step: Key, schemas: readonly JsonSchema[]): number | undefined {
  if (typeof step === "number") return step;
  return /^\d{1,9}$/.test(step) && itemSchemas(schemas).length > 0 ? Number(step) : undefined;
}

function unknownSetting(text: string, above: readonly Key[], key: Key, schemas: readonly JsonSchema[]): AgentError {
  const known = keysOf(schemas);
  const place = above.length === 0 ? "the configuration" : pathText(above);
  const kind = typeof key === "number" ? `${place} is no list` : `${place} has no ${plainText(key, MAX_PATH)}`;
  return new AgentError("usage.invalid", {
    what: `${plainText(text, MAX_PATH)}: no such setting: ${kind}`,
    remedy: `${hintOf(above, key, known)}causeway config example --all shows every setting`,
  });
}

function hintOf(above: readonly Key[], key: Key, known: readonly string[]): string {
  const near = typeof key === "string" ? nearestWord(key, known) : undefined;
  if (near !== undefined) return `did you mean ${pathText([...above, near])}? `;
  const elsewhere = typeof key === "string" ? settingsNamed(key) : [];
  if (elsewhere.length > 0) return `did you mean ${elsewhere.slice(0, MAX_TOLD).join(" or ")}? `;
  return known.length === 0 ? "" : `give one of ${known.toSorted().join(", ")}; `;
}

function keysOf(schemas: readonly JsonSchema[]): readonly string[] {
  return [...new Set(schemas.flatMap(({ properties }) => (isRecord(properties) ? Object.keys(properties) : [])))];
}

/** Paths of settings whose last key this is, capitals aside. */
function settingsNamed(key: string): readonly string[] {
  const wanted = key.toLowerCase();
  return [...new Set(pathsBelow(configJsonSchema(), ""))].filter((path) => {
    return path.slice(path.lastIndexOf(".") + 1).toLowerCase() === wanted;
  });
}

function* pathsBelow(schema: unknown, above: string): Generator<string> {
  for (const one of alternatives(schema)) {
    if (isRecord(one.items)) yield* pathsBelow(one.items, `${above}[0]`);
    for (const [key, below] of Object.entries(isRecord(one.properties) ? one.properties : {})) {
      const path = above === "" ? key : `${above}.${key}`;
      yield path;
      yield* pathsBelow(below, path);
    }
  }
}
