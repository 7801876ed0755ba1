import { describe, expect, it } from "vitest";
import { parseSignatures } from "../../../../agent/core/signatures.ts";
import { judgeManifest, type Vehicle } from "../../../../agent/updates/trust/manifest.ts";
import {
  encoded,
  manifestDocument,
  signaturesOf,
  type TestKey,
  testKey,
  testManifest,
  testRoot,
  testVehicle,
} from "../../../fakes/updates/signing.ts";

const [rootKey, releaseA, releaseB] = [testKey(), testKey(), testKey("ecdsa-p256")];
const root = testRoot({ rootKeys: [rootKey], releaseKeys: [releaseA, releaseB] });
const vehicle = testVehicle(root);

function judge(bytes: Uint8Array, key: TestKey = releaseA, on: Vehicle = vehicle) {
  return judgeManifest(bytes, signaturesOf(bytes, key), on);
}

function reasonFor(changes: Readonly<Record<string, unknown>>, on: Partial<Vehicle> = {}): string {
  const verdict = judge(testManifest(changes), releaseA, testVehicle(root, on));
  return verdict.kind === "rejected" ? verdict.reason : verdict.kind;
}

describe("judgeManifest", () => {
  it.each([["Ed25519", releaseA] as const, ["ECDSA P-256", releaseB] as const])(
    "accepts one signed with %s",
    (_name, key) => {
      expect(judge(testManifest(), key)).toMatchObject({ kind: "accepted", manifest: { sequenceNumber: 14 } });
    },
  );

  it("refuses it with any one byte flipped, whichever the bit", () => {
    const bytes = testManifest();
    const signatures = signaturesOf(bytes, releaseA);
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Uint8Array.from(bytes);
        flipped[at] ^= 1 << bit;
        expect(judgeManifest(flipped, signatures, vehicle)).toMatchObject({ reason: "signature-wrong" });
      }
    }
  });

  it("refuses it with any one byte of the signature file flipped", () => {
    const bytes = testManifest();
    for (const key of [releaseA, releaseB]) {
      const file = encoded(signaturesOf(bytes, key));
      for (let at = 0; at < file.length; at++) {
        const flipped = Uint8Array.from(file);
        flipped[at] ^= 1 << (at % 8);
        const signatures = parseSignatures(flipped);
        const verdict = signatures === undefined ? { kind: "rejected" } : judgeManifest(bytes, signatures, vehicle);
        expect(verdict.kind).toBe("rejected");
      }
    }
  });

  it("refuses one that is cut short, is longer, or is followed by anything", () => {
    const bytes = testManifest();
    const signatures = signaturesOf(bytes, releaseA);
    for (let length = 0; length < bytes.length; length++) {
      expect(judgeManifest(bytes.subarray(0, length), signatures, vehicle).kind).toBe("rejected");
    }
    expect(judgeManifest(Uint8Array.of(...bytes, 0x20), signatures, vehicle).kind).toBe("rejected");
  });

  it("refuses one that is signed but not canonical, or has a key nobody knows", () => {
    const spaced = new TextEncoder().encode(JSON.stringify(manifestDocument(), undefined, 1));
    expect(judge(spaced)).toMatchObject({ reason: "malformed" });
    expect(judge(encoded({ ...manifestDocument(), extra: 1 }))).toMatchObject({ reason: "malformed" });
  });

  it("refuses a root document or a signature file in place of a manifest, though a release key signed it", () => {
    expect(judge(encoded(root.document))).toMatchObject({ reason: "malformed" });
    expect(judge(encoded(signaturesOf(testManifest(), releaseA)))).toMatchObject({ reason: "malformed" });
  });

  it.each(["../etc/passwd", "/etc/passwd", "a/b", "..", ".hidden", "", "a\0b"])(
    "refuses the artifact name %j",
    (name) => {
      const [artifact] = manifestDocument().artifacts;
      expect(judge(encoded(manifestDocument({ artifacts: [{ ...artifact, name }] })))).toMatchObject({
        reason: "malformed",
      });
    },
  );

  it("refuses one signed by nobody, by a stranger, by a root key, or by one of two", () => {
    const bytes = testManifest();
    const none = signaturesOf(bytes);
    expect(judgeManifest(bytes, none, vehicle)).toMatchObject({ reason: "unsigned" });
    expect(judge(bytes, testKey())).toMatchObject({ reason: "unsigned" });
    expect(judge(bytes, rootKey)).toMatchObject({ reason: "unsigned" });
    const both = testRoot({ rootKeys: [rootKey], releaseKeys: [releaseA, releaseB], releaseThreshold: 2 });
    const twice = signaturesOf(bytes, releaseA, releaseA);
    expect(judgeManifest(bytes, twice, testVehicle(both))).toMatchObject({ reason: "unsigned" });
    expect(judgeManifest(bytes, signaturesOf(bytes, releaseA, releaseB), testVehicle(both)).kind).toBe("accepted");
  });

  it("refuses one signed with a revoked key", () => {
    const later = testRoot({ rootKeys: [rootKey], releaseKeys: [releaseB], revoked: [releaseA.id] });
    expect(judge(testManifest(), releaseA, testVehicle(later))).toMatchObject({ reason: "key-revoked" });
  });

  it("refuses a downgrade, whatever the version says", () => {
    expect(reasonFor({ sequenceNumber: 12, version: "9.0.0" })).toBe("downgrade");
  });

  it("knows what is installed, and refuses its counter for anything else", () => {
    const verdict = judge(testManifest({ sequenceNumber: 13 }));
    expect(verdict).toMatchObject({ reason: "sequence-number-reused" });
    const accepted = judge(testManifest());
    const digest = accepted.kind === "rejected" ? "" : accepted.digest;
    expect(reasonFor({}, { installed: [{ component: "agent", sequenceNumber: 14, digest }] })).toBe("installed");
  });

  it("refuses what was held back: an expired manifest, and any under an expired root", () => {
    expect(reasonFor({ expires: "2026-05-31T23:59:59Z" })).toBe("expired");
    const old = testRoot({ rootKeys: [rootKey], releaseKeys: [releaseA], expires: "2026-05-01T00:00:00Z" });
    expect(judge(testManifest(), releaseA, testVehicle(old))).toMatchObject({ reason: "root-expired" });
  });

  it("refuses while nobody knows the time", () => {
    expect(reasonFor({}, { clockQuality: "unsynchronised", wallUs: 0 })).toBe("clock-untrusted");
  });

  it("keeps a rollback index of its own for each component", () => {
    expect(reasonFor({ component: "dbc", sequenceNumber: 1 })).toBe("accepted");
  });

  it("refuses what does not fit the vehicle", () => {
    expect(reasonFor({ hardware: ["gateway-3"] })).toBe("hardware-unfit");
    expect(reasonFor({ agent: { atLeast: "1.10.0" } })).toBe("agent-unfit");
    expect(reasonFor({ agent: { atLeast: "0.1.0", below: "1.3.0" } })).toBe("agent-unfit");
    expect(reasonFor({ requires: [{ component: "agent", sequenceNumber: 13 }] })).toBe("accepted");
    expect(reasonFor({ requires: [{ component: "dbc", sequenceNumber: 1 }] })).toBe("requirement-missing");
    const [artifact] = manifestDocument().artifacts;
    expect(reasonFor({ artifacts: [{ ...artifact, kind: "rauc" }] })).toBe("kind-unsupported");
  });
});
