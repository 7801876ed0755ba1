import { z } from "zod";
import { busName, copiedPath } from "./fields.ts";

/** Whether the platform can read text of this encoding, by its label of the WHATWG Encoding Standard. */
export function isEncoding(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== "";
  } catch {
    return false;
  }
}

/** A DBC file, the buses that it describes, and how it is read. */
export const dbcFile = z.strictObject({
  file: copiedPath.describe("DBC file"),
  buses: z.array(busName).min(1).optional().describe("all buses when absent"),
  encoding: z
    .string()
    .min(1)
    .max(32)
    .refine(isEncoding, "is no encoding that can be read")
    .optional()
    .describe("of a file that is not UTF-8, such as shift_jis or gb18030; windows-1252 when absent, with a warning"),
  strict: z
    .boolean()
    .default(false)
    .describe("refuses a file with mistakes; otherwise what is damaged in it is left out and reported"),
  match: z
    .enum(["file", "pgn", "id"])
    .default("file")
    .describe(
      "what frames with 29-bit ids are known by: pgn is the parameter group of J1939, NMEA 2000 and ISOBUS, whoever sends it; file is what VFrameFormat or ProtocolType of the file says",
    ),
});
