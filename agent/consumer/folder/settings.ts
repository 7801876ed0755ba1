import { z } from "zod";

/** The section `sink` of the worker's settings for files in a folder. */
export const folderSettings = z.strictObject({
  kind: z.literal("folder"),
  path: z.string().min(1).describe("folder of the files and of state.db; all its workers are on one machine"),
  format: z.enum(["parquet", "csv", "ndjson"]).default("parquet"),
  layout: z
    .enum(["hive", "daily"])
    .default("hive")
    .describe("hive: samples/thing=/date=/part-N; daily: THING/DATE, one file a vehicle and day, appended to"),
  rollSeconds: z.int().min(1).max(86_400).default(600).describe("longest a record is only in state.db, s"),
  rollSamples: z
    .int()
    .min(1000)
    .max(1_000_000)
    .default(100_000)
    .describe("samples of a vehicle that are written before that; also what is in memory at a time"),
  clockWaitSeconds: z
    .int()
    .min(0)
    .max(604_800)
    .default(600)
    .describe("how long a record of an unsynchronised clock waits for a better one of its boot, s"),
  tableWaitSeconds: z
    .int()
    .min(0)
    .max(31_536_000)
    .default(86_400)
    .describe("how long samples wait for their signal table before they are written as events with raw values, s"),
  maxStagedBytes: z
    .int()
    .min(1_000_000)
    .max(1_000_000_000_000)
    .default(10_000_000_000)
    .describe("payloads in state.db; above it nothing is taken"),
});

/** Where files go, of which kind, and when. */
export type FolderSettings = z.infer<typeof folderSettings>;
