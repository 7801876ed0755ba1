import { z } from "zod";

/** Marks the fields that are paths. `isCopied`: what is there belongs into a copy of the configuration. */
export const pathMark = z.registry<{ readonly isCopied: boolean }>();

/** A file or folder as a person writes it; not an absolute one is taken from the folder of the file that it is written in. */
export const path = z.string().min(1).max(4096).register(pathMark, { isCopied: false });

/** A folder that does not depend on where the configuration lies. */
export const absolutePath = path.regex(/^\//, "must be an absolute path");

/** A file that says what is decoded, or whom the agent trusts to be its broker, and not who may act. */
export const copiedPath = z.string().min(1).max(4096).register(pathMark, { isCopied: true });

/** A time of day. */
export const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be HH:MM");

/** A TCP port. */
export const port = z.int().min(1).max(65_535);

/** How a bus is called in records, names of signals and the CLI. */
export const busName = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,32}$/, "must be 1 to 32 letters, digits, '_', '.' or '-'")
  .describe("name in records and in the CLI");
