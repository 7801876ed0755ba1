import { createPublicKey, verify } from "node:crypto";
import { z } from "zod";

/** Ed25519 (RFC 8032), or ECDSA over P-256 with SHA-256 whose signature is DER, as OpenSSL and key services write it. */
const ALGORITHMS = ["ed25519", "es256"] as const;

/** What a key may sign: commands, or the set of keys itself. */
const KEY_ROLES = ["commands", "keys"] as const;

/** A public key by which signatures are checked: SubjectPublicKeyInfo, DER, base64 (openssl pkey -pubout -outform DER | base64 -w0). */
export const publicKeySchema = z
  .strictObject({
    id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 letters, digits, '.', '_' or '-'"),
    algorithm: z.enum(ALGORITHMS),
    publicKey: z.base64().min(1).max(512),
    role: z.enum(KEY_ROLES).default("commands"),
  })
  .superRefine((key, context) => {
    const problem = problemOf(key);
    if (problem !== undefined) context.addIssue({ code: "custom", path: ["publicKey"], message: problem });
  });
export type PublicKey = z.infer<typeof publicKeySchema>;

/** Whether `signature` (base64) is the key's own over the UTF-8 of `text`. */
export function isSignedBy(key: Pick<PublicKey, "algorithm" | "publicKey">, text: string, signature: string): boolean {
  const digest = key.algorithm === "ed25519" ? undefined : "sha256";
  try {
    return verify(digest, Buffer.from(text), keyObjectOf(key), Buffer.from(signature, "base64"));
  } catch {
    // A signature that is not even one in form.
    return false;
  }
}

function keyObjectOf({ publicKey }: Pick<PublicKey, "publicKey">) {
  return createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
}

function problemOf(key: Pick<PublicKey, "algorithm" | "publicKey">): string | undefined {
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails } = keyObjectOf(key);
    const isP256 = type === "ec" && asymmetricKeyDetails?.namedCurve === "prime256v1";
    const isRight = key.algorithm === "ed25519" ? type === "ed25519" : isP256;
    return isRight ? undefined : `is not a key for ${key.algorithm}`;
  } catch {
    return "is not a public key: SubjectPublicKeyInfo, DER, base64";
  }
}
