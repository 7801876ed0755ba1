import { z } from "zod";
import { copiedPath } from "./fields.ts";

/** What the AWS Encryption SDK takes as a name of a key, and is easy to write down. */
const printable = /^[\x21-\x7e]+$/;

/** What begins with this names keys that KMS itself unwraps, which raw keyrings of the SDK refuse to take. */
const OF_KMS = /^aws-kms/;

/** Encryption of what is stored in the vehicle. */
export const restEncryption = z.strictObject({
  key: z
    .enum(["credential", "tpm"])
    .describe(
      "credential: a systemd credential (LoadCredentialEncrypted=) holds it; tpm: the TPM of the token seals one that is made here",
    ),
  credential: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, "must be 1 to 64 letters, digits, '_', '.' or '-'")
    .default("causeway-outbox-key")
    .describe("name of the credential: one line of 64 or more hexadecimal digits"),
  encrypt: z
    .boolean()
    .default(true)
    .describe(
      "false: new records are stored in clear, and those that are encrypted are still read; for the time until they have left",
    ),
});
export type RestEncryption = z.infer<typeof restEncryption>;

/** Encryption of payloads for who consumes them. */
export const payloadEncryption = z.strictObject({
  publicKeyFile: copiedPath.describe(
    "PEM of an RSA public key of 2048 to 4096 bits, which wraps the data keys (OAEP, SHA-256)",
  ),
  keyName: z
    .string()
    .max(512)
    .regex(printable, "must be printable ASCII without spaces")
    .describe("of the wrapping key, in each record in clear: the ARN of a KMS key, or any name"),
  keyNamespace: z
    .string()
    .max(128)
    .regex(printable, "must be printable ASCII without spaces")
    .refine((text) => !OF_KMS.test(text), "must not begin with aws-kms: raw keyrings of the SDK refuse that")
    .default("causeway")
    .describe("key namespace (provider id) of the raw RSA keyring that consumers use"),
  streams: z
    .array(z.enum(["control", "event", "telemetry", "capture"]))
    .min(1)
    .max(4)
    .default(["control", "event", "telemetry", "capture"])
    .describe("records of these are encrypted"),
  tables: z.boolean().default(true).describe("signal tables too: they have the names of all signals"),
  rotation: z
    .strictObject({
      hours: z.number().min(0.01).max(8760).default(24).describe("a data key serves no longer than this"),
      records: z.int().min(1).max(100_000_000).default(100_000).describe("and no more records than this"),
      bytes: z.int().min(1).max(1_000_000_000_000).default(1_000_000_000).describe("and no more payload bytes"),
    })
    .prefault({}),
});
export type PayloadEncryption = z.infer<typeof payloadEncryption>;
