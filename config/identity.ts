import { z } from "zod";
import { absolutePath, path } from "./fields.ts";

/** `{thing}`, `{serial}` and `{vin}` are filled in; any other brace is a mistake. */
const nameTemplate = z
  .string()
  .min(1)
  .max(256)
  .regex(/^([^{}]|\{(thing|serial|vin)\})+$/, "may hold {thing}, {serial} and {vin}, and no other brace");

/** Subject and names of certificate requests. An entry whose variable is not set is left out; commonName must be whole. */
export const csrTemplate = z
  .strictObject({
    commonName: nameTemplate.default("{thing}").describe("subject CN"),
    serialNumber: nameTemplate
      .optional()
      .describe("subject serialNumber; {serial} when absent, where a PrintableString can hold it"),
    organization: nameTemplate.optional().describe("subject O"),
    organizationalUnit: nameTemplate.optional().describe("subject OU"),
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, "must be two capital letters (ISO 3166-1)")
      .optional()
      .describe("subject C"),
    uris: z.array(nameTemplate).max(8).default([]).describe("subject alternative names, for example urn:vin:{vin}"),
    dnsNames: z.array(nameTemplate).max(8).default([]).describe("subject alternative names of kind DNS"),
  })
  .prefault({})
  .describe(
    "certificate request; {thing}, {serial} and {vin} are filled in, an entry whose variable is not set is left out",
  );

const uint32 = z.int().max(4_294_967_295);

/** What only some TPMs need when the token is made. */
const tpmSettings = z
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

/** The key of the device and its certificate; a key in a file is for the bench alone. */
export const identityConfig = z.discriminatedUnion("mode", [
  z.strictObject({
    mode: z.literal("pkcs11"),
    module: z
      .string()
      .regex(/^(\/.+|[\w.+-]+\.so[\w.]*)$/, "must be an absolute path or the name of a shared library")
      .default("libtpm2_pkcs11.so.1")
      .describe("PKCS#11 library: a path, or a name that the dynamic linker finds"),
    tokenLabel: z.string().min(1).max(32).describe("label of the PKCS#11 token"),
    keyLabel: z
      .string()
      .min(1)
      .max(64)
      .default("device")
      .describe("key of a device that was installed by hand; one that was enrolled knows its own"),
    certificateFile: path
      .default("/var/lib/causeway/identity/device.pem")
      .describe("certificate of a device that was installed by hand, PEM"),
    pinFile: path.optional().describe("mode 0600; without it the systemd credential causeway-pin is read"),
    officerPinFile: path
      .optional()
      .describe("mode 0600, SO PIN of a token that is made; a random one that nobody knows when absent"),
    storeDir: absolutePath.default("/var/lib/causeway/identity/store").describe("TPM2_PKCS11_STORE"),
    tcti: z.string().min(1).max(256).optional().describe("TPM2_PKCS11_TCTI, for example device:/dev/tpmrm0"),
    keyTimeoutSeconds: z.int().min(5).max(600).default(120).describe("longest time for one piece of work with a key"),
    serial: z
      .string()
      .regex(/^[\x20-\x7e]{1,64}$/, "must be 1 to 64 characters of ASCII")
      .optional()
      .describe("serial number of the device, {serial} in csr"),
    vin: z
      .string()
      .regex(/^[A-HJ-NPR-Z0-9]{17}$/, "must be a VIN: 17 capital letters and digits without I, O and Q (ISO 3779)")
      .optional()
      .describe("{vin} in csr"),
    csr: csrTemplate,
    tpm: tpmSettings,
  }),
  z.strictObject({
    mode: z.literal("file"),
    certificateFile: path.describe("certificate, PEM"),
    keyFile: path.describe("private key, PEM; with bench: true alone"),
  }),
]);
