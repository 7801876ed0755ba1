import { z } from "zod";
import { brokerConfig } from "./broker.ts";
import { busConfig } from "./buses.ts";
import { campaignCloud, campaignLimits } from "./campaign-arrival.ts";
import { commandsConfig } from "./commands.ts";
import { crossProblems } from "./cross-checks.ts";
import { dbcFile } from "./dbc.ts";
import { defenderConfig } from "./defender.ts";
import { diagnosticsConfig } from "./diagnostics.ts";
import { payloadEncryption, restEncryption } from "./encryption.ts";
import { absolutePath, path } from "./fields.ts";
import { filesConfig } from "./files.ts";
import { fleetwiseConfig } from "./fleetwise.ts";
import { frameLogConfig } from "./frame-log.ts";
import { identityConfig } from "./identity.ts";
import { linkConfig } from "./link.ts";
import { metricsConfig } from "./metrics.ts";
import { otaConfig } from "./ota.ts";
import { placeConfig } from "./place.ts";
import { powerConfig } from "./power.ts";
import { programsConfig } from "./programs.ts";
import { provisioningConfig, renewalConfig } from "./provisioning.ts";
import { proxyConfig } from "./proxy.ts";
import { securityConfig } from "./security.ts";
import { shadowsConfig } from "./shadows.ts";
import { snapshotConfig } from "./snapshot.ts";
import { timeConfig } from "./time.ts";
import { tunnelsConfig } from "./tunnels.ts";
import { vssConfig } from "./vss.ts";

const topicTemplate = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^#+\0]+$/, "must not hold a wildcard");

const collectRule = z.discriminatedUnion("mode", [
  z.strictObject({
    signals: z
      .string()
      .min(1)
      .max(256)
      .describe(
        "pattern over MESSAGE.SIGNAL, BUS/MESSAGE.SIGNAL, MESSAGE@0xID.SIGNAL or BUS/MESSAGE@0xID.SIGNAL; '*' matches any run of characters",
      ),
    mode: z.literal("on-change"),
    atLeastEveryMs: z
      .int()
      .min(10)
      .max(86_400_000)
      .optional()
      .describe("send an unchanged value again after this time"),
  }),
  z.strictObject({
    signals: z.string().min(1).max(256),
    mode: z.literal("every"),
    ms: z.int().min(0).max(86_400_000).describe("least time between two samples; 0 keeps every sample"),
  }),
  z.strictObject({
    signals: z.string().min(1).max(256),
    mode: z.literal("latest"),
    windowMs: z.int().min(10).max(86_400_000).describe("only the last value in each window"),
  }),
  z.strictObject({ signals: z.string().min(1).max(256), mode: z.literal("off") }),
]);

/** Rules of collection; the last one that matches a signal counts. */
export const collectRules = z.array(collectRule).max(1000);

/** Bytes of sun_path (unix(7)), without its closing zero and "/admin.sock". */
const MAX_RUNTIME_DIR_BYTES = 96;
const lifeMs = z.int().min(1000).max(31_536_000_000);

