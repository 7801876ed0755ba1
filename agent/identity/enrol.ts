import { openSession } from "../cloud/open-session.ts";
import type { RequestClient } from "../cloud/request-client.ts";
import { AgentError } from "../core/errors.ts";
import type { Broker, PublishOutcome } from "../ports/broker.ts";
import { type AnnouncementSubject, identityPublication } from "./identity-announcement.ts";
import { type ChangeParts, clearRetired, ensureKey, obtainCertificate } from "./identity-change.ts";
import { type IdentityChange, type IdentityState, identityInUse, type SlotIdentity } from "./identity-state.ts";
import { provisioningFilters } from "./provisioning.ts";

/** Files of a claim certificate. */
export type ClaimFiles = { readonly certificateFile: string; readonly keyFile: string };

/** Steps of an enrolment, in order. */
export const ENROL_STEPS = ["key", "claim", "certificate", "connect", "announce", "clean-up"] as const;
export type EnrolStep = (typeof ENROL_STEPS)[number];

/** Sessions are not started and end with their first failed attempt. */
export type EnrolParts = ChangeParts & {
  readonly sessions: {
    claim(files: ClaimFiles): Broker;
    thing(identity: SlotIdentity): Broker;
    requestClient(session: Broker): RequestClient;
  };
  readonly announcer: AnnouncementSubject;
  /** Hears of each step as it ends. */
  readonly onStep: (step: EnrolStep, ms: number, detail: string) => void;
};

/** What to begin with when nothing is under way. `claim` is needed for a new enrolment; `again` replaces an identity that is there. */
export type EnrolRequest = { readonly claim: ClaimFiles | undefined; readonly again: boolean };

/**
 * Enrols the device, from wherever an earlier run was cut: a key in the token, a certificate by the claim certificate, the first
 * connection with it, the announcement, and the end of the claim certificate. Gives "present" when there is nothing to do.
 *
 * Throws the fault of the step that failed; a next run goes on from there.
 */
export async function enrol(
  parts: EnrolParts,
  request: EnrolRequest,
  signal: AbortSignal,
): Promise<"enrolled" | "present"> {
  if (!begin(parts, request)) return "present";
  const step = stepTimer(parts);
  await step("key", async () => {
    await ensureKey(parts);
    return parts.identityStore.state().change?.keyLabel ?? "there already";
  });
  if (isWanting(parts.identityStore.state())) await obtain(parts, step, signal);
  await connectAsThing(parts, step, signal);
  await step("clean-up", async () => {
    await clearRetired(parts);
    return destroyClaim(parts);
  });
  return "enrolled";
}

type TimedStep = (name: EnrolStep, work: () => Promise<string>) => Promise<void>;

function stepTimer({ clock, onStep }: EnrolParts): TimedStep {
  return async (name, work) => {
    const startMs = clock.monotonicMs();
    const detail = await work();
    onStep(name, clock.monotonicMs() - startMs, detail);
  };
}

/** Whether there is something to do: a change that is under way, or one that begins now. */
function begin({ identityStore }: EnrolParts, { claim, again }: EnrolRequest): boolean {
  const state = identityStore.state();
  const isUnderWay = state.change?.kind === "enrol" || state.retirement !== undefined || state.claim !== undefined;
  if (isUnderWay) return true;
  if (state.inUse !== undefined && !again) return false;
  if (state.change !== undefined) identityStore.apply({ kind: "abandoned" });
  if (claim === undefined) {
    throw new AgentError("identity.claim-missing", {
      what: "no claim certificate was given",
      remedy: "name the files of the claim certificate and its key with --claim-cert and --claim-key",
    });
  }
  identityStore.apply({ kind: "begin", change: "enrol", isNewKey: true, reason: again ? "again" : "first", claim });
  return true;
}

function isWanting({ change }: IdentityState): boolean {
  return change !== undefined && change.phase !== "registered";
}

async function obtain(parts: EnrolParts, step: TimedStep, signal: AbortSignal): Promise<void> {
  const { identityStore, sessions, clock, order } = parts;
  const { claim } = identityStore.state();
  if (claim === undefined) throw new Error("an enrolment without a claim certificate");
  const session = sessions.claim(claim);
  const requestClient = parts.sessions.requestClient(session);
  try {
    await step("claim", async () => {
      await openSession(session, clock, signal);
      await requestClient.listen(provisioningFilters(order.format, order.template));
      return "connected with the claim certificate";
    });
    await step("certificate", async () => {
      await obtainCertificate(parts, requestClient, signal);
      return `registered as ${order.thing}`;
    });
  } finally {
    await session.stop();
  }
}

/** Connects with the new identity, which puts it in use, and tells the cloud. */
async function connectAsThing(parts: EnrolParts, step: TimedStep, signal: AbortSignal): Promise<void> {
  const { identityStore, sessions, announcer } = parts;
  const before = identityStore.state();
  const identity = before.change === undefined ? identityInUse(before) : before.slots[before.change.slot];
  if (identity === undefined) throw new Error("an enrolment without an identity to connect with");
  const session = sessions.thing(identity);
  try {
    await step("connect", async () => {
      await verify(parts, session, signal);
      return identity.keyLabel;
    });
    await step("announce", async () => {
      const { retirement, slots } = identityStore.state();
      const previousCertificateId = retirement === undefined ? undefined : slots[retirement.slot]?.certificateId;
      const certificates = { certificateId: identity.certificateId, previousCertificateId };
      requireAcked(await session.publish(identityPublication(announcer, certificates)), announcer.topic);
      if (retirement?.stage === "announce") identityStore.apply({ kind: "announced" });
      return announcer.topic;
    });
  } finally {
    await session.stop();
  }
}

/** The first connection with a certificate. One that the broker refuses is given up: the next run asks for another. */
async function verify({ identityStore, log, clock }: EnrolParts, session: Broker, signal: AbortSignal): Promise<void> {
  try {
    await openSession(session, clock, signal);
  } catch (error) {
    const { change } = identityStore.state();
    if (error instanceof AgentError && change?.phase === "registered" && isRejection(error, change)) {
      log.warn("identity.certificate-not-taken", { code: error.code, what: error.message });
      identityStore.apply({ kind: "reasked" });
    }
    throw error;
  }
  if (identityStore.state().change !== undefined) identityStore.apply({ kind: "verified" });
}

/** A certificate whose registration is only assumed may be refused in any way. */
function isRejection({ code }: AgentError, { isAssumed }: IdentityChange): boolean {
  return code.startsWith("identity.certificate-") || (isAssumed === true && !/unreachable|tpm-|^proxy\./.test(code));
}

function requireAcked(outcome: PublishOutcome, topic: string): void {
  if (outcome.kind === "acked") return;
  throw new AgentError("broker.refused", {
    what: `the announcement of the new certificate on ${topic} was not taken: ${outcome.kind === "rejected" ? outcome.reason : outcome.kind}`,
    remedy: "let the broker's policy allow this thing to publish to topics.identity, then run the same command again",
  });
}

/** The claim certificate and its key are of no use any more and must not lie about. */
async function destroyClaim({ identityStore, log }: EnrolParts): Promise<string> {
  const { claim } = identityStore.state();
  if (claim === undefined) return "nothing";
  identityStore.destroy(claim.keyFile);
  identityStore.destroy(claim.certificateFile);
  identityStore.apply({ kind: "claim-destroyed" });
  log.info("identity.claim-destroyed", claim);
  return `destroyed ${claim.keyFile} and ${claim.certificateFile}`;
}
