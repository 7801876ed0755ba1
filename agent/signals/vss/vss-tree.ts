import { z } from "zod";
import { messageOf } from "../../core/errors.ts";
import { ProblemList } from "../dbc/draft.ts";
import { jsonOffset, syntaxOffset } from "./json-places.ts";

/** Branches in one another; a catalogue has about ten. */
const MAX_DEPTH = 32;
/** Leaves and branches of a tree, instances counted; release 6.0 has about 2000. */
const MAX_NODES = 20_000;

/** A leaf of a VSS tree: a signal of the vehicle as the cloud knows it. */
export type VssLeaf = {
  /** Names joined by dots, for example "Vehicle.Speed". */
  readonly path: string;
  /** uint8, boolean, float, string, string[] ... */
  readonly datatype: string;
  /** As the catalogue writes it; empty where there is none. */
  readonly unit: string;
  readonly description: string;
  /** What a mapping file adds to the leaf, unchecked. */
  readonly dbc: unknown;
  /** Keys from the root of the file. */
  readonly place: readonly string[];
};

/** The leaves of a file, in its order, and all that is wrong with it. */
export type VssTree = {
  readonly leaves: readonly VssLeaf[];
  readonly problems: ProblemList;
  /** Offset in the text of what `place` leads to, with more keys behind it. */
  readonly offsetOf: (place: readonly (string | number)[]) => number;
};

const instances = z.union([z.string(), z.array(z.union([z.string(), z.array(z.string())]))]);
const branch = z.looseObject({ children: z.record(z.string(), z.unknown()), instances: instances.optional() });
const leaf = z.looseObject({
  type: z.enum(["sensor", "actuator", "attribute"]),
  datatype: z.string().min(1).max(64),
  unit: z.string().max(64).default(""),
  description: z.string().default(""),
  instantiate: z.boolean().default(true),
});

/** Key of the structs that a tree may use; they are no signals. */
const TYPES_ROOT = "ComplexDataTypes";

/**
 * Reads a VSS catalogue as `vspec export json` writes it, and kuksa's mapping files, which are such catalogues with a mapping at some leaves
 * (COVESA Vehicle Signal Specification 6.0, rule set; vss-tools, docs/json.md). Instances may be expanded or not.
 */
export function readVssTree(text: string): VssTree {
  const problems = new ProblemList(text);
  const offsetOf = (place: readonly (string | number)[]): number => jsonOffset(text, place);
  const roots = parse(text, problems);
  const walk: Walk = { leaves: [], problems, offsetOf, nodes: 0 };
  for (const [name, node] of Object.entries(roots)) {
    if (name !== TYPES_ROOT) walkNode(walk, { path: name, place: [name], node });
  }
  if (walk.leaves.length === 0 && problems.errors.length === 0) problems.error(0, "there is no signal in it");
  return { leaves: walk.leaves, problems, offsetOf };
}

type Walk = VssTree & { readonly leaves: VssLeaf[]; nodes: number };
type Node = { readonly path: string; readonly place: readonly string[]; readonly node: unknown };

function parse(text: string, problems: ProblemList): Readonly<Record<string, unknown>> {
  // Of the same length, so that places stay what they are.
  const json = text.replace(/^\uFEFF/, " ");
  try {
    const value: unknown = JSON.parse(json);
    const roots = z.record(z.string(), z.unknown()).safeParse(value);
    if (roots.success) return roots.data;
    problems.error(0, "expected an object with the root of the tree, such as Vehicle");
  } catch (thrown) {
    problems.error(syntaxOffset(json), `not JSON: ${messageOf(thrown)}`);
  }
  return {};
}

function walkNode(walk: Walk, { path, place, node }: Node): void {
  walk.nodes += 1;
  if (walk.nodes > MAX_NODES) {
    walk.problems.error(walk.offsetOf(place), `more than ${MAX_NODES} signals and branches`);
    return;
  }
  const inner = branch.safeParse(node);
  if (inner.success) {
    if (place.length / 2 > MAX_DEPTH) {
      walk.problems.error(walk.offsetOf(place), `${path} is nested deeper than ${MAX_DEPTH}`);
      return;
    }
    walkChildren(walk, { path, place, node: inner.data });
    return;
  }
  const parsed = leaf.safeParse(node);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const keys = issue.path.filter((key) => typeof key !== "symbol");
    walk.problems.error(walk.offsetOf([...place, ...keys]), `${path}: ${[...keys, issue.message].join(": ")}`);
    return;
  }
  addLeaf(walk, path, place, parsed.data);
}

function addLeaf(walk: Walk, path: string, place: readonly string[], node: z.infer<typeof leaf>): void {
  const { datatype, unit, description } = node;
  walk.leaves.push({ path, datatype, unit, description, dbc: node.dbc2vss ?? node.dbc, place });
}

function walkChildren(
  walk: Walk,
  { path, place, node }: Omit<Node, "node"> & { readonly node: z.infer<typeof branch> },
): void {
  const prefixes = instancesOf(node.instances).map((instance) => `${path}${instance}`);
  for (const [name, child] of Object.entries(node.children)) {
    const below = [...place, "children", name];
    const isOnce = leaf.safeParse(child).data?.instantiate === false;
    for (const prefix of isOnce ? [path] : prefixes) {
      if (walk.nodes > MAX_NODES) return;
      walkNode(walk, { path: `${prefix}.${name}`, place: below, node: child });
    }
  }
}

/** What stands behind the name of a branch for each of its instances: "Row[1,2]" and ["Left", "Right"] are levels, a list of lists too. */
function instancesOf(given: z.infer<typeof instances> | undefined): readonly string[] {
  if (given === undefined) return [""];
  const isNested = Array.isArray(given) && given.some((one) => Array.isArray(one) || /\[\d+,\d+\]$/.test(one));
  const levels = isNested ? given : [given];
  return levels.map(namesOf).reduce(combined, [""]);
}

/** Each of `above` with each of `names` behind it; no more than a tree may have. */
function combined(above: readonly string[], names: readonly string[]): readonly string[] {
  const most = Math.ceil((MAX_NODES + 1) / Math.max(1, names.length));
  return above.slice(0, most).flatMap((one) => names.map((name) => `${one}.${name}`));
}

function namesOf(level: string | readonly (string | readonly string[])[]): readonly string[] {
  if (typeof level !== "string") return level.flat();
  const range = /^(\w*)\[(\d{1,3}),\s*(\d{1,3})\]$/.exec(level);
  if (range === null) return [level];
  const [, name, first, last] = range;
  const count = Math.max(0, Number(last) - Number(first) + 1);
  return Array.from({ length: count }, (_, index) => `${name}${Number(first) + index}`);
}
