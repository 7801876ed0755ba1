import type { RequestClient } from "../cloud/request-client.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import type { Broker } from "../ports/broker.ts";
import { type AnnouncementSubject, identityPublication } from "./identity-announcement.ts";
import { type ChangeParts, clearRetired, ensureKey, obtainCertificate } from "./identity-change.ts";
import { type IdentityPosition, positionOf } from "./identity-state.ts";
import { provisioningFilters } from "./provisioning.ts";

export type RenewalStepParts = ChangeParts & {
  readonly broker: Pick<Broker, "online" | "publish" | "switchCredential">;
  readonly requestClient: RequestClient;
  readonly announcer: AnnouncementSubject;
};

/** One try at a renewal. */
export type RenewalAttempt = {
  /** Why, for logs. */
  readonly reason: string;
  /** Whether one begins where none is open; otherwise only what an earlier one left behind goes. */
  readonly isDue: boolean;
  readonly isNewKey: boolean;
  /** Time for the first connection with the new certificate, ms. */
  readonly verifyMs: number;
  /** Asked after the announcement and before the old key goes: whether whoever requested it knows of the new certificate. */
  readonly confirm: ((certificateId: string) => Promise<boolean>) | undefined;
};

type RenewalStep = (parts: RenewalStepParts, attempt: RenewalAttempt, signal: AbortSignal) => Promise<void>;

/** What is done in each position of the state. Each step leads to a later one, or throws. */
const STEPS: Readonly<Record<Exclude<IdentityPosition, "settled">, RenewalStep>> = {
  begun: makeKey,
  keyed: obtain,
  asked: obtain,
  issued: obtain,
  registered: connect,
  announce,
  delete: clearRetired,
};

/**
 * Brings a renewal from wherever it stands to its end: a key and a certificate in the other slot, a first connection with them, the change
 * of the two, the announcement, and only then the end of the old key. Gives the id of the certificate in use then; undefined when
 * there was only something to tidy up. Throws the faults of the key store, the link and `identity.*`; the old identity is in use then,
 * unless the new one has connected.
 */
export async function renewCertificate(
  parts: RenewalStepParts,
  attempt: RenewalAttempt,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { identityStore } = parts;
  if (identityStore.state().change?.kind === "enrol") throw enrolling();
  if (positionOf(identityStore.state()) === "settled") {
    await clearRetired(parts);
    if (!attempt.isDue) return undefined;
    identityStore.apply({ kind: "begin", change: "renew", isNewKey: attempt.isNewKey, reason: attempt.reason });
  }
  for (;;) {
    const position = positionOf(identityStore.state());
    if (position === "settled") return identityStore.inUse()?.certificateId;
    await STEPS[position](parts, attempt, signal);
  }
}

/** The agent ends before the renewal does. */
export function stopped(): AgentError {
  return new AgentError("identity.renewal-unfinished", {
    what: "the agent stopped before the renewal had ended",
    remedy: "wait: it goes on with the next start",
  });
}

async function makeKey(parts: RenewalStepParts): Promise<void> {
  try {
    await ensureKey(parts);
  } catch (error) {
    // A key that shall be kept and is not there cannot come back by trying.
    if (error instanceof AgentError && error.code === "identity.key-missing")
      parts.identityStore.apply({ kind: "abandoned" });
    throw error;
  }
}

async function obtain(parts: RenewalStepParts, _attempt: RenewalAttempt, signal: AbortSignal): Promise<void> {
  const { requestClient, order } = parts;
  await requestClient.listen(provisioningFilters(order.format, order.template));
  await obtainCertificate(parts, requestClient, signal);
}

/** The first connection with the new identity; it stays, and the two change places. */
async function connect({ identityStore, broker, log }: RenewalStepParts, { verifyMs }: RenewalAttempt): Promise<void> {
  const { change, slots } = identityStore.state();
  const next = change === undefined ? undefined : slots[change.slot];
  if (next === undefined) throw new Error("a renewal without a certificate to connect with");
  const outcome = await broker.switchCredential(next, verifyMs);
  if (outcome.kind === "moved") {
    identityStore.apply({ kind: "verified" });
    return;
  }
  const { fault } = outcome;
  log.warn("identity.certificate-not-taken", { code: fault.code, what: fault.what });
  // Without an answer nothing speaks against the certificate: it is tried again.
  if (fault.code !== "broker.unreachable" && !fault.code.startsWith("proxy."))
    identityStore.apply({ kind: "abandoned" });
  throw new AgentError(fault.code, fault);
}

async function announce(parts: RenewalStepParts, { confirm }: RenewalAttempt, signal: AbortSignal): Promise<void> {
  const { identityStore, broker, announcer } = parts;
  if ((await broker.online(signal)) === undefined) throw stopped();
  const { retirement, slots } = identityStore.state();
  const current = identityStore.inUse();
  if (retirement === undefined || current === undefined) throw new Error("an announcement without two certificates");
  const { certificateId } = current;
  const previousCertificateId = slots[retirement.slot]?.certificateId;
  const outcome = await broker.publish(identityPublication(announcer, { certificateId, previousCertificateId }));
  if (outcome.kind !== "acked") throw announcementFailed(outcome.kind === "rejected" ? outcome.reason : outcome.kind);
  await confirmed(certificateId, confirm);
  identityStore.apply({ kind: "announced" });
}

async function confirmed(certificateId: string, confirm: RenewalAttempt["confirm"]): Promise<void> {
  if (confirm === undefined) return;
  const isKnown = await confirm(certificateId).catch((error: unknown) => {
    throw announcementFailed(messageOf(error));
  });
  if (!isKnown) throw announcementFailed("it was not confirmed");
}

function enrolling(): AgentError {
  return new AgentError("identity.renewal-busy", {
    what: "an enrolment was begun and not finished",
    remedy: "stop the agent and run causeway provision again",
  });
}

function announcementFailed(problem: string): AgentError {
  return new AgentError("identity.renewal-unfinished", {
    what: `the new certificate is in use, but the cloud has not acknowledged it: ${problem}`,
    remedy:
      "let the broker's policy allow topics.identity if it does not pass: the announcement is repeated, and the old key is kept until then",
  });
}
