import { z } from "zod";
import { conditionConfig } from "./catalogue.ts";
import { copiedPath, path, timeOfDay } from "./fields.ts";
import { JOB_SECTIONS } from "./layers.ts";
import { rollbackCounter } from "./rollback-counter.ts";

const plainName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "must be a plain name");
const program = z.string().max(4096).regex(/^\//, "must be an absolute path");
const timeoutSeconds = z.int().min(1).max(86_400);
const hook = z.strictObject({ program, timeoutSeconds: timeoutSeconds.default(60) });

const jobHandler = z.strictObject({
  name: plainName,
  program,
  arguments: z
    .array(z.string().max(256).refine(isPattern, "must be a regular expression"))
    .max(16)
    .default([])
    .describe("a regular expression for the whole of each argument, in order"),
  timeoutSeconds: timeoutSeconds.default(60),
});

function isPattern(text: string): boolean {
  try {
    new RegExp(`^(?:${text})$`, "u");
    return true;
  } catch {
    return false;
  }
}

/** Updates over the air and from a file. Without this section the agent takes none. */
export const otaConfig = z.strictObject({
  rootFile: path.describe("the pinned trust root (causeway-sign root new): who may sign updates for this vehicle"),
  hardware: z
    .string()
    .regex(/^[\w.-]{1,64}$/, "must be 1 to 64 letters, digits, '_', '.' or '-'")
    .describe("what this gateway is, as manifests name it"),
  gate: z.strictObject({
    condition: conditionConfig.describe("when an update may be installed; all: ['true'] without signals for always"),
    holdSeconds: z.int().min(0).max(86_400).default(60).describe("how long the condition must hold without a break"),
    backWithinMinutes: z
      .int()
      .min(0)
      .max(1440)
      .default(60)
      .describe("the system is started anew to go back by then, also where the new version never shows the condition"),
    consent: z
      .boolean()
      .default(false)
      .describe("install only when someone in the vehicle has agreed (causeway ota consent)"),
    window: z
      .strictObject({ from: timeOfDay, to: timeOfDay })
      .optional()
      .describe("time of day, UTC, in which an update may be installed; past midnight when to is before from"),
  }),
  download: z
    .strictObject({
      caFile: copiedPath.optional().describe("root certificates of the server; Node's own when absent"),
      maxBytesPerSecond: z.int().min(1000).max(1_000_000_000).optional().describe("no limit when absent"),
      minBytesPerSecond: z.int().min(0).max(1_000_000).default(500).describe("a slower connection is made anew"),
      minRateWindowSeconds: z.int().min(5).max(3600).default(60),
      giveUpHours: z
        .int()
        .min(1)
        .max(8760)
        .default(168)
        .describe("without a new byte for this long, of running time, it has failed"),
      maxRepeats: z
        .int()
        .min(1)
        .max(1000)
        .default(10)
        .describe("it has failed when so many times its size came again from a server that cannot resume"),
      streams: z
        .strictObject({
          format: z.enum(["cbor", "json"]).default("cbor"),
          blockBytes: z.int().min(256).max(131_072).default(32_768),
          silenceSeconds: z.int().min(1).max(300).default(10).describe("then missing blocks are asked for again"),
        })
        .refine(({ format, blockBytes }) => format === "cbor" || blockBytes <= 96_000, {
          path: ["blockBytes"],
          message: "must be at most 96000 with json, so that a block fits a message",
        })
        .prefault({})
        .describe("files over MQTT, for artifacts that a job names by a stream"),
      metered: z
        .strictObject({
          interfaces: z.array(z.string().min(1).max(15)).max(16).default([]).describe("for example wwan0"),
          maxBytes: z.int().min(0).max(64_000_000_000).default(0).describe("an update up to this size does not wait"),
        })
        .prefault({})
        .describe(
          "links that cost: a download waits, or pauses, while the way to the broker, or to the proxy, leads over one of them",
        ),
      spareBytes: z.int().min(0).max(64_000_000_000).default(64_000_000).describe("disk space that stays free"),
    })
    .prefault({}),
  jobs: z
    .strictObject({
      enabled: z.boolean().default(true),
      handlers: z
        .array(jobHandler)
        .max(32)
        .default([])
        .describe("programs that jobs with steps may run; the cloud needs no further signature for them"),
      settings: z
        .array(z.enum(JOB_SECTIONS))
        .max(JOB_SECTIONS.length)
        .default([...JOB_SECTIONS])
        .describe("sections that a config job may set, which is not signed; [] leaves that to signed sets of files"),
      reportSeconds: z.int().min(1).max(3600).default(15).describe("least time between two reports of a job"),
      stepTimeoutMinutes: z
        .int()
        .min(1)
        .max(10_080)
        .optional()
        .describe("the service ends a job of which it has heard nothing for so long; never when absent"),
    })
    .prefault({})
    .describe("AWS IoT Jobs"),
  installers: z
    .array(z.strictObject({ name: plainName, program, timeoutSeconds: timeoutSeconds.default(600) }))
    .max(32)
    .default([])
    .describe(
      "programs that install artifacts of kind exec: PROGRAM check|install|commit|rollback FILE VERSION SHA256",
    ),
  hooks: z
    .strictObject({ before: hook.optional(), after: hook.optional() })
    .prefault({})
    .describe("programs around an update: PROGRAM before|after COMPONENT VERSION_FROM VERSION_TO"),
  rauc: z
    .strictObject({
      enabled: z.boolean().default(false),
      busAddress: z.string().min(1).max(256).optional().describe("D-Bus address in place of the system bus"),
      timeoutSeconds: timeoutSeconds.default(3600),
    })
    .prefault({})
    .describe("bundles of the whole system, kind rauc"),
  rollbackCounter: rollbackCounter
    .optional()
    .describe(
      "a counter in the TPM that vouches for the rollback indexes against an old disk; the journal and a copy alone without it",
    ),
  reboot: z
    .boolean()
    .default(false)
    .describe("start the system anew by itself where an update needs it; else it waits for someone who does"),
  healthCheck: z
    .strictObject({
      withinSeconds: z
        .int()
        .min(10)
        .max(280)
        .default(240)
        .describe("a new version must be healthy by then; below the 285 s after which the supervisor goes back"),
      offlineSeconds: z
        .int()
        .min(1)
        .max(270)
        .default(180)
        .describe("without coverage for this long, the rest of its health is enough"),
    })
    .prefault({}),
});
export type OtaConfig = z.infer<typeof otaConfig>;
