import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from "yaml";

/** Where something stands, both from 1. */
export type Place = { readonly line: number; readonly column: number };

/** A key of a map with its value; `place` is that of the key. */
export type Entry = { readonly key: string; readonly place: Place; readonly value: TemplateNode };

/** A value of a template. A function stands for itself, in its short (`!Ref X`) as in its long form (`Fn::Sub: X`); its name is without "Fn::". */
export type TemplateNode = { readonly place: Place } & (
  | { readonly kind: "scalar"; readonly value: string | number | boolean | null }
  | { readonly kind: "list"; readonly items: readonly TemplateNode[] }
  | { readonly kind: "map"; readonly entries: readonly Entry[] }
  | { readonly kind: "function"; readonly name: string; readonly argument: TemplateNode }
);

/** Something that is wrong, and where. */
export type Problem = Place & { readonly message: string };

/** Intrinsic functions of CloudFormation that have a short form (CloudFormation user guide, intrinsic function reference). */
const FUNCTIONS: ReadonlySet<string> = new Set([
  "And",
  "Base64",
  "Cidr",
  "Condition",
  "Equals",
  "FindInMap",
  "GetAZs",
  "GetAtt",
  "If",
  "ImportValue",
  "Join",
  "Not",
  "Or",
  "Ref",
  "Select",
  "Split",
  "Sub",
]);

/** Reads a template; YAML 1.1 without aliases, as CloudFormation takes it (user guide, template formats). */
export function parseTemplate(text: string): {
  readonly root: TemplateNode | undefined;
  readonly problems: readonly Problem[];
} {
  const lines = new LineCounter();
  const document: Document = parseDocument(text, {
    version: "1.1",
    customTags: (tags) => tags.filter((tag) => tag !== "timestamp"),
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "silent",
  });
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const errors = document.errors.map(({ pos, message }) => ({ ...placeOf(pos[0]), message }));
  if (errors.length > 0 || document.contents === null) return { root: undefined, problems: errors };
  const reader = new Reader(placeOf);
  return { root: reader.read(document.contents), problems: reader.problems };
}

/** The value of a key of a map. */
export function child(node: TemplateNode | undefined, key: string): TemplateNode | undefined {
  return entriesOf(node).find((entry) => entry.key === key)?.value;
}

/** Keys and values of a map; none of anything else. */
export function entriesOf(node: TemplateNode | undefined): readonly Entry[] {
  return node?.kind === "map" ? node.entries : [];
}

/** The text of a scalar that is one. */
export function textOf(node: TemplateNode | undefined): string | undefined {
  return node?.kind === "scalar" && typeof node.value === "string" ? node.value : undefined;
}

/** Every node below and this one, the outer before the inner. */
export function* walk(node: TemplateNode): Generator<TemplateNode> {
  yield node;
  if (node.kind === "list") for (const item of node.items) yield* walk(item);
  if (node.kind === "map") for (const { value } of node.entries) yield* walk(value);
  if (node.kind === "function") yield* walk(node.argument);
}

class Reader {
  readonly problems: Problem[] = [];
  readonly #placeOf: (offset: number) => Place;

  constructor(placeOf: (offset: number) => Place) {
    this.#placeOf = placeOf;
  }

  read(node: unknown): TemplateNode {
    if (!isNode(node)) return { kind: "scalar", value: null, place: { line: 1, column: 1 } };
    const place = this.#placeOf(node.range?.[0] ?? 0);
    const plain = this.#plain(node, place);
    const tag = node.tag?.startsWith("!") === true ? node.tag.slice(1) : undefined;
    if (tag === undefined || tag === "") return plain;
    if (!FUNCTIONS.has(tag)) this.#tell(place, `!${tag} is no function of CloudFormation`);
    return { kind: "function", name: tag, argument: plain, place };
  }

  #plain(node: Node, place: Place): TemplateNode {
    if (isAlias(node)) {
      this.#tell(place, "CloudFormation takes no aliases: write the value again");
      return { kind: "scalar", value: null, place };
    }
    if ("anchor" in node && node.anchor !== undefined) {
      this.#tell(place, `anchor &${String(node.anchor)}: CloudFormation takes no aliases`);
    }
    if (isSeq(node)) return { kind: "list", items: node.items.map((item) => this.read(item)), place };
    if (isMap(node)) return this.#map(node, place);
    return { kind: "scalar", value: isScalar(node) ? scalarOf(node.value) : null, place };
  }

  #map(node: YAMLMap, place: Place): TemplateNode {
    const entries = node.items.filter(isPair).map(({ key, value }) => ({
      key: isScalar(key) ? String(key.value) : "",
      place: this.#placeOf(isNode(key) ? (key.range?.[0] ?? 0) : 0),
      value: this.read(value),
    }));
    const [only] = entries;
    const name = entries.length === 1 && only !== undefined ? /^(?:Fn::(\w+)|(Ref))$/.exec(only.key) : null;
    if (name === null || only === undefined) return { kind: "map", entries, place };
    const called = name[1] ?? name[2] ?? "";
    if (!FUNCTIONS.has(called)) this.#tell(place, `Fn::${called} is no function of CloudFormation`);
    return { kind: "function", name: called, argument: only.value, place };
  }

  #tell(place: Place, message: string): void {
    this.problems.push({ ...place, message });
  }
}

function scalarOf(value: unknown): string | number | boolean | null {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}
