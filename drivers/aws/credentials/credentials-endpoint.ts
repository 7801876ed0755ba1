import { z } from "zod";
import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { plainText } from "../../../agent/core/plain-text.ts";
import type { CredentialsProvider, TemporaryCredentials } from "../../../agent/ports/cloud-credentials.ts";
import type { HttpProxy } from "../../../agent/ports/http-proxy.ts";
import { tunnelThrough } from "../client.ts";
import { isPkcs11Error } from "../identity/identity-faults.ts";
import type { TlsIdentity } from "../identity/tls.ts";
import { getOverTls, NoAnswer, type TlsAnswer } from "./mutual-tls.ts";

/** How long an answer may take as a whole, ms: it waits for the TPM, for AWS IoT and for STS. */
const ANSWER_MS = 30_000;
/** Credentials have about 1.5 KB; session tokens grow. */
const MAX_ANSWER_BYTES = 16_384;
const MAX_SHOWN = 120;

/** What a header may carry. */
const secret = z.string().regex(/^[\x21-\x7e]{1,8192}$/);
const credentialsAnswer = z.object({
  credentials: z.object({
    accessKeyId: secret,
    secretAccessKey: secret,
    sessionToken: secret,
    expiration: z.iso.datetime({ offset: true }),
  }),
});
const errorAnswer = z.object({ message: z.string() });

/** Where the endpoint is, as which thing it is asked, with which identity and through which proxy. */
export type CredentialsEndpointParts = {
  readonly host: string;
  readonly port: number;
  readonly thing: string;
  readonly identity: TlsIdentity;
  readonly proxy: HttpProxy | undefined;
  readonly clock: Clock;
};

/**
 * The credentials provider of AWS IoT Core, asked by mutual TLS with the certificate and key that MQTT uses, through the same proxy. Its
 * certificate must be of an authority in `broker.caFile`.
 */
export function createCredentialsEndpoint(parts: CredentialsEndpointParts): CredentialsProvider {
  return { ask: (roleAlias, signal) => ask(parts, roleAlias, signal) };
}

async function ask(
  parts: CredentialsEndpointParts,
  roleAlias: string,
  signal: AbortSignal,
): Promise<TemporaryCredentials> {
  const { host, port, thing, identity, proxy, clock } = parts;
  const tunnel = await tunnelThrough(proxy, { host, port, connectTimeoutMs: ANSWER_MS }, signal);
  const context = await identity.openContext(signal);
  const path = `/role-aliases/${encodeURIComponent(roleAlias)}/credentials`;
  const headers = { "x-amzn-iot-thingname": thing, accept: "application/json" };
  const asked = { host, port, path, headers, timeoutMs: ANSWER_MS, maxBytes: MAX_ANSWER_BYTES };
  try {
    return credentialsIn(await getOverTls(asked, { context, tunnel, clock }, signal), parts, roleAlias);
  } catch (thrown) {
    if (thrown instanceof NoAnswer) throw noAnswer(parts, thrown);
    throw thrown;
  }
}

function credentialsIn(answer: TlsAnswer, parts: CredentialsEndpointParts, roleAlias: string): TemporaryCredentials {
  if (answer.status !== 200) throw refused(answer, parts, roleAlias);
  const read = credentialsAnswer.safeParse(jsonOf(answer.text));
  if (!read.success) throw unreadable(parts);
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = read.data.credentials;
  return { accessKeyId, secretAccessKey, sessionToken, expiresAtMs: Date.parse(expiration) };
}

/** The statuses of the service, as its session helper's notes list them: 403 for policy and thing, 404 for the alias, 400 for its role. */
function refused(
  { status, text }: TlsAnswer,
  { host, thing }: CredentialsEndpointParts,
  roleAlias: string,
): AgentError {
  const told = errorAnswer.safeParse(jsonOf(text));
  const why = told.success ? `${status} ${plainText(told.data.message, MAX_SHOWN)}` : `${status}`;
  const what = `the credentials provider ${host} gives no credentials of the role alias ${roleAlias}: HTTP ${why}`;
  if (status === 403 || status === 401) {
    return new AgentError("upload.credentials-refused", {
      what,
      remedy: `let the policy of the vehicle's certificate allow iot:AssumeRoleWithCertificate for the role alias, and attach the certificate to the thing ${thing}; it may also have been revoked`,
    });
  }
  if (status === 429 || status >= 500) {
    return new AgentError("upload.credentials-unavailable", { what, remedy: "the agent asks again by itself" });
  }
  return new AgentError("upload.credentials-unfit", {
    what,
    remedy:
      "compare roleAlias in files.buckets with the aliases of the account; its role must trust credentials.iot.amazonaws.com, and its duration must not exceed that of the role",
  });
}

/** Nothing of it is shown: it may be half of a secret. */
function unreadable({ host, port }: CredentialsEndpointParts): AgentError {
  return new AgentError("upload.credentials-unfit", {
    what: `the answer of ${host}:${port} holds no credentials that can be read`,
    remedy: "compare files.credentialsHost with: aws iot describe-endpoint --endpoint-type iot:CredentialProvider",
  });
}

function noAnswer({ host, port, identity }: CredentialsEndpointParts, { errorName }: NoAnswer): AgentError {
  const ofKey = isPkcs11Error(errorName) ? identity.keyFault(errorName) : undefined;
  if (ofKey !== undefined) return ofKey;
  return new AgentError("upload.credentials-unavailable", {
    what: `no answer of the credentials provider ${host}:${port}: ${errorName}`,
    remedy:
      "the agent asks again by itself; if it stays, check files.credentialsHost, the network, and that broker.caFile has the authority of its certificate",
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
