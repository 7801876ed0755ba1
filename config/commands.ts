import { z } from "zod";
import { path } from "./fields.ts";
import { settableKey } from "./overrides.ts";
import { rollbackCounter } from "./rollback-counter.ts";
import { signalName } from "./signal-name.ts";

const companionFilter = z
  .string()
  .max(200)
  .regex(/^[^#+\0]*\/\+\/[^#+\0]+$/, "must have one level '+', for the name of the request, and no other wildcard");

/** Remote commands. Without this section the agent takes none. */
export const commandsConfig = z.strictObject({
  policyFile: path.describe("YAML: who may ask for what; see policy.example.yaml"),
  catalogueFile: path
    .optional()
    .describe("YAML: actions that write to a bus, or that programs do; see catalogue.example.yaml"),
  aws: z
    .strictObject({ enabled: z.boolean().default(true) })
    .prefault({})
    .describe("AWS IoT Commands, JSON and CBOR"),
  protobuf: z
    .strictObject({
      enabled: z.boolean().default(false),
      prefix: z
        .string()
        .max(128)
        .regex(/^[^#+\0/][^#+\0]*[^#+\0/]$/, "must not hold a wildcard, or begin or end with '/'")
        .default("$aws/commands")
        .describe("or cms/commands; only a service behind $aws/ says that it has taken an answer"),
    })
    .prefault({})
    .describe("protobuf flavour of AWS IoT FleetWise; the catalogue says what its numbers stand for"),
  sovd: z
    .strictObject({
      enabled: z.boolean().default(false),
      prefix: z
        .string()
        .max(128)
        .regex(/^[^#+\0/$][^#+\0]*[^#+\0/]$/, "must not hold a wildcard, or begin or end with '/', or begin with '$'")
        .default("cms/commands")
        .describe("before things/THING/executions/ID/..."),
      thing: z
        .string()
        .regex(/^[^#+/\0]{1,128}$/, "must be one level of a topic, of at most 128 characters")
        .optional()
        .describe("THING in the topics, which is the VIN for some; thingName when absent"),
      level: z.enum(["sovd", "diag"]).default("sovd").describe("level before request and response"),
      components: z
        .record(
          z.string().regex(/^[\w.-]{1,64}$/, "must be 1 to 64 letters, digits, '_', '.' or '-'"),
          z.string().min(1).max(64),
        )
        .default({})
        .describe("control unit of diagnostics that the cloud calls so; others have the same name here and there"),
      timeoutSeconds: z
        .int()
        .min(1)
        .max(3600)
        .default(120)
        .describe("end of a request that names none: until then it waits for its turn"),
      maxAnswerBytes: z.int().min(1024).max(131_072).default(80_000).describe("a longer answer goes in parts"),
    })
    .prefault({})
    .describe("diagnostics in JSON as the Connected Mobility guidance asks for them: SOVD over MQTT"),
  companion: z
    .strictObject({
      enabled: z.boolean().default(true).describe("takes requests of MQTT 5 with a response topic"),
      request: companionFilter
        .default("cmd/causeway/{thing}/+/request")
        .describe("topic of requests; + is the name of who asks"),
      responsePrefix: z
        .string()
        .min(1)
        .max(200)
        .regex(/^[^#+\0$][^#+\0]*$/, "must not hold a wildcard or begin with '$'")
        .default("cmd/causeway/{thing}/")
        .describe("answers go only to topics that begin so"),
    })
    .prefault({})
    .describe("companion apps over MQTT 5 request/response"),
  capture: z
    .strictObject({
      maxSeconds: z.int().min(1).max(3600).default(60).describe("longest capture that a command may ask for"),
      maxFrames: z.int().min(100).max(10_000_000).default(500_000).describe("further ones are counted, not kept"),
    })
    .prefault({})
    .describe("bounds of capture.frames"),
  settable: z
    .array(settableKey)
    .max(100)
    .default([])
    .describe(
      "keys of this configuration that config.set may set, for example log.level; they count from the next start",
    ),
  locate: z
    .strictObject({
      latitude: signalName,
      longitude: signalName,
      maxAgeMs: z.int().min(100).max(86_400_000).default(60_000).describe("an older position is not told"),
    })
    .optional()
    .describe(
      "signals that vehicle.locate reads, in degrees; where place says where positions come from, it tells those",
    ),
  maxRequestBytes: z.int().min(256).max(131_072).default(32_768).describe("longer requests are refused unread"),
  maxRunning: z
    .int()
    .min(1)
    .max(64)
    .default(4)
    .describe("commands that may run at a time, reads apart; further ones are refused as busy"),
  maxReading: z.int().min(1).max(64).default(8).describe("reads (class R0) that may run at a time, besides"),
  maxLifeSeconds: z
    .int()
    .min(1)
    .max(604_800)
    .default(3600)
    .describe("how far in the future the expiry of a command may lie"),
  clockWaitSeconds: z
    .int()
    .min(0)
    .max(600)
    .default(60)
    .describe(
      "how long a command with an expiry waits after a start until a battery-backed clock or a time service vouches for the time",
    ),
  maxSkewMs: z.int().min(0).max(600_000).default(5000).describe("how far a requester's clock may be ahead"),
  audit: z
    .strictObject({
      refusalsPerMinute: z
        .int()
        .min(1)
        .max(6000)
        .default(60)
        .describe(
          "refused requests that are remembered and audited one by one; further ones are counted, and audited together",
        ),
      maxBytes: z
        .int()
        .min(65_536)
        .max(1_000_000_000)
        .optional()
        .describe(
          "of control records that wait for delivery: beyond it the audit trail waits in the journal; a twentieth of outbox.maxBytes when absent, which is what data never uses",
        ),
    })
    .prefault({})
    .describe("what the audit trail may cost"),
  rollbackCounter: rollbackCounter
    .optional()
    .describe(
      "a counter in the TPM that vouches for ledger and keys against an old disk, another than that of ota; a second file alone without it",
    ),
  ledger: z
    .strictObject({
      maxCommands: z.int().min(100).max(1_000_000).default(20_000).describe("commands remembered at most"),
      maxReads: z
        .int()
        .min(10)
        .max(100_000)
        .default(1000)
        .describe("reads that are remembered, besides; the oldest that is answered goes first"),
      maxRefused: z.int().min(10).max(100_000).default(1000).describe("refused commands that are remembered"),
      keepHours: z
        .int()
        .min(1)
        .max(8760)
        .default(336)
        .describe("running time for which a command is known again; longer than a broker may deliver it again"),
    })
    .prefault({}),
});
export type CommandsConfig = z.infer<typeof commandsConfig>;

/** What AWS IoT Core adds to the life of a session before it gives up delivering, seconds. */
const REDELIVERY_SECONDS = 3600;

/** Why the ledger would forget a command that may still come; undefined when it does not. */
export function forgetsTooEarly(commands: CommandsConfig, sessionExpirySeconds: number): string | undefined {
  const neededSeconds = commands.maxLifeSeconds + sessionExpirySeconds + REDELIVERY_SECONDS;
  if (commands.ledger.keepHours * 3600 >= neededSeconds) return undefined;
  return `must be at least ${Math.ceil(neededSeconds / 3600)}: maxLifeSeconds, broker.sessionExpirySeconds and an hour of redelivery`;
}
