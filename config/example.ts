import { Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { BENCH_IDENTITY, CHOICES, EVERYTHING } from "./example-values.ts";
import { agentConfig } from "./schema.ts";

const HEADER = ` Causeway configuration. Every setting is shown: with its default, or commented out (#key:) where it has none and may be left out.
 Remote commands (commands) and updates (ota) are off: remove the # of their sections to turn them on.
 Check it with: causeway config validate --config FILE
 Files in agent.d/*.yaml beside this one are merged over it in name order.
 yaml-language-server: $schema=agent.schema.json`;

/** JSON Schema (draft 2020-12) of the configuration as a person writes it, for editors. */
export function configJsonSchema(): unknown {
  return z.toJSONSchema(agentConfig, { io: "input" });
}

/** A whole agent.yaml: every default with its meaning as a comment, and every setting without one commented out. It passes the schema as it stands. */
export function exampleConfig(): string {
  const document = new Document(agentConfig.parse(EVERYTHING));
  document.commentBefore = HEADER;
  if (isMap(document.contents)) describe(document.contents, [configJsonSchema()]);
  return withoutOptional(document.toString({ lineWidth: 0 }), agentConfig.parse(CHOICES));
}

/** Comments out what `text` has beyond `live`. */
function withoutOptional(text: string, live: unknown): string {
  const lines = text.split("\n");
  const counter = new LineCounter();
  const { contents } = parseDocument(text, { lineCounter: counter });
  const lineOf = (node: unknown): number =>
    isNode(node) && node.range ? counter.linePos(node.range[0]).line - 1 : Number.NaN;
  const commentFrom = (first: number): void => {
    const column = indentOf(lines[first]);
    for (let at = first; at === first || indentOf(lines[at]) > column; at++) {
      lines[at] = `${lines[at].slice(0, column)}#${lines[at].slice(column)}`;
    }
  };
  const walk = (node: unknown, value: unknown): void => {
    if (isSeq(node) && Array.isArray(value)) {
      const items: readonly unknown[] = value;
      for (const [at, item] of node.items.entries()) {
        if (at < items.length) walk(item, items[at]);
        else commentFrom(lines.findLastIndex((line, n) => n <= lineOf(item) && /^ *- /.test(line)));
      }
    }
    if (!isMap(node) || !isRecord(value)) return;
    for (const { key, value: below } of node.items) {
      const kept = isScalar(key) ? value[String(key.value)] : undefined;
      if (kept === undefined || (isEmpty(kept) && (isMap(below) || isSeq(below)) && below.items.length > 0))
        commentFrom(lineOf(key));
      else walk(below, kept);
    }
  };
  walk(contents, live);
  const end = lines.findIndex((line, at) => at > lines.indexOf("identity:") && /^[#a-z]/.test(line));
  lines.splice(end, 0, ...benchIdentity());
  return lines.join("\n");
}

function benchIdentity(): readonly string[] {
  const lines = new Document({ identity: BENCH_IDENTITY }).toString().trimEnd().split("\n");
  return ["# in place of the one above, with bench: true only", ...lines.map((line) => `#${line}`)];
}

function indentOf(line: string | undefined): number {
  return line === undefined || line === "" ? -1 : line.length - line.trimStart().length;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Writes each key's description above it; `schemas` are the alternatives that may describe `node`. */
function describe(node: unknown, schemas: readonly unknown[]): void {
  const flat = schemas.flatMap(alternatives);
  if (isSeq(node)) {
    for (const item of node.items)
      describe(
        item,
        flat.flatMap((schema) => (schema.items === undefined ? [] : [schema.items])),
      );
  }
  if (!isMap(node)) return;
  const fitting = flat.filter((schema) => fits(node, schema));
  for (const pair of node.items) {
    if (!isScalar(pair.key)) continue;
    const key = String(pair.key.value);
    const below = fitting.flatMap((schema) =>
      isRecord(schema.properties) && schema.properties[key] !== undefined ? [schema.properties[key]] : [],
    );
    const text = below
      .flatMap(alternatives)
      .map((schema) => schema.description)
      .find((description) => typeof description === "string");
    if (text !== undefined) pair.key.commentBefore = ` ${text}`;
    describe(pair.value, below);
  }
}

function alternatives(schema: unknown): Readonly<Record<string, unknown>>[] {
  if (!isRecord(schema)) return [];
  const nested = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : [],
  );
  return [schema, ...nested.flatMap(alternatives)];
}

/** Whether every constant of this alternative (driver, mode) is what the map says. */
function fits(node: { get(key: string): unknown }, schema: Readonly<Record<string, unknown>>): boolean {
  if (!isRecord(schema.properties)) return false;
  return Object.entries(schema.properties).every(
    ([key, value]) => !isRecord(value) || value.const === undefined || node.get(key) === value.const,
  );
}
