import { createRemoteJWKSet, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";

/** How wrong the clocks of provider and backend may be together, s. */
const CLOCK_TOLERANCE_S = 5;
/** Signatures that are taken; nothing symmetric, and never "none". */
const ALGORITHMS = ["RS256", "ES256"];

export type BearerParts = {
  readonly issuer: string;
  /** Of this backend: the audience of access tokens that name one. */
  readonly origin: string;
  /** Clients whose tokens are taken. */
  readonly clients: readonly string[];
  readonly keysUrl: () => Promise<URL>;
  readonly nowMs: () => number;
  /** Between two looks at the provider's keys, ms: whoever sends unknown key ids must not make us ask for each. */
  readonly cooldownMs?: number;
};

/**
 * Access tokens of API clients, as JWT: of the issuer, for one of the clients, not expired. Cognito's name no audience and say
 * `token_use` access; those of RFC 9068 (`typ` at+jwt) name this backend as their audience. An ID token is no access token.
 */
export class BearerTokens {
  readonly #parts: BearerParts;
  #keys: JWTVerifyGetKey | undefined;

  constructor(parts: BearerParts) {
    this.#parts = parts;
  }

  /** The subject of a token that is right; undefined for any other. Rejects when the provider's keys cannot be had. */
  async subjectOf(token: string): Promise<string | undefined> {
    const { issuer, clients, keysUrl, nowMs, cooldownMs } = this.#parts;
    if (clients.length === 0) return undefined;
    const options = cooldownMs === undefined ? {} : { cooldownDuration: cooldownMs };
    this.#keys ??= createRemoteJWKSet(await keysUrl(), options);
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#keys, {
        issuer,
        algorithms: ALGORITHMS,
        requiredClaims: ["sub", "exp", "client_id"],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(nowMs()),
      });
      return this.#isAccess(payload, protectedHeader.typ) ? payload.sub : undefined;
    } catch (thrown) {
      // Jose's errors are verdicts on the token, but for one: the keys did not come.
      if (isVerdict(thrown)) return undefined;
      throw thrown;
    }
  }

  #isAccess({ client_id, token_use, aud }: JWTPayload, typ: string | undefined): boolean {
    const { clients, origin } = this.#parts;
    if (typeof client_id !== "string" || !clients.includes(client_id)) return false;
    if (aud === undefined) return token_use === "access";
    return typ?.toLowerCase() === "at+jwt" && [aud].flat().includes(origin);
  }
}

function isVerdict(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !("code" in thrown) || typeof thrown.code !== "string") return false;
  return /^ERR_J(WT|WS|OSE_ALG|OSE_NOT|WKS_NO|WKS_MULTIPLE)/.test(thrown.code);
}
