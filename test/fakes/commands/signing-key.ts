import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type SignedFields, signedText } from "../../../agent/commands/canonical.ts";
import type { PublicKey } from "../../../agent/core/public-key.ts";

/** A key pair made for the running test. */
export type SigningKey = {
  readonly pinned: PublicKey;
  /** The `signature` member of a request. */
  sign(fields: SignedFields): { readonly key: string; readonly value: string };
  /** The same over any text. */
  signText(text: string): { readonly key: string; readonly value: string };
};

/** Makes a key pair and names it. */
export function signingKey(
  id: string,
  algorithm: PublicKey["algorithm"] = "ed25519",
  role: PublicKey["role"] = "commands",
): SigningKey {
  const { publicKey, privateKey } = pairOf(algorithm);
  const spki = publicKey.export({ format: "der", type: "spki" }).toString("base64");
  const signText: SigningKey["signText"] = (text) => ({
    key: id,
    value: sign(algorithm === "ed25519" ? undefined : "sha256", Buffer.from(text), privateKey).toString("base64"),
  });
  return {
    pinned: { id, algorithm, publicKey: spki, role },
    sign: (fields) => signText(signedText(fields)),
    signText,
  };
}

function pairOf(algorithm: PublicKey["algorithm"]): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  if (algorithm === "ed25519") return generateKeyPairSync("ed25519");
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}
