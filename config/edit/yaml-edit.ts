import { isDeepStrictEqual } from "node:util";
import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  stringify,
  visit,
} from "yaml";
import { AgentError } from "../../agent/core/errors.ts";
import { type Key, type YamlFile, yamlFileOf } from "../yaml-file.ts";
import { pathText } from "./setting-path.ts";

/** A piece of text in the place of what stands from `start` to `end`. */
type Splice = { readonly start: number; readonly end: number; readonly text: string };

/**
 * The text of `file` with `value` at `path`. Only the place itself changes: what else stands there keeps its order, comments, blank lines and
 * alignment. Where that cannot be done in place, the whole is written anew by the parser, which keeps comments and order but not each space.
 * Throws `input.malformed` where something else than a map or a list is on the way.
 */
export function withSetting(file: YamlFile, text: string, path: readonly Key[], value: unknown): string {
  const document = file.document.clone();
  const depth = checkedDepth(file, path);
  document.setIn(path.slice(0, depth), document.createNode(nested(path.slice(depth), value)));
  checkAliases(file, document, path);
  return written({ file, path, document }, text, spliceFor(file.document, text, path, value));
}

/**
 * The text of `file` without what it says at `path`, which is there; a comment behind it in the same line goes too. What held it alone stays, as
 * an empty map or list. Otherwise as `withSetting`.
 */
export function withoutSetting(file: YamlFile, text: string, path: readonly Key[]): string {
  const document = file.document.clone();
  document.deleteIn(path);
  checkAliases(file, document, path);
  return written({ file, path, document }, text, removed(file.document, text, path));
}

/** A file that is changed at `path`, and what it then is. */
type Edit = { readonly file: YamlFile; readonly path: readonly Key[]; readonly document: Document };

/** `text` with the splice where it then says what it must, or written anew. */
function written({ file, path, document }: Edit, text: string, splice: Splice | undefined): string {
  const wanted = jsOf(document);
  if (splice !== undefined) {
    const edited = text.slice(0, splice.start) + splice.text + text.slice(splice.end);
    if (holds(file.path, edited, wanted)) return edited;
  }
  const rewritten = document.toString({ lineWidth: 0 });
  if (holds(file.path, rewritten, wanted)) return rewritten;
  throw new AgentError("internal.bug", {
    what: `${file.path}: ${pathText(path)} cannot be changed in it`,
    remedy: "change it by hand, and report this with the file",
  });
}

/** How much of `path` is written in one: up to where nothing is yet. Throws where something else than a map or a list is on the way. */
function checkedDepth(file: YamlFile, path: readonly Key[]): number {
  for (const depth of path.keys()) {
    const at = path.slice(0, depth);
    const above: unknown = depth === 0 ? file.document.contents : file.document.getIn(at, true);
    if (above === undefined || above === null || (isScalar(above) && above.value === null)) return depth;
    if (isSeq(above)) checkIndex(file, at, path[depth], above.items.length);
    else if (!isMap(above)) throw wrongPlace(file, at);
  }
  return path.length;
}

function checkIndex({ path: name }: YamlFile, at: readonly Key[], key: Key, items: number): void {
  if (typeof key === "number" && key <= items) return;
  throw new AgentError("input.malformed", {
    what: `${name}: ${pathText(at)} has ${items} entries there`,
    remedy: `give an index from 0 to ${items}; ${items} adds an entry`,
  });
}

function wrongPlace({ path: name }: YamlFile, at: readonly Key[]): AgentError {
  return new AgentError("input.malformed", {
    what: `${name}: ${pathText(at)} is no map there, or stands for one by an alias`,
    remedy: "edit the file by hand",
  });
}

/** Throws where what was at `path` is what an alias elsewhere stands for. */
function checkAliases({ path: name }: YamlFile, document: Document, path: readonly Key[]): void {
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      throw new AgentError("input.malformed", {
        what: `${name}: *${alias.source} elsewhere stands for what ${pathText(path)} has now`,
        remedy: "edit the file by hand",
      });
    },
  });
}

function holds(name: string, text: string, wanted: unknown): boolean {
  try {
    return isDeepStrictEqual(yamlFileOf(name, text).value, wanted);
  } catch (thrown) {
    if (thrown instanceof AgentError) return false;
    throw thrown;
  }
}

function jsOf(document: Document): unknown {
  const value: unknown = document.toJS({ maxAliasCount: -1 });
  return value;
}

/** Where the text changes; undefined where the text does not show it. */
function spliceFor(document: Document, text: string, path: readonly Key[], value: unknown): Splice | undefined {
  for (let depth = path.length; depth > 0; depth--) {
    const found: unknown = document.getIn(path.slice(0, depth), true);
    if (!isNode(found)) continue;
    const isWhole = depth === path.length;
    if (isWhole || (isScalar(found) && found.value === null)) {
      return replaced(document, text, path.slice(0, depth), nested(path.slice(depth), value));
    }
    return added(found, text, path.slice(depth), value);
  }
  const { contents } = document;
  if (isMap(contents)) return added(contents, text, path, value);
  const start = text.trimEnd().length === 0 ? 0 : text.length;
  const before = start === 0 || text.endsWith("\n") ? "" : "\n";
  return { start, end: text.length, text: `${before}${block(nested(path, value), 0)}\n` };
}