/** The whole configuration of one agent. Paths that are not absolute are taken from the folder of the file. */
export const agentConfig = z
  .strictObject({
    thingName: z
      .string()
      .regex(/^[\w:-]{1,128}$/, "must be 1 to 128 letters, digits, '_', ':' or '-'")
      .describe("name of the thing, which is the client id too"),
    bench: z
      .boolean()
      .default(false)
      .describe("allows what must never be on a vehicle: identity.mode file, a clock that nothing vouches for"),
    stateDir: absolutePath
      .default("/var/lib/causeway")
      .describe("what must outlast a restart: outbox, journal, identity, releases"),
    runtimeDir: absolutePath
      .refine(
        (folder) => Buffer.byteLength(folder) <= MAX_RUNTIME_DIR_BYTES,
        `must be at most ${MAX_RUNTIME_DIR_BYTES} bytes, so that its sockets can be named`,
      )
      .default("/run/causeway")
      .describe("folder of the local sockets"),
    lastGood: z
      .strictObject({
        maxBytes: z
          .int()
          .min(0)
          .max(1_000_000_000)
          .default(32_000_000)
          .describe("of a copy: this configuration and the DBC and CA files it names; 0 keeps none"),
      })
      .prefault({})
      .describe("copy of what the agent last started well with, for a start with a configuration that cannot be used"),
    log: z
      .strictObject({
        level: z
          .enum(["error", "warn", "info", "debug"])
          .default("info")
          .describe("this and what is more urgent is written"),
      })
      .prefault({}),
    buses: z.array(busConfig).min(1).max(32),
    dbc: z.array(dbcFile).max(64).default([]),
    vss: vssConfig.optional().describe("names of the Vehicle Signal Specification beside those of the DBC files"),
    decode: z
      .strictObject({
        maxDbcBytes: z
          .int()
          .min(1000)
          .max(67_108_864)
          .default(5_000_000)
          .describe("all DBC files together; a start takes about 20 times as much memory (MemoryMax= of the unit)"),
        maxSignals: z
          .int()
          .min(1)
          .max(2_000_000)
          .default(100_000)
          .describe("of all buses; a DBC file counts for each bus that it is for; about 500 bytes of memory each"),
      })
      .prefault({})
      .describe("what the DBC files may take of the memory"),
    collect: z
      .strictObject({
        batchMs: z
          .int()
          .min(20)
          .max(60_000)
          .default(1000)
          .describe(
            "longest time a sample waits before it is durable, and most that a power cut costs; where much comes it waits less, and events do not wait",
          ),
        batchSamples: z.int().min(100).max(1_000_000).default(50_000).describe("samples that end a batch early"),
        holdBytes: z
          .int()
          .min(1_000_000)
          .max(1_000_000_000)
          .default(8_000_000)
          .describe(
            "kept in memory while the disk cannot be written: encoded samples, then stored records, each up to this",
          ),
        senderSignals: z
          .int()
          .min(100)
          .max(1_000_000)
          .default(16_384)
          .describe(
            "signals of messages known by their parameter group, counted once a sender; samples of further senders are thrown away and counted",
          ),
        timeResolutionUs: z.union([z.literal(1), z.literal(10), z.literal(100), z.literal(1000)]).default(1000),
        rules: collectRules
          .default([])
          .describe("the last rule that matches a signal counts; on-change when none does"),
        snapshot: snapshotConfig
          .optional()
          .describe("all last known values at once, as records of the campaign snapshot; none when absent"),
      })
      .prefault({}),
    campaigns: z
      .strictObject({
        folder: path.default("campaigns").describe("each *.yaml in it is a campaign; none where it is not there"),
        history: z
          .strictObject({
            maxBytes: z
              .int()
              .min(0)
              .max(1_073_741_824)
              .default(16_777_216)
              .describe(
                "received frames kept in memory for the time before triggers, while a campaign needs them; 0 keeps none",
              ),
            keepSeconds: z
              .int()
              .min(0)
              .max(3600)
              .default(0)
              .describe("newest frames kept over an orderly stop; what is held at a kill or a power cut is lost"),
          })
          .prefault({}),
        limits: campaignLimits,
        cloud: campaignCloud.optional().describe("takes campaigns from the cloud; none without this section"),
      })
      .prefault({})
      .describe("campaigns say what is collected beside collect.rules"),
    encode: z
      .strictObject({
        compression: z.enum(["none", "gzip", "zstd"]).default("zstd"),
        maxPayloadBytes: z
          .int()
          .min(4096)
          .max(4_000_000)
          .default(120_000)
          .describe("before compression, with encryption; stays below the broker's packet limit"),
        encryption: payloadEncryption
          .optional()
          .describe(
            "encrypts payloads for who has the private key, see docs/encryption.md; absent sends them as they are",
          ),
      })
      .prefault({}),
    outbox: z
      .strictObject({
        maxBytes: z
          .int()
          .min(1_000_000)
          .max(64_000_000_000)
          .default(256_000_000)
          .describe("payload bytes kept on disk"),
        lifeMs: z
          .strictObject({
            control: lifeMs.optional(),
            event: lifeMs.optional(),
            telemetry: lifeMs.optional(),
            capture: lifeMs.optional(),
          })
          .prefault({})
          .describe("records older than this are dropped and reported; absent keeps them until delivered or evicted"),
        maxGapDays: z
          .int()
          .min(1)
          .max(3650)
          .default(400)
          .describe(
            "longest time between two boots that lifeMs believes of the clock; a record older than that is kept",
          ),
        encryption: restEncryption
          .optional()
          .describe("encrypts what is stored, see docs/encryption.md; absent stores it in clear"),
      })
      .prefault({}),
    broker: brokerConfig,
    proxy: proxyConfig
      .optional()
      .describe("HTTP proxy for the broker and for downloads, by CONNECT; HTTP_PROXY and its like are not read"),
    requests: z
      .strictObject({
        timeoutMs: z.int().min(1000).max(120_000).default(10_000).describe("longest wait for an answer of a service"),
        maxPending: z.int().min(4).max(1000).default(64).describe("requests that wait for an answer at a time"),
        maxAnswerBytes: z.int().min(16_384).max(262_144).default(147_456).describe("a longer answer is not read"),
      })
      .prefault({})
      .describe("requests to the services behind the reserved topics"),
    identity: identityConfig,
    provisioning: provisioningConfig,
    renewal: renewalConfig,
    topics: z
      .strictObject({
        record: topicTemplate.default("dt/causeway/{thing}/{stream}").describe("records"),
        schema: topicTemplate.default("dt/causeway/{thing}/schema/{id}").describe("signal tables, retained"),
        presence: topicTemplate.default("dt/causeway/{thing}/presence").describe("online, asleep or lost, retained"),
        identity: topicTemplate.default("dt/causeway/{thing}/identity").describe("which certificate is in use"),
      })
      .prefault({})
      .describe("{thing}, {stream} and {id} are filled in"),
    support: z
      .strictObject({
        maxBytes: z.int().min(16_384).max(4_194_304).default(262_144).describe("of a support bundle, compressed"),
        logLines: z.int().min(0).max(10_000).default(500).describe("last lines of the log kept in memory for it"),
      })
      .prefault({}),
    localSockets: z
      .strictObject({
        viewClients: z.int().min(1).max(1000).default(16).describe("of view.sock at a time"),
        adminClients: z.int().min(1).max(100).default(4).describe("of admin.sock at a time"),
        idleSeconds: z.int().min(1).max(3600).default(30).describe("a client that asks nothing for so long is ended"),
        takeSeconds: z
          .int()
          .min(1)
          .max(600)
          .default(10)
          .describe("a client that does not take a line of an answer in this time is ended"),
        requestsPerSecond: z.int().min(1).max(10_000).default(20).describe("of one client, and as many at once"),
        maxReplyBytes: z.int().min(65_536).max(67_108_864).default(8_388_608).describe("longest line of an answer"),
        maxBacklogBytes: z
          .int()
          .min(65_536)
          .max(1_073_741_824)
          .default(8_388_608)
          .describe("answers that clients have not taken; beyond it none is made for anybody until some are"),
        share: z
          .number()
          .min(0.01)
          .max(1)
          .default(0.2)
          .describe("of the main thread's time that the answers to all clients take together"),
      })
      .prefault({})
      .describe("bounds of the clients of view.sock and admin.sock"),
    frameLog: frameLogConfig
      .optional()
      .describe("raw frames in files that stay in the vehicle until they are fetched; none without this section"),
    commands: commandsConfig.optional().describe("remote commands; none are taken without this section"),
    fleetwise: fleetwiseConfig
      .optional()
      .describe(
        "documents of AWS IoT FleetWise say what is collected beside all else; none are taken without this section",
      ),
    diagnostics: diagnosticsConfig
      .optional()
      .describe("trouble codes and live data of control units; nothing is listened to or sent without this section"),
    shadows: shadowsConfig
      .optional()
      .describe(
        "named shadows that tell how the vehicle is, and what it is to be set to; none are kept without this section",
      ),
    power: powerConfig.optional().describe("state of the vehicle, sleep and wake; nothing of it without this section"),
    place: placeConfig
      .optional()
      .describe("where the vehicle is, from receivers of GNSS or from signals; not known without this section"),
    link: linkConfig
      .optional()
      .describe("which links cost, and how much may go over them; nothing is counted or held without this section"),
    programs: programsConfig
      .optional()
      .describe("records from other programs of the vehicle, on publish.sock; none are taken without this section"),
    time: timeConfig
      .optional()
      .describe(
        "who keeps the wall clock and how well: changes of that are records; nobody is asked without this section",
      ),
    defender: defenderConfig
      .optional()
      .describe("reports of network and agent to AWS IoT Device Defender; none without this section"),
    security: securityConfig
      .optional()
      .describe(
        "records of who tries what with the vehicle: refused commands, takeovers, certificates, PINs; none without this section",
      ),
    tunnels: tunnelsConfig
      .optional()
      .describe("support reaches services of this gateway through the cloud; no tunnel is opened without this section"),
    metrics: metricsConfig
      .optional()
      .describe("who reads the numbers of the agent, beside causeway metrics; nobody without this section"),
    ota: otaConfig.optional().describe("updates; none are taken without this section"),
    files: filesConfig.optional().describe("uploads to an object store; nothing is uploaded without this section"),
    shutdown: z
      .strictObject({
        drainMs: z
          .int()
          .min(0)
          .max(60_000)
          .default(5000)
          .describe("longest time in which records still leave at a stop"),
      })
      .prefault({}),
  })
  .superRefine((config, context) => {
    for (const { path: at, message } of crossProblems(config)) {
      context.addIssue({ code: "custom", path: [...at], message });
    }
  });

export type AgentConfig = z.infer<typeof agentConfig>;
export type BusConfig = z.infer<typeof busConfig>;
export type CollectRule = AgentConfig["collect"]["rules"][number];
export type IdentityConfig = AgentConfig["identity"];
export type { BrokerConfig } from "./broker.ts";
export type { FleetwiseConfig } from "./fleetwise.ts";
export type { OtaConfig } from "./ota.ts";
export type { ProxyConfig } from "./proxy.ts";
export type { TunnelsConfig } from "./tunnels.ts";
