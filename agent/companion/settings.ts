import { z } from "zod";
import { AgentError } from "../core/errors.ts";

const origin = z
  .url()
  .refine((text) => new URL(text).origin === text, "must be a scheme and a host (and a port), nothing behind it")
  .refine((text) => text.startsWith("https://") || isHere(text), "must be https, but for this machine itself");
const file = z.string().min(1);

/** Variables of every companion. Descriptions say what they mean. */
const common = {
  COMPANION_ORIGIN: origin.describe("where browsers reach it"),
  COMPANION_ISSUER: z.url().describe("issuer of the identity provider"),
  COMPANION_CLIENT_ID: z.string().min(1).describe("what the provider calls this backend"),
  COMPANION_CLIENT_SECRET_FILE: file.optional().describe("file with its secret there; none: a public client"),
  COMPANION_API_CLIENTS: z
    .string()
    .transform((text) => text.split(",").filter((name) => name !== ""))
    .default([])
    .describe("clients whose access tokens are taken as bearer tokens, parted by commas"),
  COMPANION_SIGN_OUT_URL: z.url().optional().describe("where sign-out goes instead of the provider's own place"),
  COMPANION_SIGNING_KEY: z
    .string()
    .regex(/^(kms|file):./, "must begin with kms: or file:")
    .describe("kms:ARN, or file:PATH of a PEM file"),
  COMPANION_SIGNING_KEY_ID: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .describe("what vehicles call the key"),
  COMPANION_STREAM: z.enum(["live", "buffered"]).default("live"),
  COMPANION_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8080)
    .describe("of 127.0.0.1; not used in a function"),
};

const inCloud = z.object({
  ...common,
  COMPANION_ROAD: z.literal("iot"),
  COMPANION_TABLE: z.string().min(3),
  COMPANION_ANSWERS_TABLE: z.string().min(3),
  COMPANION_STATE_TABLE: z.string().min(3).optional(),
  COMPANION_IOT_ENDPOINT: z.url(),
});

const onBench = z.object({
  ...common,
  COMPANION_ROAD: z.literal("mqtt"),
  COMPANION_BINDINGS_FILE: file.describe("JSON: who may use which vehicle"),
  COMPANION_MQTT_HOST: z.string().min(1),
  COMPANION_MQTT_PORT: z.coerce.number().int().min(1).max(65_535),
  COMPANION_MQTT_CLIENT_ID: z.string().min(1).max(128),
  COMPANION_MQTT_CA_FILE: file,
  COMPANION_MQTT_CERTIFICATE_FILE: file,
  COMPANION_MQTT_KEY_FILE: file,
  COMPANION_DESCRIPTOR_FILE: file.describe("FileDescriptorSet of telemetry.proto"),
});

const settingsSchema = z.discriminatedUnion("COMPANION_ROAD", [inCloud, onBench]);
/** What the environment says, read. */
export type CompanionSettings = z.infer<typeof settingsSchema>;
export type CloudSettings = z.infer<typeof inCloud>;
export type BenchSettings = z.infer<typeof onBench>;

/** Reads the environment. Throws `config.invalid`, which names each variable that is wrong, and no value. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): CompanionSettings {
  const read = settingsSchema.safeParse(environment);
  if (read.success) return read.data;
  const wrong = read.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new AgentError("config.invalid", {
    what: `the environment does not fit: ${wrong.join("; ")}`,
    remedy: "set these variables as agent/companion/settings.ts describes them",
  });
}

/** Whether an origin is this machine: browsers keep Secure cookies for it without TLS. */
export function isHere(text: string): boolean {
  const { hostname, protocol } = new URL(text);
  return protocol === "http:" && (hostname === "localhost" || hostname === "127.0.0.1");
}
