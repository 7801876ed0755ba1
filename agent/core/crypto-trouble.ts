import { createPrivateKey, X509Certificate } from "node:crypto";
import { errnoOf, messageOf } from "./errors.ts";

/** What OpenSSL finds wrong with PEM, in words, by the codes of Node (nodejs.org/api/errors.html, "OpenSSL Errors"). */
const WORDS: Readonly<Record<string, string>> = {
  ERR_OSSL_PEM_NO_START_LINE: "there is no such block of PEM in it",
  ERR_OSSL_PEM_BAD_END_LINE: "its block of PEM has no end",
  ERR_OSSL_UNSUPPORTED: "it is no key in a form that is known",
  ERR_MISSING_PASSPHRASE: "it has a passphrase",
  // It asked for the passphrase, and nobody answered.
  ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED: "it has a passphrase",
  ERR_SSL_WRONG_VERSION_NUMBER: "what it answers is no TLS",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "what it answers is no TLS",
};

/** What keeps a certificate, a key or a TLS connection from being used, in words for people: OpenSSL's own reason where it is a rarer one. */
export function cryptoTrouble(error: unknown): string {
  const words = WORDS[errnoOf(error) ?? ""];
  if (words !== undefined) return words;
  return error instanceof Error && "reason" in error && typeof error.reason === "string"
    ? error.reason
    : messageOf(error);
}

/** What is wrong with a private key and the certificate of it, both in PEM; undefined where they belong together. */
export function keyTrouble(keyPem: string, certificatePem: string): string | undefined {
  try {
    const isItsKey = new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
    return isItsKey ? undefined : "it is the key of another certificate";
  } catch (error) {
    return cryptoTrouble(error);
  }
}
