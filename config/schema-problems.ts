import { z } from "zod";
import { nearestWord } from "../agent/core/nearest-word.ts";
import { alternatives, isRecord, itemSchemas, keySchemas } from "./json-schema.ts";
import type { Key, Locate } from "./yaml-file.ts";

/** What does not fit `schema`, each as "file:line:col field: message"; for an unknown key with the known one that is nearest. */
export function problemLines({ issues }: z.ZodError, schema: z.ZodType, locate: Locate): readonly string[] {
  return issues.flatMap((issue) => linesOf(issue, schema, locate));
}

function linesOf(issue: z.core.$ZodIssue, schema: z.ZodType, locate: Locate): readonly string[] {
  const path = issue.path.map((key) => (typeof key === "symbol" ? key.toString() : key));
  if (issue.code !== "unrecognized_keys") return [`${locate(path)} ${fieldName(path)}: ${issue.message}`];
  return issue.keys.map((key) => {
    const near = nearestWord(key, knownKeys(path, schema));
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    return `${locate([...path, key])} ${fieldName([...path, key])}: unknown key${hint}`;
  });
}

function fieldName(path: readonly Key[]): string {
  if (path.length === 0) return "(file)";
  const name = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
  return name.replace(/^\./, "");
}

/** Keys that the schema knows in the map at `path`. */
function knownKeys(path: readonly Key[], schema: z.ZodType): readonly string[] {
  const schemas = path.reduce(
    (above, key) => (typeof key === "number" ? itemSchemas(above) : keySchemas(above, key)),
    alternatives(z.toJSONSchema(schema, { io: "input" })),
  );
  return schemas.flatMap(({ properties }) => (isRecord(properties) ? Object.keys(properties) : []));
}
