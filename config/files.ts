import { z } from "zod";
import { bucketsConfig, hostAndPort } from "./buckets.ts";
import { copiedPath } from "./fields.ts";

/** What may be asked for: a support bundle, a finished file of the continuous log (`frameLog`), a DBC file of the configuration, lines of the agent's log. */
export const FILE_KINDS = ["bundle", "capture", "dbc", "logs"] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** A name of the DNS or an address, or every name below one, with a port where it is not 443. */
const hostPattern = z
  .string()
  .regex(
    /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[1-9]\d{0,4})?$/,
    "must be a host in small letters, or '*.' and a domain, with ':PORT' where it is not 443",
  );

/** Files that are too large for records go to an object store over HTTPS. Without this section none do. */
export const filesConfig = z.strictObject({
  hosts: z
    .array(hostPattern)
    .max(16)
    .default([])
    .describe(
      "where files may go by presigned URLs, and nowhere else, for example '*.s3.eu-central-1.amazonaws.com'; nowhere when empty",
    ),
  credentialsHost: hostAndPort
    .optional()
    .describe(
      "credentials provider of AWS IoT that gives credentials for buckets, asked with the certificate of the vehicle; broker.caFile must have the authority of its own",
    ),
  buckets: bucketsConfig.optional().describe("where files may go by name, with credentials of the vehicle's own"),
  kinds: z
    .array(z.enum(FILE_KINDS))
    .min(1)
    .max(FILE_KINDS.length)
    .default([...FILE_KINDS])
    .describe(
      "what may be asked for: support bundles, finished files of frameLog, DBC files of this configuration, lines of the log of the agent; never a path",
    ),
  caFile: copiedPath.optional().describe("root certificates of hosts and buckets; Node's own when absent"),
  maxFileBytes: z.int().min(1000).max(5_000_000_000).default(200_000_000).describe("a longer file is refused"),
  maxStoredBytes: z
    .int()
    .min(1000)
    .max(1_000_000_000_000)
    .default(1_000_000_000)
    .describe("of all files that wait or are on their way; further ones are refused"),
  maxUploads: z.int().min(1).max(256).default(16).describe("that wait or are on their way; further ones are refused"),
  dayBytes: z
    .int()
    .min(100_000)
    .max(1_000_000_000_000)
    .default(500_000_000)
    .describe("bytes a day of UTC, repeats counted; what is more waits for the next day"),
  metered: z
    .enum(["send", "hold"])
    .default("send")
    .describe("hold: nothing goes over a metered link (link.interfaces); send: only the budgets of link hold it"),
  maxBytesPerSecond: z.int().min(1000).max(1_000_000_000).optional().describe("no limit when absent"),
  giveUpHours: z
    .int()
    .min(1)
    .max(8760)
    .default(168)
    .describe("a file of which nothing more has arrived for so long is given up, running time"),
});
export type FilesConfig = z.infer<typeof filesConfig>;
