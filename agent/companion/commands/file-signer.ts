import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { AgentError } from "../../core/errors.ts";
import { algorithmOf } from "../../core/public-key.ts";
import type { CommandSigner } from "./signer.ts";

/** A key in PEM (PKCS #8), for a bench: Ed25519, or ECDSA over P-256. Throws `input.malformed`, which tells nothing of the key. */
export function fileSigner(keyId: string, privateKeyPem: string): CommandSigner {
  const key = readKey(privateKeyPem);
  const algorithm = algorithmOf(createPublicKey(key));
  if (algorithm === undefined) throw unusable();
  const digest = algorithm === "ed25519" ? undefined : "sha256";
  return { keyId, sign: async (text) => sign(digest, Buffer.from(text), key).toString("base64") };
}

function readKey(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    // OpenSSL's words may quote what it read.
    throw unusable();
  }
}

function unusable(): AgentError {
  const what = "the signing key is no private key for Ed25519 or ECDSA over P-256 in PEM";
  return new AgentError("input.malformed", { what, remedy: "make one: openssl genpkey -algorithm ed25519" });
}
