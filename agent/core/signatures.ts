import { createHash, type KeyObject } from "node:crypto";
import { z } from "zod";
import { parseCanonical } from "./canonical-document.ts";
import { algorithmOf, keyObjectOf, type SignatureAlgorithm } from "./public-key.ts";

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

/** A public key by which documents are signed. */
export type DocumentKey = {
  readonly id: string;
  readonly algorithm: SignatureAlgorithm;
  /** SubjectPublicKeyInfo, DER, base64. */
  readonly spki: string;
  readonly key: KeyObject;
};

/** The key of an SPKI in base64; undefined when it is no Ed25519 or P-256 key, or is written in more than the one way. */
export function documentKeyOf(spki: string): DocumentKey | undefined {
  const key = isStrictBase64(spki) ? keyObjectOf(spki) : undefined;
  const algorithm = key === undefined ? undefined : algorithmOf(key);
  if (key === undefined || algorithm === undefined) return undefined;
  const der = key.export({ format: "der", type: "spki" });
  if (der.toString("base64") !== spki) return undefined;
  return { id: sha256Hex(der), algorithm, spki, key };
}

/** Parses a signature file; undefined when it is not one in canonical form. */
export function parseSignatures(bytes: Uint8Array): SignatureList | undefined {
  return signatureList.safeParse(parseCanonical(bytes)).data;
}

/** SHA-256, 64 hexadecimal digits. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function isStrictBase64(text: string): boolean {
  return Buffer.from(text, "base64").toString("base64") === text;
}
