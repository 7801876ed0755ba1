import { z } from "zod";

const tableName = z.string().regex(/^[\w.-]{3,255}$/, "must be 3 to 255 letters, digits, '_', '.' or '-'");

/** The section `sink` of the worker's settings for a store in DynamoDB. */
export const dynamodbSettings = z.strictObject({
  kind: z.literal("dynamodb"),
  recordsTable: tableName.describe("of records: config/aws/records.yaml makes it"),
  stateTable: tableName.describe("of what is known beside them"),
  region: z.string().min(1).optional().describe("as the AWS SDK finds it when absent"),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("of another service than that of the region"),
  keepDays: z.int().min(1).max(36_500).default(90).describe("records, from when they came"),
  stateDays: z
    .int()
    .min(1)
    .max(36_500)
    .default(400)
    .describe(
      "seqs, clocks, signal tables and last values, from when they were last written: longer than a vehicle may be silent",
    ),
  lastKnown: z
    .boolean()
    .default(true)
    .describe(
      "write the last known value of each signal: at each commit an item for each bus of each thing in it, of each worker its own",
    ),
});

/** How a store in DynamoDB is reached, and how long things are kept there. */
export type DynamodbSettings = z.infer<typeof dynamodbSettings>;
