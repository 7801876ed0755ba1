import { Document, isMap, isNode, isScalar, isSeq, LineCounter, type Pair, parseDocument, visit } from "yaml";
import { z } from "zod";
import { BENCH_IDENTITY, CHOICES, EVERYTHING } from "./example-values.ts";
import { alternatives, isRecord, itemSchemas, type JsonSchema, keySchemas } from "./json-schema.ts";
import { agentConfig } from "./schema.ts";

const HEADER = ` Causeway configuration. Every setting is shown: with its default, or commented out (#key:) where it has none and may be left out.
 Remote commands (commands) and updates (ota) are off: remove the # of their sections to turn them on.
 Check it with: causeway config validate --config FILE
 Files in agent.d/*.yaml beside this one are merged over it in name order.
 yaml-language-server: $schema=agent.schema.json`;

const SHORT_HEADER = ` What a vehicle has to say; everything else has a default. Every setting: causeway config example --all
 Check it with: causeway config validate --config FILE
 yaml-language-server: $schema=/usr/share/causeway/agent.schema.json`;

/** JSON Schema (draft 2020-12) of the configuration as a person writes it, for editors. */
export function configJsonSchema(): unknown {
  return z.toJSONSchema(agentConfig, { io: "input" });
}

/** A whole agent.yaml: every default with its meaning as a comment, and every setting without one commented out. It passes the schema as it stands. */
export function exampleConfig(): string {
  const document = new Document(agentConfig.parse(EVERYTHING));
  document.commentBefore = HEADER;
  visit(document, { Pair: (_, { key, value }) => asHexadecimal(key, value) });
  if (isMap(document.contents)) describe(document.contents, alternatives(configJsonSchema()));
  return withoutOptional(document.toString({ lineWidth: 0 }), agentConfig.parse(CHOICES));
}

/** What has to be chosen, to begin with; it passes the schema as it stands. */
export function shortExample(): string {
  const document = new Document(CHOICES);
  document.commentBefore = SHORT_HEADER;
  if (isMap(document.contents)) describe(document.contents, alternatives(configJsonSchema()));
  return document.toString({ lineWidth: 0 });
}

/** Arbitration ids are read in hexadecimal. */
function asHexadecimal(key: unknown, value: unknown): void {
  if (isScalar(key) && key.value === "response" && isScalar(value)) value.format = "HEX";
}

/** Comments out what `text` has beyond `live`. */
function withoutOptional(text: string, live: unknown): string {
  const lines = text.split("\n");
  const counter = new LineCounter();
  const { contents } = parseDocument(text, { lineCounter: counter });
  for (const { node, isItem } of beyond(contents, live)) {
    const line = isNode(node) && node.range ? counter.linePos(node.range[0]).line - 1 : Number.NaN;
    commentOut(lines, isItem ? lines.findLastIndex((text, at) => at <= line && /^ *- /.test(text)) : line);
  }
  const end = lines.findIndex((line, at) => at > lines.indexOf("identity:") && /^[#a-z]/.test(line));
  lines.splice(end, 0, ...benchIdentity());
  return lines.join("\n");
}

/** Comments out a line and all that is indented below it. */
function commentOut(lines: string[], first: number): void {
  const column = indentOf(lines[first]);
  for (let at = first; at === first || indentOf(lines[at]) > column; at++) {
    lines[at] = `${lines[at].slice(0, column)}#${lines[at].slice(column)}`;
  }
}

/** An item of a list, or a key of a map. */
type Extra = { readonly node: unknown; readonly isItem: boolean };

/** What `node` has beyond `live`: the outermost of it. */
function* beyond(node: unknown, live: unknown): Generator<Extra> {
  if (isSeq(node) && Array.isArray(live)) yield* itemsBeyond(node.items, live);
  if (isMap(node) && isRecord(live)) yield* keysBeyond(node.items, live);
}

function* itemsBeyond(items: readonly unknown[], live: readonly unknown[]): Generator<Extra> {
  for (const [at, item] of items.entries()) {
    if (at < live.length) yield* beyond(item, live[at]);
    else yield { node: item, isItem: true };
  }
}

function* keysBeyond(pairs: readonly Pair[], live: Readonly<Record<string, unknown>>): Generator<Extra> {
  for (const { key, value } of pairs) {
    const kept = isScalar(key) ? live[String(key.value)] : undefined;
    if (kept === undefined || (isEmpty(kept) && hasItems(value))) yield { node: key, isItem: false };
    else yield* beyond(value, kept);
  }
}

function hasItems(node: unknown): boolean {
  return (isMap(node) || isSeq(node)) && node.items.length > 0;
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

/** Writes each key's description above it; `schemas` are the alternatives that may describe `node`. */
function describe(node: unknown, schemas: readonly JsonSchema[]): void {
  if (isSeq(node)) for (const item of node.items) describe(item, itemSchemas(schemas));
  if (!isMap(node)) return;
  const fitting = schemas.filter((schema) => fits(node, schema));
  for (const pair of node.items) {
    if (!isScalar(pair.key)) continue;
    const below = keySchemas(fitting, String(pair.key.value));
    const text = below.map(({ description }) => description).find((one) => typeof one === "string");
    if (text !== undefined) pair.key.commentBefore = ` ${text}`;
    describe(pair.value, below);
  }
}

/** Whether every constant of this alternative (driver, mode) is what the map says. */
function fits(node: { get(key: string): unknown }, schema: JsonSchema): boolean {
  if (!isRecord(schema.properties)) return false;
  return Object.entries(schema.properties).every(
    ([key, value]) => !isRecord(value) || value.const === undefined || node.get(key) === value.const,
  );
}
