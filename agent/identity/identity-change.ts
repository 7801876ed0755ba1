import { createPublicKey, X509Certificate } from "node:crypto";
import { describeReply, isRetryable, type Reply, type RequestClient } from "../cloud/request-client.ts";
import type { WireFormat } from "../cloud/wire-format.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { CsrSubject, ForeignKey, KeyAlgorithm, KeyFacts, KeyStore } from "../ports/key-store.ts";
import { certificateFacts } from "./certificate.ts";
import { type IdentityChange, retiredKey } from "./identity-state.ts";
import type { IdentityStore } from "./identity-store.ts";
import { type KeyRing, keyLabelled, requireUsableKey } from "./key-lookup.ts";
import { type CreatedCertificate, createFromCsr, registerThing } from "./provisioning.ts";

/** What is asked of the cloud. */
export type CertificateOrder = {
  readonly thing: string;
  readonly tokenLabel: string;
  readonly subject: CsrSubject;
  readonly algorithm: KeyAlgorithm;
  readonly format: WireFormat;
  readonly template: string;
  readonly parameters: Readonly<Record<string, string>>;
};

/** Life of an ownership token (AWS IoT Core: an hour), less what clocks and the way to the service may take, ms. */
const TOKEN_LIFE_MS = 55 * 60_000;
/** Error code of RegisterThing for a token that is unknown, used or expired. */
const TOKEN_REFUSED = "InvalidCertificateOwnershipToken";

