import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { z } from "zod";

/** How a key signs: Ed25519 (RFC 8032), or ECDSA over P-256 with SHA-256 whose signature is DER, as OpenSSL and key services write it. */
const ALGORITHMS = ["ed25519", "es256"] as const;
export type SignatureAlgorithm = (typeof ALGORITHMS)[number];

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

/** The key of an SPKI (DER, base64); undefined for what is none. */
export function keyObjectOf(spki: string): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki, "base64"), format: "der", type: "spki" });
  } catch {
    // Whatever is wrong with it, it is no key; the caller names the place.
    return undefined;
  }
}

/** Which algorithm a key signs with; undefined for a kind of key that is not used. */
export function algorithmOf(key: KeyObject): SignatureAlgorithm | undefined {
  if (key.asymmetricKeyType === "ed25519") return "ed25519";
  const isP256 = key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
  return isP256 ? "es256" : undefined;
}

/** Whether `signature` (base64) is the key's own over `content` (UTF-8 where it is text). The algorithm is the key's: a signature cannot choose it. */
export function isSignedBy(key: KeyObject | undefined, content: Uint8Array | string, signature: string): boolean {
  const algorithm = key === undefined ? undefined : algorithmOf(key);
  if (key === undefined || algorithm === undefined) return false;
  const digest = algorithm === "ed25519" ? undefined : "sha256";
  try {
    return verify(digest, Buffer.from(content), key, Buffer.from(signature, "base64"));
  } catch {
    // A signature that is not even one in form.
    return false;
  }
}

function problemOf({ algorithm, publicKey }: Pick<PublicKey, "algorithm" | "publicKey">): string | undefined {
  const key = keyObjectOf(publicKey);
  if (key === undefined) return "is not a public key: SubjectPublicKeyInfo, DER, base64";
  return algorithmOf(key) === algorithm ? undefined : `is not a key for ${algorithm}`;
}
