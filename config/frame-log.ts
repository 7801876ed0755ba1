import { z } from "zod";
import { busName, path } from "./fields.ts";

/** A filter as candump takes it behind the name of an interface. */
const candumpFilter = z
  .string()
  .regex(
    /^(?:[0-9a-f]{1,8}[:~][0-9a-f]{1,8}|#[0-9a-f]{1,8}|j)$/i,
    "must be <id>:<mask>, <id>~<mask>, #<error mask> or j, in hexadecimal",
  );

/** The continuous log: raw frames in files that stay in the vehicle until somebody fetches them. */
export const frameLogConfig = z.strictObject({
  folder: path.describe("for the logs alone; one outside of the state folder must be in ReadWritePaths= of the unit"),
  buses: z.array(busName).min(1).max(32).optional().describe("all buses when absent"),
  ids: z
    .array(candumpFilter)
    .min(1)
    .max(256)
    .optional()
    .describe(
      "filters of candump, any of which lets a frame through; error frames come only with #<error mask>. Everything when absent",
    ),
  format: z
    .enum(["candump", "asc", "blf"])
    .default("candump")
    .describe("asc and blf are Vector's; blf is the smallest"),
  splitBytes: z.int().min(10_000).max(4_000_000_000).default(50_000_000).describe("a file of this size is closed"),
  splitSeconds: z
    .int()
    .min(10)
    .max(86_400)
    .optional()
    .describe("a file ends at whole multiples of this time since midnight UTC; by size alone when absent"),
  maxBytes: z
    .int()
    .min(20_000)
    .max(4_000_000_000_000)
    .default(1_000_000_000)
    .describe("of all files together; the oldest are removed"),
  keepFreeBytes: z
    .int()
    .min(0)
    .max(1_000_000_000_000)
    .default(256_000_000)
    .describe("left free on the disk for everything else: the oldest files are removed, and then nothing is logged"),
  bufferBytes: z
    .int()
    .min(80_000)
    .max(64_000_000)
    .default(4_000_000)
    .describe("of memory for frames that wait for the disk, 80 bytes each; further ones are dropped and counted"),
});
