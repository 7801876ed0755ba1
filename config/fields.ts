import { z } from "zod";

/** A file or folder as a person writes it; not an absolute one is taken from the folder of the configuration. */
export const path = z.string().min(1).max(4096);

/** A TCP port. */
export const port = z.int().min(1).max(65_535);
