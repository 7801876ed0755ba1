import { z } from "zod";
import { path } from "./fields.ts";

/** `{thing}`, `{serial}` and `{vin}` are filled in; any other brace is a mistake. */
const nameTemplate = z
  .string()
  .min(1)
  .max(256)
  .regex(/^([^{}]|\{(thing|serial|vin)\})+$/, "may hold {thing}, {serial} and {vin}, and no other brace");

/** Subject and names of certificate requests. An entry whose variable is not set is left out; commonName must be whole. */
export const csrTemplate = z
  .strictObject({
    commonName: nameTemplate.default("{thing}"),
    serialNumber: nameTemplate
      .optional()
      .describe("subject serialNumber; {serial} when absent, where a PrintableString can hold it"),
    organization: nameTemplate.optional(),
    organizationalUnit: nameTemplate.optional(),
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, "must be two capital letters (ISO 3166-1)")
      .optional(),
    uris: z.array(nameTemplate).max(8).default([]).describe("subject alternative names, for example urn:vin:{vin}"),
    dnsNames: z.array(nameTemplate).max(8).default([]),
  })
  .prefault({})
  .describe(
    "certificate request; {thing}, {serial} and {vin} are filled in, an entry whose variable is not set is left out",
  );

const uint32 = z.int().max(4_294_967_295);

/** What only some TPMs need when the token is made. */
export const tpmSettings = z
  .strictObject({
    ownerAuthFile: path
      .optional()
      .describe("mode 0600; without it the credential causeway-tpm-owner-auth, if the owner has an authorisation"),
    lockoutAuthFile: path.optional().describe("mode 0600; without it the credential causeway-tpm-lockout-auth"),
    answerTimeoutSeconds: z
      .int()
      .min(1)
      .max(60)
      .default(5)
      .describe("a TPM that has not answered a small question in this time is taken for one that hangs"),
    lockout: z
      .strictObject({
        maxTries: uint32.min(1).describe("failed authorisations up to the lockout"),
        recoverySeconds: uint32.min(1).describe("one failure is forgiven after this time"),
        lockoutRecoverySeconds: uint32.min(0).describe("wait after a wrong lockout authorisation"),
      })
      .optional()
      .describe("guess limit to set for the whole TPM with the token; left as it is when absent, the token needs none"),
  })
  .prefault({});