/** `value` in the maps and lists that `path` needs. */
function nested(path: readonly Key[], value: unknown): unknown {
  return path.reduceRight((below, key) => (typeof key === "number" ? [below] : { [key]: below }), value);
}

/** Another value in the place of one that is there. */
function replaced(document: Document, text: string, path: readonly Key[], value: unknown): Splice | undefined {
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const old: unknown = document.getIn(path, true);
  if (!isNode(old) || !old.range || !isCollection(parent)) return undefined;
  const [start, end] = old.range;
  const isInline = parent.flow === true || (isCollection(old) ? old.flow === true : !isComposite(value));
  const key = keyOf(parent, path.at(-1));
  // Where nothing stands, a comment may follow the colon.
  const behindColon = start === end && key?.range && text[key.range[1]] === ":" ? key.range[1] + 1 : undefined;
  if (isInline && behindColon !== undefined) return { start: behindColon, end: behindColon, text: ` ${flow(value)}` };
  if (isInline) return { start, end, text: `${text[start - 1] === ":" ? " " : ""}${flow(value)}` };
  if (isCollection(old) && isComposite(value)) {
    const column = columnOf(text, start);
    return { start, end: trimmed(text, end), text: block(value, column) };
  }
  if (!key?.range) return undefined;
  const indent = columnOf(text, key.range[0]);
  const below = isComposite(value) ? `\n${" ".repeat(indent + 2)}${block(value, indent + 2)}` : ` ${flow(value)}`;
  return { start: key.range[1], end: trimmed(text, Math.max(end, key.range[1])), text: `:${below}` };
}

/** A key or an item more in a map or a list. */
function added(parent: Node, text: string, path: readonly Key[], value: unknown): Splice | undefined {
  if (!isCollection(parent) || !parent.range) return undefined;
  const isList = isSeq(parent);
  const entry = isList ? [nested(path.slice(1), value)] : nested(path, value);
  if (parent.flow === true) {
    const inner = flow(entry).slice(1, -1).trim();
    const last: unknown = parent.items.at(-1);
    const at = last === undefined ? parent.range[0] + 1 : endOf(last);
    if (at === undefined) return undefined;
    return { start: at, end: at, text: last === undefined ? ` ${inner} ` : `, ${inner}` };
  }
  const first: unknown = parent.items[0];
  const last = endOf(parent.items.at(-1));
  const start = isList ? parent.range[0] : isPair(first) && isNode(first.key) ? first.key.range?.[0] : undefined;
  if (last === undefined || start === undefined) return undefined;
  const column = columnOf(text, start);
  const at = lineEnd(text, trimmed(text, last));
  return { start: at, end: at, text: `\n${" ".repeat(column)}${block(entry, column)}` };
}

/** The lines of a key or an item gone; undefined where other things stand in them. */
function removed(document: Document, text: string, path: readonly Key[]): Splice | undefined {
  const above = path.slice(0, -1);
  const parent: unknown = above.length === 0 ? document.contents : document.getIn(above, true);
  if (!isCollection(parent) || parent.flow === true) return undefined;
  if (parent.items.length === 1)
    return above.length === 0 ? undefined : replaced(document, text, above, isSeq(parent) ? [] : {});
  const key = path.at(-1);
  const item: unknown = isSeq(parent) ? document.getIn(path, true) : parent.items.find((one) => isPairOf(one, key));
  const node = isPair(item) ? item.key : item;
  const end = endOf(item);
  if (!isNode(node) || !node.range || end === undefined) return undefined;
  const start = node.range[0] - columnOf(text, node.range[0]);
  const before = text.slice(start, node.range[0]);
  if (!(isSeq(parent) ? /^\s*-\s+$/ : /^\s*$/).test(before)) return undefined;
  return { start, end: Math.min(text.length, lineEnd(text, trimmed(text, end)) + 1), text: "" };
}

function isPairOf(item: unknown, key: Key | undefined): boolean {
  return isPair(item) && isScalar(item.key) && item.key.value === key;
}

function keyOf(parent: unknown, key: Key | undefined): Node | undefined {
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find((item) => isPairOf(item, key));
  return pair !== undefined && isNode(pair.key) ? pair.key : undefined;
}

/** Where an entry ends, without what comes behind it. */
function endOf(item: unknown): number | undefined {
  if (isPair(item)) return endOfPair(item);
  return isNode(item) ? item.range?.[1] : undefined;
}

function endOfPair({ key, value }: Pair): number | undefined {
  if (isNode(value) && value.range) return value.range[1];
  return isNode(key) ? key.range?.[1] : undefined;
}

function isComposite(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/** In one line, with the spaces that people write. */
function flow(value: unknown): string {
  return stringify(value, { lineWidth: 0, collectionStyle: "flow", flowCollectionPadding: true })
    .trimEnd()
    .replaceAll(/\n\s*/g, " ");
}

/** In lines, all but the first of them indented. */
function block(value: unknown, indent: number): string {
  return stringify(value, { lineWidth: 0 })
    .trimEnd()
    .replaceAll("\n", `\n${" ".repeat(indent)}`);
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}

function lineEnd(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end < 0 ? text.length : end;
}

/** `offset` without the line ends before it. */
function trimmed(text: string, offset: number): number {
  let end = offset;
  while (end > 0 && /\s/.test(text[end - 1] ?? "")) end -= 1;
  return end;
}
