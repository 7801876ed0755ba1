import { execFileSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { FaultCode } from "../../agent/core/errors.ts";
import { type CsrSubject, KEY_ALGORITHMS, type KeyStore } from "../../agent/ports/key-store.ts";

/** A key store under test. */
export type KeyStoreHarness = {
  readonly store: KeyStore;
  /** What another tool can do to a token: gives a key the label of another one. */
  relabel(from: string, to: string): void;
  close(): Promise<void>;
};

/** Each call of a real store is a process of its own, which takes seconds on a busy machine. */
const TIMEOUT_MS = 120_000;
const SUBJECT: CsrSubject = {
  commonName: "veh-001",
  serialNumber: "SN-0042",
  organization: "Fähren & Söhne",
  organizationalUnit: "Trucks",
  country: "DE",
  uris: ["urn:vin:WDB9634031L123456"],
  dnsNames: ["veh-001.vehicles.example"],
};
const KINDS = {
  "ec-p256": ["ec", "prime256v1"],
  "ec-p384": ["ec", "secp384r1"],
  "rsa-2048": ["rsa", 2048],
  "rsa-3072": ["rsa", 3072],
} as const;
const SIGNATURES = {
  "ec-p256": "ecdsa-with-SHA256",
  "ec-p384": "ecdsa-with-SHA384",
  "rsa-2048": "sha256WithRSAEncryption",
  "rsa-3072": "sha256WithRSAEncryption",
} as const;
/** Everything a key must have so that it never leaves the TPM and no power cut locks it. */
const REQUIRED = ["fixedtpm", "fixedparent", "sensitivedataorigin", "userwithauth", "noda", "sign"];

/** What OpenSSL says about a certificate request; it throws when the signature does not fit the key in it. */
function judged(pem: string, ...args: readonly string[]): string {
  return execFileSync("openssl", ["req", "-verify", "-noout", "-nameopt", "utf8,sep_comma_plus", ...args], {
    input: pem,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** The promises of the KeyStore port. */
export function describeKeyStore(name: string, create: () => Promise<KeyStoreHarness>): void {
  describe(`KeyStore: ${name}`, { timeout: TIMEOUT_MS }, () => {
    let harness: KeyStoreHarness;
    let store: KeyStore;
    const refuses = async (call: Promise<unknown>, code: FaultCode) => {
      await expect(call).rejects.toMatchObject({ name: "AgentError", code });
    };

    beforeAll(async () => {
      harness = await create();
      store = harness.store;
    });
    afterEach(async () => {
      for (const { label, id } of await store.list()) await store.delete(label, id);
    });
    afterAll(async () => {
      await harness.close();
    });

    it.each(KEY_ALGORITHMS)("makes a key of type %s with all the attributes of one that stays", async (algorithm) => {
      const made = await store.create("device", algorithm);
      expect(made).toMatchObject({ label: "device", algorithm, problems: [] });
      expect(made.attributes).toEqual(expect.arrayContaining(REQUIRED));
      const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(made.publicKeyPem);
      expect([asymmetricKeyType, asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength]).toEqual(
        KINDS[algorithm],
      );
      expect(await store.list()).toEqual([made]);
    });

    it("has no keys at first, and lists those it has by label", async () => {
      expect(await store.list()).toEqual([]);
      await store.create("slot-b", "ec-p256");
      await store.create("slot-a", "ec-p256");
      expect((await store.list()).map(({ label }) => label)).toEqual(["slot-a", "slot-b"]);
    });

    it("refuses a label that is taken, and leaves its key as it was", async () => {
      const first = await store.create("device", "ec-p256");
      await refuses(store.create("device", "ec-p256"), "identity.key-exists");
      expect(await store.list()).toEqual([first]);
    });

    it("deletes one key and no other", async () => {
      await store.create("slot-a", "ec-p256");
      const other = await store.create("slot-b", "ec-p256");
      await store.delete("slot-a");
      expect(await store.list()).toEqual([other]);
      await refuses(store.delete("slot-a"), "identity.key-missing");
      const again = await store.create("slot-a", "ec-p256");
      expect(again.publicKeyPem).not.toBe(other.publicKeyPem);
    });

    it.each(KEY_ALGORITHMS)("tests a key of type %s by a signature", async (algorithm) => {
      const made = await store.create("device", algorithm);
      const { key, signMs, loginMs } = await store.test("device");
      expect(key).toEqual(made);
      expect(signMs).toBeGreaterThan(0);
      expect(loginMs).toBeGreaterThan(0);
    });

    it("refuses a label that several keys have, and deletes the one whose id is given", async () => {
      const first = await store.create("device", "ec-p256");
      const second = await store.create("driver", "ec-p256");
      harness.relabel("driver", "device");
      expect((await store.list()).map(({ label, id }) => [label, id])).toEqual([
        ["device", first.id],
        ["device", second.id],
      ]);
      await refuses(store.test("device"), "identity.key-ambiguous");
      await refuses(store.request("device", SUBJECT), "identity.key-ambiguous");
      await refuses(store.delete("device"), "identity.key-ambiguous");
      await store.delete("device", second.id);
      expect(await store.list()).toEqual([first]);
    });

    it("names a key that is missing", async () => {
      await refuses(store.test("nobody"), "identity.key-missing");
      await refuses(store.request("nobody", SUBJECT), "identity.key-missing");
    });

    it.each(KEY_ALGORITHMS)("signs a request with a key of type %s that OpenSSL takes", async (algorithm) => {
      const { publicKeyPem } = await store.create("device", algorithm);
      const pem = await store.request("device", SUBJECT);
      expect(judged(pem, "-subject")).toContain(
        "subject=C=DE,O=Fähren & Söhne,OU=Trucks,CN=veh-001,serialNumber=SN-0042",
      );
      expect(judged(pem, "-pubkey")).toContain(publicKeyPem.trim());
      const text = judged(pem, "-text");
      expect(text).toContain("URI:urn:vin:WDB9634031L123456, DNS:veh-001.vehicles.example");
      expect(text).toContain(SIGNATURES[algorithm]);
    });

    it("leaves out of a request what the subject does not have", async () => {
      await store.create("device", "ec-p256");
      const text = judged(await store.request("device", { commonName: "veh-001", uris: [], dnsNames: [] }), "-text");
      expect(text).toContain("Subject: CN=veh-001");
      expect(text).not.toContain("X509v3");
    });

    it("does calls that are made at once one after the other", async () => {
      const made = store.create("device", "ec-p256");
      const [key, keys] = await Promise.all([made, store.list(), store.test("device")]);
      expect(keys).toEqual([key]);
    });
  });
}
