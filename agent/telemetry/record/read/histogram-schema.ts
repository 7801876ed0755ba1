import { z } from "zod";
import { HISTOGRAM_COUNTS, HISTOGRAM_KINDS } from "../encode/histograms.ts";
import { campaign } from "./campaign-schema.ts";
import { count, integer } from "./wire-fields.ts";

/** `z.number()` refuses infinities, which a state may be. */
const numbers = z.custom<readonly number[]>(
  (value) => Array.isArray(value) && value.every((item) => typeof item === "number"),
);

/** Many cells are checked in one pass. */
const cells = z
  .custom<readonly bigint[]>((value) => Array.isArray(value) && value.every((item) => typeof item === "bigint"))
  .transform((values) => values.map(Number))
  .refine((values) => values.every(Number.isSafeInteger), "cells are beyond 2^53");

const address = z.int().min(0).max(255).optional();

const axis = z.object({
  bus: z.string(),
  message: z.string(),
  name: z.string(),
  unit: z.string(),
  source: address,
  destination: address,
  edges: numbers.refine((edges) => edges.every((edge, at) => at === 0 || edge > edges[at - 1]), "edges do not rise"),
});

function nameOf<T extends string>(prefix: string, names: readonly T[]) {
  return z.string().transform((text, context): T => {
    const found = names.find((name) => text === `${prefix}_${name.toUpperCase()}`);
    if (found !== undefined) return found;
    context.addIssue({ code: "custom", message: "is not known" });
    return z.NEVER;
  });
}

const histogram = z
  .object({
    axes: z.array(axis).min(1).max(2),
    kind: nameOf("HISTOGRAM_KIND", HISTOGRAM_KINDS),
    by: nameOf("HISTOGRAM_COUNT", HISTOGRAM_COUNTS),
    from_us: integer,
    to_us: integer,
    total_cells: z.int().min(1),
    first_cell: z.int().min(0),
    cells,
    states: numbers,
    left_out: count,
    skipped: count,
  })
  .refine((one) => one.first_cell + one.cells.length <= one.total_cells, "cells are beyond the last one");

/** Cells that were counted since they were 0. */
export const histograms = z.object({ campaign, histograms: z.array(histogram) });
