import { z } from "zod";
import { copiedPath } from "./fields.ts";

/** What signals are in the COVESA Vehicle Signal Specification (VSS). */
export const vssConfig = z.strictObject({
  release: z
    .string()
    .regex(/^\d{1,2}\.\d{1,2}(\.\d{1,2})?(-?rc\d{1,2})?$/, "must be a release of the catalogue, such as 6.0")
    .describe("of the catalogue that paths and units are of, such as 4.2, 5.0 or 6.0: they differ"),
  mappingFile: copiedPath.describe(
    "which signal is which path: a VSS tree (JSON) with dbc2vss at its leaves, as kuksa has it, or CSV with the columns signal, vss_path, unit, factor, offset; see causeway dbc map",
  ),
  collect: z
    .boolean()
    .default(false)
    .describe("interval_ms and on_change of the mapping are rules of collection, before those of collect.rules"),
  catalogueFile: copiedPath
    .optional()
    .describe("the catalogue as vspec export json writes it; paths and units are checked against it"),
});
export type VssConfig = z.infer<typeof vssConfig>;
