import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { documentText } from "../../../agent/core/canonical-document.ts";
import { type DocumentKey, documentKeyOf, type SignatureList } from "../../../agent/core/signatures.ts";
import { manifestBytes, type Vehicle } from "../../../agent/updates/trust/manifest.ts";
import { parseRoot, type TrustRoot } from "../../../agent/updates/trust/trust-root.ts";

/** A key pair of the running test. */
export type TestKey = DocumentKey & { readonly privateKey: KeyObject };

/** Makes a key pair. */
export function testKey(kind: "ed25519" | "ecdsa-p256" = "ed25519"): TestKey {
  const { privateKey, publicKey } =
    kind === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const found = documentKeyOf(publicKey.export({ format: "der", type: "spki" }).toString("base64"));
  if (found === undefined) throw new Error("the test key is not usable");
  return { ...found, privateKey };
}

/** Signatures of `keys` over `bytes`. */
export function signaturesOf(bytes: Uint8Array, ...keys: readonly TestKey[]): SignatureList {
  const signatures = keys.map(({ id, algorithm, privateKey }) => ({
    keyId: id,
    value: sign(algorithm === "ed25519" ? null : "sha256", bytes, privateKey).toString("base64"),
  }));
  return { type: "causeway.signatures", schemaVersion: 1, signatures };
}

/** What a test root is made of; one key of each role where absent. */
export type RootPlan = {
  readonly version?: number;
  readonly expires?: string;
  readonly rootKeys: readonly TestKey[];
  readonly rootThreshold?: number;
  readonly releaseKeys: readonly TestKey[];
  readonly releaseThreshold?: number;
  readonly revoked?: readonly string[];
};

/** Canonical bytes of a root document. */
export function rootBytes(plan: RootPlan): Uint8Array {
  const keys = new Map([...plan.rootKeys, ...plan.releaseKeys].map(({ id, spki }) => [id, { spki }]));
  return encoded({
    type: "causeway.root",
    schemaVersion: 1,
    version: plan.version ?? 1,
    expires: plan.expires ?? "2030-01-01T00:00:00Z",
    keys: [...keys.values()],
    root: { keyIds: plan.rootKeys.map(({ id }) => id), threshold: plan.rootThreshold ?? 1 },
    release: { keyIds: plan.releaseKeys.map(({ id }) => id), threshold: plan.releaseThreshold ?? 1 },
    revoked: plan.revoked ?? [],
  });
}

/** A trusted root. */
export function testRoot(plan: RootPlan): TrustRoot {
  const root = parseRoot(rootBytes(plan));
  if (typeof root === "string") throw new Error(root);
  return root;
}

/** A manifest for `testVehicle`, with what is given in place of the usual. */
export function manifestDocument(changes: Readonly<Record<string, unknown>> = {}) {
  return {
    type: "causeway.manifest",
    schemaVersion: 1,
    component: "agent",
    version: "1.4.0",
    sequenceNumber: 14,
    expires: "2027-01-01T00:00:00Z",
    hardware: ["gateway-2"],
    agent: { atLeast: "0.1.0" },
    requires: [],
    artifacts: [{ name: "agent.tar.gz", kind: "agent", version: "1.4.0", sizeBytes: 5, sha256: "0".repeat(64) }],
    ...changes,
  };
}

/** Its canonical bytes. */
export function testManifest(changes: Readonly<Record<string, unknown>> = {}): Uint8Array {
  return manifestBytes(manifestDocument(changes));
}

/** A vehicle of hardware gateway-2 with agent 1.3.0, sequence number 13, on 2026-06-01. */
export function testVehicle(root: TrustRoot, changes: Partial<Vehicle> = {}): Vehicle {
  return {
    root,
    wallUs: Date.parse("2026-06-01T00:00:00Z") * 1000,
    clockQuality: "ntp",
    hardware: "gateway-2",
    agentVersion: "1.3.0",
    installed: [{ component: "agent", sequenceNumber: 13, digest: "1".repeat(64) }],
    kinds: ["agent"],
    handlers: [],
    ...changes,
  };
}

/** Canonical bytes of any document. */
export function encoded(document: unknown): Uint8Array {
  return new TextEncoder().encode(documentText(document));
}