export type ChangeParts = {
  readonly identityStore: IdentityStore;
  readonly keys: Pick<KeyStore, "create" | "list" | "delete" | "request">;
  readonly order: CertificateOrder;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Brings the change that was begun to a key in the token. A key that an earlier run of it left behind is used when it is a good one:
 * it was born in the token and nobody has had a certificate for it. Throws the faults of the key store.
 */
export async function ensureKey({ identityStore, keys, order }: ChangeParts): Promise<void> {
  const { change } = identityStore.state();
  if (change?.phase !== "begun") return;
  const { keyLabel, isNewKey } = change;
  const present = keyLabelled(await ringOf(keys, order), keyLabel);
  if (!isNewKey && present === undefined) throw keyGone(keyLabel);
  if (isNewKey) await makeUsable(keys, keyLabel, present, order.algorithm);
  identityStore.apply({ kind: "keyed" });
}

async function makeUsable(
  keys: ChangeParts["keys"],
  label: string,
  present: KeyFacts | ForeignKey | undefined,
  algorithm: KeyAlgorithm,
): Promise<void> {
  if (present !== undefined && isUsable(present, algorithm)) return;
  if (present !== undefined) await keys.delete(label);
  await keys.create(label, algorithm);
}

/**
 * Brings the change from its key to a certificate that the cloud has registered, over a session that may ask for one. A certificate that has come
 * is registered with its own token as long as that lives, however often it takes. One that was asked for and never came is counted as an
 * orphan, and another one is asked for. Throws `identity.enrolment-refused`, `identity.enrolment-unanswered`,
 * `identity.certificate-mismatch` and the faults of the key store; the change stays where it is.
 */
export async function obtainCertificate(
  parts: ChangeParts,
  requestClient: RequestClient,
  signal: AbortSignal,
): Promise<void> {
  const { identityStore } = parts;
  if (identityStore.state().change?.phase === "asked") identityStore.apply({ kind: "reasked" });
  giveUpOldToken(parts);
  if (identityStore.state().change?.phase === "keyed") await askForCertificate(parts, requestClient, signal);
  if (identityStore.state().change?.phase === "issued") await register(parts, requestClient, signal);
}

/** A token that has expired registers nothing any more. Where it may have done so before, the first connection tells. */
function giveUpOldToken({ identityStore, clock }: ChangeParts): void {
  const { ownership } = identityStore.state().change ?? {};
  if (ownership === undefined) return;
  const ageMs = clock.wallUs() / 1000 - ownership.issuedAtMs;
  // A clock that went back says nothing of the age.
  if (ageMs >= 0 && ageMs < TOKEN_LIFE_MS) return;
  identityStore.apply({ kind: ownership.isTried ? "assumed" : "reasked" });
}

async function askForCertificate(parts: ChangeParts, requestClient: RequestClient, signal: AbortSignal): Promise<void> {
  const { identityStore, keys, order, clock } = parts;
  const { change } = identityStore.state();
  if (change === undefined) throw new Error("a certificate without a change to ask for it");
  const csrPem = await keys.request(change.keyLabel, order.subject);
  identityStore.apply({ kind: "asked" });
  const created = await requestClient.request(createFromCsr(order.format, csrPem), signal);
  if (created.kind !== "accepted") {
    if (isCertainlyUndone(created)) identityStore.apply({ kind: "unasked" });
    throw refusedBy("create-from-csr", created);
  }
  const atMs = clock.wallUs() / 1000;
  const { keyLabel } = change;
  const { certificatePem, certificateOwnershipToken: token } = created.body;
  const certificateId = await checkedId(parts, change, created.body);
  const certificateFile = identityStore.writeCertificate(keyLabel, certificateId, certificatePem);
  identityStore.apply({ kind: "issued", identity: { keyLabel, certificateFile, certificateId }, token, atMs });
}

/** Deletes what nobody needs any more: the key and certificate of a retired identity, and the keys of changes that were given up. */
export async function clearRetired({
  identityStore,
  keys,
  log,
}: Pick<ChangeParts, "identityStore" | "keys" | "log">): Promise<void> {
  const before = identityStore.state();
  if (before.retirement?.stage === "delete") {
    const old = before.slots[before.retirement.slot];
    const label = retiredKey(before);
    if (label !== undefined) await deleteKey(keys, label, log);
    if (old !== undefined) identityStore.removeCertificate(old.certificateFile);
    identityStore.apply({ kind: "retired" });
  }
  for (const label of before.discarded) {
    await deleteKey(keys, label, log);
    identityStore.apply({ kind: "discarded", keyLabel: label });
  }
}

async function deleteKey(keys: ChangeParts["keys"], label: string, log: Log): Promise<void> {
  try {
    await keys.delete(label);
  } catch (error) {
    // It was deleted before the last run could note it.
    if (!(error instanceof AgentError) || error.code !== "identity.key-missing") throw error;
    log.debug("identity.key-gone-already", { keyLabel: label });
  }
}

/** Checks that the certificate is for our key and that its id is its own; gives the id. */
async function checkedId(
  { keys, identityStore, order }: ChangeParts,
  { keyLabel }: IdentityChange,
  { certificatePem, certificateId }: CreatedCertificate,
): Promise<string> {
  const key = keyLabelled(await ringOf(keys, order), keyLabel);
  if (key === undefined) throw keyGone(keyLabel);
  const problem = certificateProblem(certificatePem, certificateId, requireUsableKey(key));
  if (problem === undefined) return certificateId;
  identityStore.apply({ kind: "reasked" });
  throw new AgentError("identity.certificate-mismatch", {
    what: `the certificate that the cloud issued cannot be used: ${problem}`,
    remedy:
      "try again; if it stays, another device uses the same provisioning topics at the same time, or the broker is not who it should be",
  });
}

function certificateProblem(pem: string, id: string, { publicKeyPem }: KeyFacts): string | undefined {
  try {
    const certificate = new X509Certificate(pem);
    if (certificateFacts(certificate).certificateId !== id) return "its id is not the digest of its content";
    return createPublicKey(publicKeyPem).equals(certificate.publicKey) ? undefined : "it is for another key";
  } catch (error) {
    return messageOf(error);
  }
}

async function register(parts: ChangeParts, requestClient: RequestClient, signal: AbortSignal): Promise<void> {
  const { identityStore, order } = parts;
  const { ownership } = identityStore.state().change ?? {};
  if (ownership === undefined) throw new Error("a certificate without its ownership token");
  const { format, template, parameters, thing } = order;
  identityStore.apply({ kind: "tried" });
  const reply = await requestClient.request(registerThing(format, template, ownership.token, parameters), signal);
  if (reply.kind === "accepted") {
    if (reply.body.thingName !== thing) throw otherThing(parts, reply.body.thingName);
    identityStore.apply({ kind: "registered" });
    return;
  }
  const kind = afterFailure(reply, ownership.isTried);
  if (kind !== undefined) identityStore.apply({ kind });
  if (kind !== "assumed") throw refusedBy(`template ${template}`, reply);
}

/** What a registration that was not accepted changes; undefined when nobody knows more than before. `isTried`: it was asked for before. */
function afterFailure(reply: Reply<unknown>, isTried: boolean): "assumed" | "reasked" | "untried" | undefined {
  // The token is unknown to the service, or used: a try whose answer never came may have registered the certificate.
  if (reply.kind === "rejected" && reply.rejection.code === TOKEN_REFUSED) return isTried ? "assumed" : "reasked";
  return isCertainlyUndone(reply) && !isTried ? "untried" : undefined;
}

function otherThing({ identityStore, order }: ChangeParts, found: string): AgentError {
  identityStore.apply({ kind: "reasked" });
  return new AgentError("identity.enrolment-refused", {
    what: `the template ${order.template} made the thing ${found}, but thingName is ${order.thing}`,
    remedy: "set thingName to what the template makes of the parameters, or correct provisioning.parameters",
  });
}

/** Whether the service certainly did nothing: it never got the request, or it said no. */
function isCertainlyUndone({ kind }: Reply<unknown>): boolean {
  return kind === "rejected" || kind === "publish-rejected" || kind === "too-large" || kind === "busy";
}

function refusedBy(step: string, reply: Reply<unknown>): AgentError {
  const what = `no certificate from the cloud (${step}): ${describeReply(reply)}`;
  return isRetryable(reply)
    ? new AgentError("identity.enrolment-unanswered", { what, remedy: "try again: what was done so far is kept" })
    : new AgentError("identity.enrolment-refused", {
        what,
        remedy:
          "check provisioning.template, provisioning.parameters, the policy of the certificate that asks, and the list of serial numbers of the pre-provisioning hook",
      });
}

async function ringOf(keys: ChangeParts["keys"], { tokenLabel }: CertificateOrder): Promise<KeyRing> {
  return { keys: await keys.list(), tokenLabel };
}

function isUsable({ problems, algorithm }: KeyFacts | ForeignKey, wanted: KeyAlgorithm): boolean {
  return problems.length === 0 && algorithm === wanted;
}

function keyGone(label: string): AgentError {
  return new AgentError("identity.key-missing", {
    what: `the key "${label}" is not in the token any more`,
    remedy: "run causeway provision --again: it makes a new key and certificate",
  });
}
