import { z } from "zod";
import { FAULTS, type FaultCode } from "../../../agent/core/errors.ts";
import { KEY_ALGORITHMS } from "../../../agent/ports/key-store.ts";

const secret = z.string().min(1).max(256);
const label = z.string().min(1).max(64);

/** Where TPM, library and token are. `workFolder` is the job's own and goes with it; only what the TPM has encrypted is written there. */
const place = z.strictObject({
  module: z.string(),
  tokenLabel: z.string(),
  storeDir: z.string(),
  workFolder: z.string(),
});

const subject = z.strictObject({
  commonName: z.string(),
  serialNumber: z.string().exactOptional(),
  organization: z.string().exactOptional(),
  organizationalUnit: z.string().exactOptional(),
  country: z.string().exactOptional(),
  uris: z.array(z.string()).readonly(),
  dnsNames: z.array(z.string()).readonly(),
});

/** Dictionary-attack parameters (TPM 2.0 part 3, 25.3). */
const lockoutParameters = z.strictObject({
  maxTries: z.int(),
  recoverySeconds: z.int(),
  lockoutRecoverySeconds: z.int(),
});

/** The most that TPM2_Create seals (TPM 2.0 part 2, 11.1.14: MAX_SYM_DATA). */
const sealable = z.string().min(1).max(128);

const sealedSecret = z.strictObject({
  publicBlob: z.base64().max(4096),
  privateBlob: z.base64().max(4096),
  salt: z.string().regex(/^[0-9a-f]{64}$/),
});

/** One job of the worker, as it comes on its stdin. It holds secrets: never log it. */
export const workerRequest = z.discriminatedUnion("job", [
  z.strictObject({
    job: z.literal("provision"),
    place,
    pin: secret,
    officerPin: secret,
    ownerAuth: secret.optional(),
    lockoutAuth: secret.optional(),
    lockout: lockoutParameters.optional(),
  }),
  z.strictObject({ job: z.literal("create"), place, pin: secret, label, algorithm: z.enum(KEY_ALGORITHMS) }),
  z.strictObject({ job: z.literal("list"), place }),
  z.strictObject({ job: z.literal("delete"), place, label, id: z.int().exactOptional() }),
  z.strictObject({ job: z.literal("test"), place, pin: secret, label }),
  z.strictObject({ job: z.literal("request"), place, pin: secret, label, subject }),
  z.strictObject({ job: z.literal("inspect"), place }),
  z.strictObject({ job: z.literal("seal"), place, pin: secret, content: sealable }),
  z.strictObject({ job: z.literal("unseal"), place, pin: secret, sealed: sealedSecret }),
  z.strictObject({ job: z.literal("clear-lockout"), place, lockoutAuth: secret.optional() }),
]);
export type WorkerRequest = z.infer<typeof workerRequest>;
export type TokenLocation = WorkerRequest["place"];
export type OperationOf<Name extends WorkerRequest["job"]> = Extract<WorkerRequest, { job: Name }>;

const keyFacts = z.strictObject({
  label: z.string(),
  id: z.int(),
  algorithm: z.enum(KEY_ALGORITHMS),
  publicKeyPem: z.string(),
  attributes: z.array(z.string()).readonly(),
  problems: z.array(z.string()).readonly(),
});

const foreignKey = keyFacts.pick({ label: true, id: true, attributes: true, problems: true }).extend({
  algorithm: z.literal("other"),
});

/** What each job gives. */
export const OPERATION_RESULTS = {
  provision: z.enum(["made", "present"]),
  create: keyFacts,
  list: z.array(z.discriminatedUnion("algorithm", [keyFacts, foreignKey])).readonly(),
  delete: z.null(),
  test: z.strictObject({ key: keyFacts, loginMs: z.number(), signMs: z.number() }),
  request: z.string(),
  inspect: z.strictObject({
    lockout: z.strictObject({
      isLocked: z.boolean(),
      counter: z.number(),
      maxTries: z.number(),
      recoverySeconds: z.number(),
      lockoutRecoverySeconds: z.number(),
      hasOwnerAuth: z.boolean(),
      hasLockoutAuth: z.boolean(),
    }),
    token: z.strictObject({ isPresent: z.boolean(), problems: z.array(z.string()).readonly() }),
  }),
  "clear-lockout": z.null(),
  seal: sealedSecret,
  unseal: sealable,
} as const;

/** A code of the fault table, as it comes from outside. */
const faultCode = z.custom<FaultCode>((value) => typeof value === "string" && Object.hasOwn(FAULTS, value));

/** What the worker writes to its stdout: one line. */
export const workerResponse = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("done"), result: z.unknown() }),
  z.strictObject({ kind: z.literal("fault"), code: faultCode, what: z.string(), remedy: z.string() }),
]);
export type WorkerResponse = z.infer<typeof workerResponse>;
