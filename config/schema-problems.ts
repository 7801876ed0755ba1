import { z } from "zod";
import { nearestWord } from "../agent/core/nearest-word.ts";
import { plainText } from "../agent/core/plain-text.ts";
import { alternatives, isRecord, itemSchemas, keySchemas } from "./json-schema.ts";
import type { Key, Locate } from "./yaml-file.ts";

/** Problems that are told one by one: each takes time to find its place. */
const MAX_LINES = 50;
/** Longest name of a field that is told, characters. */
const MAX_FIELD = 200;

/**
 * What does not fit `schema`, each as "file:line:col field: message"; for an unknown key with the known one that is nearest. Of very many
 * the first, and how many more there are.
 */
export function problemLines({ issues }: z.ZodError, schema: z.ZodType, locate: Locate): readonly string[] {
  const count = issues.reduce(
    (total, issue) => total + (issue.code === "unrecognized_keys" ? issue.keys.length : 1),
    0,
  );
  const lines = issues
    .slice(0, MAX_LINES)
    .flatMap((issue) => linesOf(issue, schema, locate))
    .slice(0, MAX_LINES);
  return count > lines.length ? [...lines, `and ${count - lines.length} more problems`] : lines;
}

function linesOf(issue: z.core.$ZodIssue, schema: z.ZodType, locate: Locate): readonly string[] {
  const path = issue.path.map((key) => (typeof key === "symbol" ? key.toString() : key));
  if (issue.code !== "unrecognized_keys") return [`${locate(path)} ${fieldName(path)}: ${issue.message}`];
  const known = knownKeys(path, schema);
  return issue.keys.slice(0, MAX_LINES).map((key) => {
    const near = nearestWord(key, known);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    return `${locate([...path, key])} ${fieldName([...path, key])}: unknown key${hint}`;
  });
}

function fieldName(path: readonly Key[]): string {
  if (path.length === 0) return "(file)";
  const name = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
  const whole = plainText(name.replace(/^\./, ""), MAX_FIELD + 1);
  return whole.length <= MAX_FIELD ? whole : `${whole.slice(0, MAX_FIELD)}...`;
}

/** Keys that the schema knows in the map at `path`. */
function knownKeys(path: readonly Key[], schema: z.ZodType): readonly string[] {
  const schemas = path.reduce(
    (above, key) => (typeof key === "number" ? itemSchemas(above) : keySchemas(above, key)),
    alternatives(z.toJSONSchema(schema, { io: "input" })),
  );
  return schemas.flatMap(({ properties }) => (isRecord(properties) ? Object.keys(properties) : []));
}
