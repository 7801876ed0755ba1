import { generateKeyPairSync, sign, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ecdsaToDer } from "../../../../../drivers/tpm/worker/signature.ts";

describe("ecdsaToDer", () => {
  it("gives what OpenSSL verifies as DER, for any content", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (content) => {
        const sideBySide = sign("sha256", content, { key: privateKey, dsaEncoding: "ieee-p1363" });
        return verify("sha256", content, { key: publicKey, dsaEncoding: "der" }, ecdsaToDer(sideBySide));
      }),
      { numRuns: 300, seed: 4 },
    );
  });

  it("writes each number as short as it can be and never negative", () => {
    const signature = new Uint8Array(64);
    signature[31] = 0x7f;
    signature[32] = 0x80;
    const expected = Buffer.concat([Buffer.from("302602017f02210080", "hex"), new Uint8Array(31)]);
    expect(Buffer.from(ecdsaToDer(signature)).equals(expected)).toBe(true);
  });
});
