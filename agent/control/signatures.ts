import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { z } from "zod";
import { parseCanonical } from "./canonical-document.ts";

/** How a key signs: pure Ed25519 (RFC 8032), or ECDSA on P-256 with SHA-256, the signature in DER. */
export type SignatureAlgorithm = "ed25519" | "ecdsa-p256-sha256";

/** Name of a key: SHA-256 of its SubjectPublicKeyInfo, 64 hexadecimal digits. */
export const keyId = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower case hexadecimal digits");

const base64 = z.string().max(1024).refine(isStrictBase64, "must be base64 without a stray bit");

/** A detached signature file: signatures over the exact bytes of one other file. */
export const signatureList = z.strictObject({
  type: z.literal("causeway.signatures"),
  schemaVersion: z.literal(1),
  signatures: z.array(z.strictObject({ keyId, value: base64 })).max(32),
});
export type SignatureList = z.infer<typeof signatureList>;

/** A public key that can verify. */
export type PublicKey = {
  readonly id: string;
  readonly algorithm: SignatureAlgorithm;
  /** SubjectPublicKeyInfo, DER, base64. */
  readonly spki: string;
  readonly key: KeyObject;
};

/** The key of an SPKI in base64; undefined when it is no Ed25519 or P-256 key, or is written in more than the one way. */
export function publicKeyOf(spki: string): PublicKey | undefined {
  if (!isStrictBase64(spki)) return undefined;
  try {
    const der = Buffer.from(spki, "base64");
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    const algorithm = algorithmOf(key);
    if (algorithm === undefined || !key.export({ format: "der", type: "spki" }).equals(der)) return undefined;
    return { id: createHash("sha256").update(der).digest("hex"), algorithm, spki, key };
  } catch {
    // Whatever is wrong with it, it is no key; the caller names the place.
    return undefined;
  }
}

/** Which algorithm a key signs with; undefined for a kind of key that is not used. */
export function algorithmOf(key: KeyObject): SignatureAlgorithm | undefined {
  if (key.asymmetricKeyType === "ed25519") return "ed25519";
  const isP256 = key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
  return isP256 ? "ecdsa-p256-sha256" : undefined;
}

/** Parses a signature file; undefined when it is not one in canonical form. */
export function parseSignatures(bytes: Uint8Array): SignatureList | undefined {
  return signatureList.safeParse(parseCanonical(bytes)).data;
}

/** Whether `value` (base64) is the signature of `bytes` by `key`. The algorithm is the key's own: a signature cannot choose it. */
export function isSignedBy(bytes: Uint8Array, key: PublicKey, value: string): boolean {
  const signature = Buffer.from(value, "base64");
  return verify(key.algorithm === "ed25519" ? null : "sha256", bytes, key.key, signature);
}

/** SHA-256, 64 hexadecimal digits. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function isStrictBase64(text: string): boolean {
  return Buffer.from(text, "base64").toString("base64") === text;
}
