import { z } from "zod";
import { FILE_KINDS } from "../../config/files.ts";
import { verb } from "./verb.ts";

/** Somebody at the vehicle has a file sent to the object store. Without `url`, which is a secret, or `bucket` of the configuration it waits until the cloud names a place. */
export const fileUpload = verb({
  name: "file.upload",
  socket: "admin",
  request: z.object({
    kind: z.enum(FILE_KINDS),
    name: z.string().min(1).max(1024).optional(),
    url: z.string().min(1).max(8192).optional(),
    bucket: z.string().min(1).max(32).optional(),
    reason: z.string().max(256).default(""),
  }),
  answer: z.discriminatedUnion("kind", [
    z.object({
      schemaVersion: z.literal(1),
      kind: z.literal("ordered"),
      upload: z.string(),
      file: z.string(),
      bytes: z.int().min(0),
      /** Hexadecimal. */
      sha256: z.string(),
      state: z.string(),
    }),
    /** Nothing was done; why, for people. */
    z.object({ schemaVersion: z.literal(1), kind: z.literal("refused"), what: z.string() }),
  ]),
});
