import { z } from "zod";

const templateName = z.string().regex(/^[\w-]{1,36}$/, "must be 1 to 36 letters, digits, '_' or '-'");

/** How the device gets its certificates (AWS IoT fleet provisioning). */
export const provisioningConfig = z
  .strictObject({
    template: templateName
      .optional()
      .describe("provisioning template for the first certificate; needed by causeway provision"),
    rotationTemplate: templateName
      .optional()
      .describe("provisioning template that gives a registered thing a further certificate; template when absent"),
    format: z.enum(["json", "cbor"]).default("json").describe("of what is said on the provisioning topics"),
    parameters: z
      .record(z.string().min(1).max(128), z.string().max(1024))
      .default({ SerialNumber: "{serial}", ThingName: "{thing}" })
      .describe(
        "template parameters; {thing} and {serial} are filled in, {serial} is the thing name where none is set",
      ),
    keyAlgorithm: z
      .enum(["ec-p256", "ec-p384", "rsa-2048", "rsa-3072"])
      .default("ec-p256")
      .describe("of keys that are made for certificates"),
  })
  .prefault({});

/** When and how the running agent gets its next certificate. */
export const renewalConfig = z
  .strictObject({
    enabled: z.boolean().default(true).describe("only with provisioning.template or rotationTemplate"),
    remainingShare: z
      .number()
      .min(0.01)
      .max(0.9)
      .default(1 / 3)
      .describe("renewal starts when this share of the certificate's life is left"),
    jitterShare: z
      .number()
      .min(0)
      .max(0.5)
      .default(0.1)
      .describe("random delay of the start, as a share of the life that is left then, so that a fleet spreads"),
    newKey: z.boolean().default(true).describe("a new key with every certificate; false keeps the key"),
    checkMs: z.int().min(100).max(86_400_000).default(3_600_000).describe("how often the certificate is looked at"),
    verifyMs: z.int().min(1000).max(120_000).default(15_000).describe("longest wait for the first connection with it"),
    retry: z
      .strictObject({
        minMs: z.int().min(100).max(86_400_000).default(300_000).describe("first wait"),
        maxMs: z.int().min(100).max(604_800_000).default(86_400_000).describe("longest wait"),
      })
      .prefault({})
      .describe("waits after a renewal that failed"),
  })
  .prefault({});
