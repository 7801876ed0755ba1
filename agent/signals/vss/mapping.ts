import type { ProblemList } from "../dbc/draft.ts";
import type { MathFormula } from "./math.ts";

/** A value that a mapping file writes down. */
export type MappedValue = string | number | boolean;

/** What a mapping file says of the value. */
export type Transform =
  /** Nothing: the units decide. */
  | { readonly kind: "none" }
  | { readonly kind: "linear"; readonly factor: number; readonly offset: number }
  | { readonly kind: "math"; readonly formula: MathFormula }
  /** By the text of the value, or its physical value. */
  | { readonly kind: "values"; readonly pairs: readonly (readonly [from: MappedValue, to: MappedValue])[] };

/** One line of a mapping: a signal of a DBC file and a path in VSS. */
export type MappingEntry = {
  /** SIGNAL, MESSAGE.SIGNAL or one of the longer forms of `findSignal`. */
  readonly signal: string;
  readonly path: string;
  /** In VSS, as written; undefined where the mapping says nothing of it. */
  readonly unit: string | undefined;
  /** In VSS; undefined where the mapping says nothing of it. */
  readonly datatype: string | undefined;
  readonly transform: Transform;
  /** Least time between two values, ms; 0 for none. */
  readonly intervalMs: number;
  readonly onChange: boolean;
  /** Offset in the file. */
  readonly at: number;
};

/** The lines of a mapping file that can be read, and all that is wrong with it. */
export type Mapping = { readonly entries: readonly MappingEntry[]; readonly problems: ProblemList };

/** Interval of a signal of which a mapping file says nothing (kuksa-can-provider, mapping/README.md, "Mapping syntax"). */
export const DEFAULT_INTERVAL_MS = 1000;
/** Longest interval that is taken: a day, as in rules of collection. */
export const MAX_INTERVAL_MS = 86_400_000;
