import type { X509Certificate } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import { type CertificateFacts, certificateFacts } from "../identity/certificate.ts";
import type { IdentityStore } from "../identity/identity-store.ts";
import type { KeyWatch } from "../identity/key-watch.ts";
import type { Renewal, RenewalStatus } from "../identity/renewal.ts";
import type { IdentityStatus } from "./status-schema.ts";

const DAY_MS = 86_400_000;

/** What the status says of the identity from. */
export type IdentityStatusParts = {
  readonly identities: {
    readonly identityStore: Pick<IdentityStore, "state">;
    /** `key` says where it is, for people. */
    readonly inUse: { readonly key: string; readonly certificateFile: string };
    /** Throws the fault of a file that cannot be read. */
    readonly readCertificate: (file: string) => X509Certificate;
  };
  /** Undefined where no provisioning template is configured. */
  readonly renewal: Pick<Renewal, "status"> | undefined;
  /** Undefined for a key in a file. */
  readonly keyWatch: Pick<KeyWatch, "problems" | "lockout"> | undefined;
};

/** Which certificate is in use, how long it lasts, and how its renewal stands. Reads the identity folder. */
export function identityStatusOf(parts: IdentityStatusParts, clock: Pick<Clock, "wallUs">): IdentityStatus {
  const { identities, renewal, keyWatch } = parts;
  const { inUse } = identities;
  const keyProblems = keyWatch?.problems() ?? [];
  const lockout = keyWatch?.lockout();
  const certificate = factsOf(identities);
  const nowMs = clock.wallUs() / 1000;
  return {
    key: inUse.key,
    ...(keyProblems.length === 0 ? {} : { keyProblems }),
    ...(lockout === undefined
      ? {}
      : { tpm: { failures: lockout.counter, maxFailures: lockout.maxTries, isLocked: lockout.isLocked } }),
    certificateFile: inUse.certificateFile,
    ...(certificate === undefined
      ? {}
      : { certificate, daysLeft: Math.floor((Date.parse(certificate.notAfter) - nowMs) / DAY_MS) }),
    renewal: renewalOf(renewal?.status()),
    ...ledgerPart(identities),
  };
}

type Identities = IdentityStatusParts["identities"];

function factsOf({ inUse, readCertificate }: Identities): CertificateFacts | undefined {
  try {
    return certificateFacts(readCertificate(inUse.certificateFile));
  } catch (error) {
    // The link tells this fault with its remedy.
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}

function renewalOf(status: RenewalStatus | undefined): IdentityStatus["renewal"] {
  if (status === undefined) return { state: "unavailable", failures: 0 };
  const { state, nextAtMs, failures, fault } = status;
  return {
    state,
    failures,
    ...(nextAtMs === undefined ? {} : { nextAt: new Date(nextAtMs).toISOString() }),
    ...(fault === undefined ? {} : { fault: { code: fault.code, what: fault.message, remedy: fault.remedy } }),
  };
}

function ledgerPart({ identityStore }: Identities): Pick<IdentityStatus, "slot" | "phase" | "orphans" | "fault"> {
  try {
    const { inUse: slot, change, retirement, orphans } = identityStore.state();
    const phase = change?.phase ?? retirement?.stage;
    return { orphans, ...(slot === undefined ? {} : { slot }), ...(phase === undefined ? {} : { phase }) };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const { code, message: what, remedy } = error;
    return { orphans: 0, fault: { code, what, remedy } };
  }
}
