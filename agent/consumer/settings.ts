import { z } from "zod";
import { path, port } from "../../config/fields.ts";
import { createTopicReader } from "./intake/topics.ts";
import { brokerSettings } from "./mqtt/broker-settings.ts";
import { sinkSettings } from "./sinks.ts";

/** Filters of one SUBSCRIBE at AWS IoT Core are 8: these, that of records and that of tables. */
const MAX_FOREIGN = 6;

/** A level of a topic, and a part of the client id: no wildcard, no slash. */
const word = z.string().regex(/^[A-Za-z0-9_.:-]{1,60}$/, "must be 1 to 60 letters, digits, '_', '.', ':' or '-'");

function template(...needed: readonly string[]): z.ZodString {
  const missing = (text: string): string[] => needed.filter((name) => text.split(`{${name}}`).length !== 2);
  return z
    .string()
    .max(1000)
    .refine(
      (text) => missing(text).length === 0,
      `must hold ${needed.map((name) => `{${name}}`).join(" and ")}, each once`,
    )
    .refine((text) => !/[+#\s]/.test(text), "must hold neither wildcards nor spaces");
}

/** The settings file of a worker. */
export const consumerConfig = z
  .strictObject({
    broker: brokerSettings,
    group: word
      .default("causeway")
      .describe("name of the shared subscription: each record goes to one worker of a group"),
    slot: word
      .default("0")
      .describe(
        "which worker of the group this is; the same after a restart, and never that of another: it is in the MQTT client id",
      ),
    slots: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe("in place of slot: a worker takes a free one of so many, kept in the store; needs sink.kind dynamodb"),
    leaves: z
      .boolean()
      .default(false)
      .describe(
        "a worker that does not come back: at its end it gives up its share of the records to the others of the group",
      ),
    topics: z
      .strictObject({
        record: template("thing", "stream").default("dt/causeway/{thing}/{stream}"),
        schema: template("thing", "id").default("dt/causeway/{thing}/schema/{id}"),
        foreign: z
          .array(template("thing"))
          .max(MAX_FOREIGN)
          .default([])
          .describe(
            "topics of records in the form of another cloud: kept as they are, and counted by their user properties",
          ),
      })
      .superRefine(({ foreign, ...own }, context) => {
        const topics = createTopicReader(own);
        foreign.forEach((one, at) => {
          if (topics.ownerOf(one.replaceAll("{thing}", "thing")) === undefined && foreign.indexOf(one) === at) return;
          const message = "is a topic of records or signal tables, or is there twice";
          context.addIssue({ code: "custom", path: ["foreign", at], message });
        });
      })
      .prefault({})
      .describe("record and schema as in topics of the vehicles"),
    sink: sinkSettings,
    batch: z
      .strictObject({
        count: z
          .int()
          .min(1)
          .max(10_000)
          .optional()
          .describe(
            "half of broker.receiveMaximum when absent, at most 50: so records come while others are committed",
          ),
        bytes: z.int().min(1).max(1_000_000_000).default(8_388_608),
        ageMs: z.int().min(0).max(60_000).default(250).describe("longest wait of a record for others"),
      })
      .prefault({})
      .describe("records that are committed together"),
    retry: z
      .strictObject({
        minMs: z.int().min(10).max(60_000).default(200),
        maxMs: z.int().min(100).max(600_000).default(30_000),
      })
      .prefault({})
      .describe("delay before a sink that failed is asked again: full jitter, doubled each time"),
    tables: z
      .strictObject({
        waitSeconds: z.int().min(0).max(600).default(5).describe("how long a record waits for its signal table"),
        maxSignals: z.int().min(1000).max(100_000_000).default(1_000_000).describe("signals of all tables at hand"),
      })
      .prefault({}),
    gaps: z
      .strictObject({
        everySeconds: z.int().min(10).max(86_400).default(300),
        graceSeconds: z
          .int()
          .min(0)
          .max(2_592_000)
          .default(86_400)
          .describe("a gap is told when it has been known for so long: a backlog comes after live records"),
      })
      .prefault({}),
    decrypt: z
      .strictObject({
        privateKeyFile: path.optional().describe("RSA key, PEM, of the pinned public key of the vehicles"),
        kms: z
          .strictObject({
            region: z.string().min(1).optional().describe("as the AWS SDK finds it when absent"),
            keyArns: z.array(z.string().min(1)).min(1).max(100).describe("keys that are asked, no others are"),
          })
          .optional(),
      })
      .refine(
        ({ privateKeyFile, kms }) => (privateKeyFile === undefined) !== (kms === undefined),
        "holds privateKeyFile or kms, one of them",
      )
      .optional()
      .describe("without it nothing is taken while encrypted records come"),
    refused: z
      .strictObject({ dir: path, maxBytes: z.int().min(1_000_000).max(1_000_000_000_000).default(100_000_000) })
      .optional()
      .describe("where messages are put aside that are no records; absent: they are only counted"),
    metrics: z
      .strictObject({ host: z.string().min(1).max(253).default("127.0.0.1"), port: port.default(9464) })
      .prefault({})
      .describe("GET /metrics for Prometheus, GET /healthz"),
    stopSeconds: z.int().min(1).max(600).default(20).describe("bound of a stop"),
    logLevel: z.enum(["error", "warn", "info", "debug"]).default("info"),
  })
  .superRefine(({ slots, sink }, context) => {
    if (slots === undefined || sink.kind === "dynamodb") return;
    const message = "needs sink.kind dynamodb; workers of another store are told their slot";
    context.addIssue({ code: "custom", path: ["slots"], message });
  })
  .superRefine(({ batch, broker }, context) => {
    if (batch.count === undefined || batch.count <= broker.receiveMaximum) return;
    const message = `is more than broker.receiveMaximum (${broker.receiveMaximum}): such a batch would never be full`;
    context.addIssue({ code: "custom", path: ["batch", "count"], message });
  });

export type ConsumerConfig = z.infer<typeof consumerConfig>;
