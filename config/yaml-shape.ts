import { type Document, isAlias, isCollection, isPair, isScalar, type Node } from "yaml";

/** Levels of maps and lists in each other. */
const MAX_DEPTH = 64;
/** Aliases of a file, and parts that it comes to have by them beside those that are written down. */
const MAX_ALIASES = 100;
const MAX_ALIASED_PARTS = 10_000;

/** What is wrong at an offset of the text. */
export type ShapeProblem = { readonly offset: number; readonly problem: string };

/** What is at an anchor: how many parts were counted before it, and with it; undefined while it goes on. */
type Anchored = { readonly before: number; after: number | undefined };

type Step =
  | { readonly kind: "node"; readonly node: unknown; readonly depth: number }
  | { readonly kind: "end"; readonly anchored: Anchored };

/**
 * What a document has that costs more than its length, or that no map of settings can have: keys that are maps or lists, keys that are
 * there twice, deep levels, aliases that multiply. Takes time in proportion to the document, which the checks of the parser do not.
 */
export function shapeProblems({ contents }: Document): readonly ShapeProblem[] {
  return new ShapeCheck().of(contents);
}

class ShapeCheck {
  readonly #problems: ShapeProblem[] = [];
  readonly #anchors = new Map<string, Anchored>();
  readonly #steps: Step[] = [];
  #aliases = 0;
  #aliasedParts = 0;
  #parts = 0;

  of(contents: unknown): readonly ShapeProblem[] {
    this.#steps.push({ kind: "node", node: contents, depth: 0 });
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      if (step.kind === "end") step.anchored.after = this.#parts;
      else this.#visit(step.node, step.depth);
    }
    return this.#problems;
  }

  #visit(node: unknown, depth: number): void {
    this.#parts += 1;
    if (isAlias(node)) this.#alias(node.source, offsetOf(node));
    if ((isScalar(node) || isCollection(node)) && node.anchor !== undefined) this.#begin(node.anchor);
    if (!isCollection(node)) return;
    if (depth >= MAX_DEPTH) {
      this.#problems.push({ offset: offsetOf(node), problem: `more than ${MAX_DEPTH} levels in each other` });
      return;
    }
    // Last first, since the newest step is taken next.
    const below = node.items.flatMap((item) => (isPair(item) ? [item.key, item.value] : [item]));
    for (const one of below.toReversed()) this.#steps.push({ kind: "node", node: one, depth: depth + 1 });
    this.#checkKeys(node.items);
  }

  #begin(anchor: string): void {
    const anchored = { before: this.#parts, after: undefined };
    this.#anchors.set(anchor, anchored);
    this.#steps.push({ kind: "end", anchored });
  }

  #alias(name: string, offset: number): void {
    const anchored = this.#anchors.get(name);
    if (anchored?.after === undefined) {
      this.#problems.push({ offset, problem: `no anchor &${name} stands whole before its alias` });
      return;
    }
    this.#aliases += 1;
    const parts = anchored.after - anchored.before;
    this.#parts += parts;
    this.#aliasedParts += parts;
    if (this.#aliases <= MAX_ALIASES && this.#aliasedParts <= MAX_ALIASED_PARTS) return;
    const problem = `aliases stand for too much: at most ${MAX_ALIASES}, with ${MAX_ALIASED_PARTS} parts, are followed`;
    this.#problems.push({ offset, problem });
  }

  #checkKeys(items: readonly unknown[]): void {
    const known = new Set<string>();
    for (const item of items) {
      if (!isPair(item)) continue;
      const { key } = item;
      const value: unknown = isScalar(key) ? key.value : undefined;
      if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
        this.#problems.push({ offset: offsetOf(key), problem: "a key must be a word or a number" });
        continue;
      }
      const name = String(value);
      if (known.has(name)) this.#problems.push({ offset: offsetOf(key), problem: "Map keys must be unique" });
      known.add(name);
    }
  }
}

function offsetOf(node: unknown): number {
  const { range }: Partial<Pick<Node, "range">> = isScalar(node) || isCollection(node) || isAlias(node) ? node : {};
  return range?.[0] ?? 0;
}
