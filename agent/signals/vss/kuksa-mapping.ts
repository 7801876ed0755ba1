import { z } from "zod";
import { DEFAULT_INTERVAL_MS, MAX_INTERVAL_MS, type Mapping, type MappingEntry, type Transform } from "./mapping.ts";
import { parseMath } from "./math.ts";
import { readVssTree, type VssLeaf, type VssTree } from "./vss-tree.ts";

/** Values of one signal that are mapped one by one, at most. */
const MAX_PAIRS = 1024;

const value = z.union([z.string().max(256), z.number(), z.boolean()]);
const mathTransform = z.strictObject({ math: z.string().min(1).max(1000) });
const valuesTransform = z.strictObject({
  mapping: z
    .array(z.looseObject({ from: value, to: value }))
    .min(1)
    .max(MAX_PAIRS),
});
const dbc2vss = z.looseObject({
  signal: z.string().min(1).max(256),
  interval_ms: z.number().min(0).max(MAX_INTERVAL_MS).optional(),
  on_change: z.boolean().default(false),
  transform: z.looseObject({ math: z.unknown(), mapping: z.unknown() }).partial().optional(),
});
type Dbc2Vss = z.infer<typeof dbc2vss>;

/**
 * The mapping in a VSS tree: `dbc2vss` (or `dbc`, its old name) of its leaves. What goes the other way, `vss2dbc`, is not looked at.
 * Source: eclipse-kuksa/kuksa-can-provider, mapping/README.md.
 */
export function readKuksaMapping(text: string): Mapping & Pick<VssTree, "leaves"> {
  const tree = readVssTree(text);
  const entries = tree.leaves.flatMap((leaf) => (leaf.dbc === undefined ? [] : entryOf(tree, leaf)));
  if (entries.length === 0 && tree.problems.errors.length === 0) {
    tree.problems.error(0, "no signal in it has dbc2vss: it is a catalogue and no mapping");
  }
  return { entries, problems: tree.problems, leaves: tree.leaves };
}

function entryOf(tree: VssTree, leaf: VssLeaf): readonly MappingEntry[] {
  const given = dbc2vss.safeParse(leaf.dbc);
  if (!given.success) {
    const [issue] = given.error.issues;
    refuse(tree, leaf, issue.path, issue.message);
    return [];
  }
  const transform = transformOf(tree, leaf, given.data);
  if (transform === undefined) return [];
  const { signal, on_change: onChange, interval_ms: intervalMs = onChange ? 0 : DEFAULT_INTERVAL_MS } = given.data;
  const { path, unit, datatype } = leaf;
  const at = tree.offsetOf([...keysOf(leaf), "signal"]);
  return [{ signal, path, unit, datatype, transform, intervalMs: Math.round(intervalMs), onChange, at }];
}

function transformOf(tree: VssTree, leaf: VssLeaf, { transform }: Dbc2Vss): Transform | undefined {
  if (transform === undefined) return { kind: "none" };
  if (transform.math !== undefined && transform.mapping !== undefined) {
    refuse(tree, leaf, ["transform"], "has math and mapping; only one of them can be meant");
    return undefined;
  }
  return transform.mapping === undefined ? mathOf(tree, leaf, transform) : valuesOf(tree, leaf, transform);
}

function mathOf(tree: VssTree, leaf: VssLeaf, transform: unknown): Transform | undefined {
  const given = mathTransform.safeParse(transform);
  if (!given.success) {
    refuse(tree, leaf, ["transform"], "must be {math: TEXT} or {mapping: [{from, to}]}");
    return undefined;
  }
  const parsed = parseMath(given.data.math);
  if (parsed.kind === "formula") return { kind: "math", formula: parsed.formula };
  refuse(tree, leaf, ["transform", "math"], parsed.problem);
  return undefined;
}

function valuesOf(tree: VssTree, leaf: VssLeaf, transform: unknown): Transform | undefined {
  const given = valuesTransform.safeParse(transform);
  if (given.success) return { kind: "values", pairs: given.data.mapping.map(({ from, to }) => [from, to]) };
  const [issue] = given.error.issues;
  refuse(tree, leaf, ["transform", ...issue.path], issue.message);
  return undefined;
}

function refuse(tree: VssTree, leaf: VssLeaf, path: readonly PropertyKey[], problem: string): void {
  const keys = path.filter((key) => typeof key !== "symbol");
  const field = [leaf.path, "dbc2vss", ...keys].join(".");
  tree.problems.error(tree.offsetOf([...keysOf(leaf), ...keys]), `${field}: ${problem}`);
}

/** `dbc2vss` counts where both are there. */
function keysOf({ place }: VssLeaf): readonly string[] {
  return [...place, "dbc2vss"];
}
