import { constants, createHmac, type KeyObject, sign } from "node:crypto";

/** A token in compact form (RFC 7515), signed as its header says: RS256, ES256, HS256, or "none", whose signature is empty. Written without the library that judges it. */
export function jsonWebToken(
  header: Readonly<Record<string, unknown>> & { readonly alg: string },
  claims: Readonly<Record<string, unknown>>,
  key: KeyObject,
): string {
  const encoded = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${encoded}.${signatureOf(header.alg, encoded, key).toString("base64url")}`;
}

function signatureOf(algorithm: string, text: string, key: KeyObject): Buffer {
  const bytes = Buffer.from(text);
  if (algorithm === "RS256") return sign("sha256", bytes, { key, padding: constants.RSA_PKCS1_PADDING });
  if (algorithm === "ES256") return sign("sha256", bytes, { key, dsaEncoding: "ieee-p1363" });
  return algorithm === "HS256" ? createHmac("sha256", key).update(bytes).digest() : Buffer.alloc(0);
}
