import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fileSigner } from "../../../../agent/companion/commands/file-signer.ts";
import { isSignedBy } from "../../../../agent/core/public-key.ts";

describe("a signing key in a file", () => {
  it.each(["ed25519", "P-256"])("signs as vehicles verify: %s", async (kind) => {
    const pair =
      kind === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve: "P-256" });
    const signer = fileSigner("companion", pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString());
    const signature = await signer.sign("text");
    expect(isSignedBy(pair.publicKey, "text", signature)).toBe(true);
    expect(isSignedBy(pair.publicKey, "texts", signature)).toBe(false);
  });

  it("is refused where vehicles could not verify it, without a word of it", () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "pem", type: "pkcs8" });
    for (const text of [
      "secret words",
      rsa.toString(),
      "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----",
    ]) {
      expect(() => fileSigner("companion", text)).toThrow(/is no private key for Ed25519 or ECDSA over P-256/);
      expect(() => fileSigner("companion", text)).not.toThrow(/secret|c2VjcmV0|MII/);
    }
  });
});
