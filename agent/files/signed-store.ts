import { type Clock, isBelievable } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { RequestSigner } from "../ports/cloud-credentials.ts";
import type { ObjectStore, RequestSigning, StoreAnswer, StoreRequest } from "../ports/object-store.ts";
import type { KeptCredentials } from "./kept-credentials.ts";

/** What S3 says of credentials that it takes no more, or never took: others may do better. */
const WORN: ReadonlySet<string | undefined> = new Set([
  "ExpiredToken",
  "TokenRefreshRequired",
  "InvalidToken",
  "InvalidAccessKeyId",
]);

export type SignedStoreParts = {
  readonly store: ObjectStore;
  readonly credentials: Pick<KeptCredentials, "get" | "forget">;
  readonly signer: RequestSigner;
  readonly clock: Pick<Clock, "wallUs" | "quality">;
};

/**
 * A store whose requests are signed with credentials of the vehicle's own where they ask for it. Credentials that are missing or worn out
 * are "unavailable": the request is to be sent again. Without a clock to believe nothing is signed: S3 takes nothing that is 15 minutes off.
 */
export function createSignedStore(parts: SignedStoreParts): ObjectStore {
  return {
    send: async (request, onBytes, signal) => {
      const { signing } = request;
      if (signing === undefined) return await parts.store.send(request, onBytes, signal);
      const signed = await signedBy(parts, request, signing, signal);
      if (typeof signed === "string") return unavailable(signed);
      return judged(parts, signing, await parts.store.send(signed, onBytes, signal));
    },
  };
}

/** The request with its signature; why there is none, for people. */
async function signedBy(
  { credentials, signer, clock }: SignedStoreParts,
  request: StoreRequest,
  { roleAlias, region, bodySha256 }: RequestSigning,
  signal: AbortSignal,
): Promise<StoreRequest | string> {
  if (!isBelievable(clock.quality())) return "nothing vouches for the clock, and a signature has the time in it";
  const { method, url, headers: unsigned } = request;
  try {
    const given = await credentials.get(roleAlias, signal);
    const scope = { credentials: given, region, atMs: Math.floor(clock.wallUs() / 1000) };
    const headers = await signer.sign({ method, url, headers: unsigned, bodySha256 }, scope);
    return { ...request, headers };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return `${thrown.code}: ${thrown.message}`;
  }
}

function judged(
  { credentials }: Pick<SignedStoreParts, "credentials">,
  { roleAlias }: RequestSigning,
  answer: StoreAnswer,
): StoreAnswer {
  if (answer.kind !== "refused") return answer;
  const { status, code } = answer;
  if (WORN.has(code)) {
    credentials.forget(roleAlias);
    return unavailable(`HTTP ${status} ${code}: new credentials are asked for`);
  }
  return code === "RequestTimeTooSkewed" ? unavailable(`HTTP ${status} ${code}: one of the clocks is wrong`) : answer;
}

function unavailable(detail: string): StoreAnswer {
  return { kind: "unavailable", detail };
}
