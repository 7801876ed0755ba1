import { describe, expect, it } from "vitest";
import { parseRoot, rotateRoot, signedBy } from "../../../../agent/updates/trust/trust-root.ts";
import { encoded, rootBytes, signaturesOf, testKey, testRoot } from "../../../fakes/updates/signing.ts";

const [rootA, rootB, rootC, releaseA] = [testKey(), testKey("ecdsa-p256"), testKey(), testKey()];
const first = testRoot({ rootKeys: [rootA, rootB], rootThreshold: 2, releaseKeys: [releaseA] });
const secondPlan = { version: 2, rootKeys: [rootB, rootC], rootThreshold: 2, releaseKeys: [releaseA] };

describe("parseRoot", () => {
  it.each([
    ["a threshold that no set of keys reaches", { rootKeys: [rootA], rootThreshold: 2, releaseKeys: [releaseA] }],
    ["a revoked key in a role", { rootKeys: [rootA], releaseKeys: [releaseA], revoked: [releaseA.id] }],
    ["the same key twice in a role", { rootKeys: [rootA, rootA], rootThreshold: 2, releaseKeys: [releaseA] }],
  ])("refuses %s", (_name, plan) => {
    expect(parseRoot(rootBytes(plan))).toBeTypeOf("string");
  });

  it("refuses a role key that is not among the keys", () => {
    const bytes = encoded({ ...first.document, keys: [{ spki: rootA.spki }, { spki: releaseA.spki }] });
    expect(parseRoot(bytes)).toContain(rootB.id);
  });
});

describe("rotateRoot", () => {
  const bytes = rootBytes(secondPlan);

  it("takes root N + 1 signed by the threshold of both", () => {
    expect(rotateRoot(first, bytes, signaturesOf(bytes, rootA, rootB, rootC))).toMatchObject({
      document: { version: 2 },
    });
  });

  it.each([
    ["only the old root's keys", [rootA, rootB]],
    ["only the new root's keys", [rootB, rootC]],
    ["one key short of the old threshold", [rootB, rootC, releaseA]],
    ["the same key twice", [rootB, rootB, rootC]],
    ["nobody", []],
  ])("refuses one signed by %s", (_name, keys) => {
    expect(rotateRoot(first, bytes, signaturesOf(bytes, ...keys))).toBe("unsigned");
  });

  it("refuses a skipped, a repeated and an older version", () => {
    for (const version of [1, 3]) {
      const other = rootBytes({ ...secondPlan, version });
      expect(rotateRoot(first, other, signaturesOf(other, rootA, rootB, rootC))).toBe("version-skipped");
    }
  });

  it("refuses one that takes a revoked key back", () => {
    const revoking = testRoot({ ...secondPlan, revoked: [rootA.id] });
    const back = rootBytes({ ...secondPlan, version: 3 });
    expect(rotateRoot(revoking, back, signaturesOf(back, rootB, rootC))).toBe("revocation-undone");
  });

  it("refuses one whose every byte is flipped in turn", () => {
    const signatures = signaturesOf(bytes, rootA, rootB, rootC);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Uint8Array.from(bytes);
      flipped[at] ^= 1 << (at % 8);
      expect(rotateRoot(first, flipped, signatures)).toBeTypeOf("string");
    }
  });
});

describe("signedBy", () => {
  const bytes = encoded({ a: 1 });

  it("passes over signatures of keys it does not know", () => {
    expect(signedBy(first, "release", bytes, signaturesOf(bytes, rootC, releaseA))).toBe("signed");
  });

  it("does not let a root key sign a release, nor a release key a root", () => {
    expect(signedBy(first, "release", bytes, signaturesOf(bytes, rootA, rootB))).toBe("unsigned");
    expect(signedBy(first, "root", bytes, signaturesOf(bytes, releaseA))).toBe("unsigned");
  });

  it("refuses whatever a revoked key has signed too", () => {
    const root = testRoot({ rootKeys: [rootA], releaseKeys: [releaseA], revoked: [rootC.id] });
    expect(signedBy(root, "release", bytes, signaturesOf(bytes, releaseA, rootC))).toBe("key-revoked");
  });
});
