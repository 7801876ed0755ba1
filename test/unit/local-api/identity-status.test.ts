import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import type { IdentityState } from "../../../agent/identity/identity-state.ts";
import { type IdentityStatusParts, identityStatusOf } from "../../../agent/local-api/identity-status.ts";
import { createAuthority } from "../../bench/cloud/certificate-authority.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const HOUR_MS = 3_600_000;
const UNREADABLE = new AgentError("identity.key-missing", { what: "no such file", remedy: "set certificateFile" });
const STATE: IdentityState = { schemaVersion: 1, changes: 2, slots: {}, discarded: [], orphans: 1 };

/** The parts of a device with a certificate that ends `leftMs` from now, with `change` over them. */
async function parts(leftMs: number, change: Partial<IdentityStatusParts["identities"]> = {}) {
  const authority = createAuthority(temporaryFolder());
  const { certificatePem } = await authority.issue({ commonName: "truck-1", usage: "client" });
  const certificate = new X509Certificate(certificatePem);
  const clock = { wallUs: () => (Date.parse(certificate.validTo) - leftMs) * 1000 };
  const identities = {
    identityStore: { state: () => STATE },
    inUse: { key: "pkcs11 token vehicle, key device", certificateFile: "/identity/device.pem" },
    readCertificate: () => certificate,
    ...change,
  };
  return { clock, identities, renewal: undefined, keyWatch: undefined };
}

describe("identityStatusOf", () => {
  it("counts the whole days that the certificate is left, below zero when it has ended", async () => {
    const { clock, ...fresh } = await parts(49 * HOUR_MS);
    expect(identityStatusOf(fresh, clock)).toMatchObject({ daysLeft: 2, certificate: { subject: "CN=truck-1" } });
    const ended = await parts(-1 * HOUR_MS);
    expect(identityStatusOf(ended, ended.clock).daysLeft).toBe(-1);
  });

  it("leaves out a certificate that cannot be read, which the link tells", async () => {
    const broken = await parts(HOUR_MS, {
      readCertificate: () => {
        throw UNREADABLE;
      },
    });
    const status = identityStatusOf(broken, broken.clock);
    expect(status).not.toHaveProperty("certificate");
    expect(status).toMatchObject({ certificateFile: "/identity/device.pem", orphans: 1 });
  });

  it("says why the state of the identities cannot be read", async () => {
    const broken = await parts(HOUR_MS, {
      identityStore: {
        state: () => {
          throw UNREADABLE;
        },
      },
    });
    const fault = { code: "identity.key-missing", what: "no such file", remedy: "set certificateFile" };
    expect(identityStatusOf(broken, broken.clock)).toMatchObject({ orphans: 0, fault });
  });

  it("tells when the renewal is tried again and why it failed, and that there is none", async () => {
    const { clock, ...device } = await parts(HOUR_MS);
    expect(identityStatusOf(device, clock).renewal).toEqual({ state: "unavailable", failures: 0 });
    const nextAtMs = Date.UTC(2026, 0, 9);
    const renewal = { status: () => ({ state: "failed", nextAtMs, failures: 3, fault: UNREADABLE }) as const };
    expect(identityStatusOf({ ...device, renewal }, clock).renewal).toEqual({
      state: "failed",
      failures: 3,
      nextAt: "2026-01-09T00:00:00.000Z",
      fault: { code: "identity.key-missing", what: "no such file", remedy: "set certificateFile" },
    });
  });

  it("names what makes the key in use unfit", async () => {
    const { clock, ...device } = await parts(HOUR_MS);
    const keyWatch = { problems: () => ["born outside the TPM"], lockout: () => undefined };
    expect(identityStatusOf({ ...device, keyWatch }, clock)).toMatchObject({ keyProblems: ["born outside the TPM"] });
    expect(identityStatusOf(device, clock)).not.toHaveProperty("keyProblems");
  });

  it("tells what the TPM has counted, once it was asked", async () => {
    const { clock, ...device } = await parts(HOUR_MS);
    const counted = { isLocked: false, counter: 3, maxTries: 31 };
    const rest = { recoverySeconds: 1, lockoutRecoverySeconds: 1, hasOwnerAuth: true, hasLockoutAuth: true };
    const keyWatch = { problems: () => [], lockout: () => ({ ...counted, ...rest }) };
    expect(identityStatusOf({ ...device, keyWatch }, clock)).toMatchObject({
      tpm: { failures: 3, maxFailures: 31, isLocked: false },
    });
    expect(identityStatusOf(device, clock)).not.toHaveProperty("tpm");
  });
});
