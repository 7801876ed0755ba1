import { createPublicKey, X509Certificate } from "node:crypto";
import { AgentError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { CsrSubject, ForeignKey, KeyAlgorithm, KeyFacts, KeyStore } from "../ports.ts";
import { certificateFacts } from "./certificate.ts";
import type { IdentityLedger } from "./identity-ledger.ts";
import { type IdentityChange, retiredKey } from "./identity-state.ts";
import { type KeyRing, keyLabelled, requireOurs } from "./key-lookup.ts";
import { type CreatedCertificate, createFromCsr, registerThing } from "./provisioning.ts";
import { describeReply, isRetryable, type Reply, type Requester } from "./requester.ts";
import type { WireFormat } from "./wire-format.ts";

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

/** What a change of identity works with. */
export type ChangeParts = {
  readonly ledger: IdentityLedger;
  readonly keys: Pick<KeyStore, "create" | "list" | "delete" | "request">;
  readonly order: CertificateOrder;
  readonly log: Log;
};

/**
 * Brings the change that was begun to a key in the token. A key that an earlier run of it left behind is used when it is a good one:
 * it was born in the token and nobody has had a certificate for it. Throws the faults of the key store.
 */
export async function ensureKey({ ledger, keys, order }: ChangeParts): Promise<void> {
  const { change } = ledger.state();
  if (change?.phase !== "begun") return;
  const { keyLabel, isNewKey } = change;
  const present = keyLabelled(await ringOf(keys, order), keyLabel);
  if (!isNewKey && present === undefined) throw keyGone(keyLabel);
  if (isNewKey && present !== undefined && !isUsable(present, order.algorithm)) await keys.delete(keyLabel);
  if (isNewKey && (present === undefined || !isUsable(present, order.algorithm))) {
    await keys.create(keyLabel, order.algorithm);
  }
  ledger.apply({ kind: "keyed" });
}

/**
 * Brings the change from its key to a certificate that the cloud has registered, over a session that may ask for one. A certificate
 * that was asked for and never came is counted as an orphan, and another one is asked for. Throws `identity.enrolment-refused`,
 * `identity.enrolment-unanswered`, `identity.certificate-mismatch` and the faults of the key store; the change stays where it is.
 */
export async function obtainCertificate(parts: ChangeParts, requester: Requester, signal: AbortSignal): Promise<void> {
  const { ledger, keys, order } = parts;
  if (ledger.state().change?.phase === "asked") ledger.apply({ kind: "reasked" });
  const { change } = ledger.state();
  if (change?.phase !== "keyed") return;
  const csrPem = await keys.request(change.keyLabel, order.subject);
  ledger.apply({ kind: "asked" });
  const created = await requester.request(createFromCsr(order.format, csrPem), signal);
  if (created.kind !== "accepted") {
    if (isCertainlyUndone(created)) ledger.apply({ kind: "unasked" });
    throw refusedBy("create-from-csr", created);
  }
  const certificateId = await checkedId(parts, change, created.body);
  await register(parts, requester, created.body, signal);
  const certificateFile = ledger.writeCertificate(change.keyLabel, certificateId, created.body.certificatePem);
  ledger.apply({ kind: "registered", identity: { keyLabel: change.keyLabel, certificateFile, certificateId } });
}

/** Deletes what nobody needs any more: the key and certificate of a retired identity, and the keys of changes that were given up. */
export async function clearRetired({ ledger, keys, log }: Omit<ChangeParts, "order">): Promise<void> {
  const before = ledger.state();
  if (before.retirement?.stage === "delete") {
    const old = before.slots[before.retirement.slot];
    const label = retiredKey(before);
    if (label !== undefined) await deleteKey(keys, label, log);
    if (old !== undefined) ledger.removeCertificate(old.certificateFile);
    ledger.apply({ kind: "retired" });
  }
  for (const label of before.discarded) {
    await deleteKey(keys, label, log);
    ledger.apply({ kind: "discarded", keyLabel: label });
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
  { keys, ledger, order }: ChangeParts,
  { keyLabel }: IdentityChange,
  { certificatePem, certificateId }: CreatedCertificate,
): Promise<string> {
  const key = keyLabelled(await ringOf(keys, order), keyLabel);
  if (key === undefined) throw keyGone(keyLabel);
  const problem = certificateProblem(certificatePem, certificateId, requireOurs(key));
  if (problem === undefined) return certificateId;
  ledger.apply({ kind: "reasked" });
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

async function register(
  { ledger, order }: ChangeParts,
  requester: Requester,
  { certificateOwnershipToken }: CreatedCertificate,
  signal: AbortSignal,
): Promise<void> {
  const { format, template, parameters, thing } = order;
  const reply = await requester.request(registerThing(format, template, certificateOwnershipToken, parameters), signal);
  if (reply.kind === "accepted" && reply.body.thingName === thing) return;
  ledger.apply({ kind: "reasked" });
  if (reply.kind !== "accepted") throw refusedBy(`template ${template}`, reply);
  throw new AgentError("identity.enrolment-refused", {
    what: `the template ${template} made the thing ${reply.body.thingName}, but thingName is ${thing}`,
    remedy: "set thingName to what the template makes of the parameters, or correct provisioning.parameters",
  });
}

/** Whether the service certainly did nothing: it never got the request, or it said no. */
function isCertainlyUndone({ kind }: Reply<unknown>): boolean {
  return kind === "rejected" || kind === "refused" || kind === "too-large" || kind === "busy";
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

function isUsable({ flaws, algorithm }: KeyFacts | ForeignKey, wanted: KeyAlgorithm): boolean {
  return flaws.length === 0 && algorithm === wanted;
}

function keyGone(label: string): AgentError {
  return new AgentError("identity.key-missing", {
    what: `the key "${label}" is not in the token any more`,
    remedy: "run causeway provision --again: it makes a new key and certificate",
  });
}
