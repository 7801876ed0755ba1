import { readCsvMapping } from "./csv-mapping.ts";
import { readKuksaMapping } from "./kuksa-mapping.ts";
import type { Mapping } from "./mapping.ts";
import type { VssLeaf } from "./vss-tree.ts";

/** A mapping, and the catalogue that it is part of where it is a VSS tree. */
export type ReadMapping = Mapping & { readonly leaves: readonly VssLeaf[] | undefined };

/** Reads a mapping file: a VSS tree with `dbc2vss` at its leaves (kuksa) where it begins with '{', CSV otherwise. */
export function readMapping(text: string): ReadMapping {
  return /^\uFEFF?\s*\{/.test(text) ? readKuksaMapping(text) : { ...readCsvMapping(text), leaves: undefined };
}

/** Leaves by their paths. */
export function byPath(leaves: readonly VssLeaf[]): ReadonlyMap<string, VssLeaf> {
  return new Map(leaves.map((leaf) => [leaf.path, leaf]));
}
