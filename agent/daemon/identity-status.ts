import { readCertificate } from "../../drivers/aws/identity/tls.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import { type CertificateFacts, certificateFacts } from "../identity/certificate.ts";
import type { RenewalStatus } from "../identity/renewal.ts";
import type { IdentityStatus } from "../local-api/status-schema.ts";
import type { OpenIdentity } from "./open-identity.ts";
import type { CloudLink } from "./parts.ts";

const DAY_MS = 86_400_000;

/** Which certificate is in use, how long it lasts, and how its renewal stands. Reads the identity folder. */
export function identityStatusOf({ identities, renewal, keyWatch }: CloudLink, clock: Clock): IdentityStatus {
  const { inUse } = identities;
  const keyProblems = keyWatch?.problems() ?? [];
  const certificate = factsOf(inUse.certificateFile);
  const nowMs = clock.wallUs() / 1000;
  return {
    key: inUse.key,
    ...(keyProblems.length === 0 ? {} : { keyFlaws: keyProblems }),
    certificateFile: inUse.certificateFile,
    ...(certificate === undefined
      ? {}
      : { certificate, daysLeft: Math.floor((Date.parse(certificate.notAfter) - nowMs) / DAY_MS) }),
    renewal: renewalOf(renewal?.status()),
    ...ledgerPart(identities),
  };
}

function factsOf(file: string): CertificateFacts | undefined {
  try {
    return certificateFacts(readCertificate(file).certificate);
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

function ledgerPart({ identityStore }: OpenIdentity): Pick<IdentityStatus, "slot" | "phase" | "orphans" | "fault"> {
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
