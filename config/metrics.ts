import { z } from "zod";
import { path, port } from "./fields.ts";

/** Where the numbers of the agent are told, beside `causeway metrics` and `causeway status`. */
export const metricsConfig = z.strictObject({
  scrape: z
    .strictObject({
      socketFile: path
        .optional()
        .describe("Unix socket, in a folder that the agent may write to; who may write to the socket may ask"),
      port: port.optional().describe("TCP port of 127.0.0.1; every user of the machine may ask"),
      maxClients: z.int().min(1).max(64).default(4).describe("connections at a time, of each of the two"),
    })
    .refine(
      ({ socketFile, port: given }) => socketFile !== undefined || given !== undefined,
      "must name socketFile, port or both",
    )
    .optional()
    .describe("HTTP GET /metrics for a scraper on this machine; absent: nobody is answered"),
  textFile: z
    .strictObject({
      folder: path.describe("of the textfile collector; the file in it is causeway.prom"),
      seconds: z.int().min(5).max(86_400).default(60).describe("how often it is written"),
    })
    .optional()
    .describe("file for the textfile collector of node_exporter; absent: none is written"),
  health: z
    .strictObject({
      minutes: z.int().min(1).max(10_080).default(60).describe("between two reports"),
    })
    .optional()
    .describe("records of kind health, on the event stream, offline too; absent: none are made"),
});

export type MetricsConfig = z.infer<typeof metricsConfig>;
