import { z } from "zod";
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
    const near = nearest(key, knownKeys(path, schema));
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
