import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { getCookie } from "hono/cookie";
import { secureHeaders } from "hono/secure-headers";
import type { BearerTokens } from "../people/bearer.ts";
import type { Sessions } from "../people/sessions.ts";
import { problem } from "./problem.ts";

/** Longest body of a request, bytes. */
const MAX_BODY_BYTES = 4096;

/** Set for this host alone, over TLS alone, for every path. */
export const SESSION_COOKIE = "__Host-causeway-session";

/** Who asks. `name` is for greeting, empty for an API client; `isBrowser`: known by a cookie. */
export type Caller = { readonly user: string; readonly name: string; readonly isBrowser: boolean };
export type Env = { Variables: { caller: Caller } };

export type GuardParts = {
  readonly origin: string;
  readonly sessions: Sessions;
  readonly bearer: BearerTokens;
};

/** Headers of every answer: nothing is loaded but from here, nothing runs inline, nobody frames it. */
export function safeHeaders(): MiddlewareHandler {
  const self = ["'self'"];
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: self,
      styleSrc: self,
      imgSrc: self,
      connectSrc: self,
      manifestSrc: self,
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
    },
    referrerPolicy: "same-origin",
    strictTransportSecurity: "max-age=31536000; includeSubDomains",
    xFrameOptions: "DENY",
    permissionsPolicy: { geolocation: [], camera: [], microphone: [], payment: [] },
  });
}

/** Refuses a body over the bound before it is read whole. */
export function smallBodies(): MiddlewareHandler {
  return bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (context) => problem(context, "too-large") });
}

/**
 * Refuses what another site can make a browser do: a request that changes something and goes by a cookie must have this origin, a header
 * that no form can set, and no Sec-Fetch-Site but same-origin. One with a bearer token goes by nothing that a browser adds by itself.
 */
export function sameOrigin({ origin }: Pick<GuardParts, "origin">): MiddlewareHandler {
  return async (context, next) => {
    if (["GET", "HEAD"].includes(context.req.method) || bearerOf(context) !== undefined) return await next();
    const site = context.req.header("sec-fetch-site") ?? "same-origin";
    const isOurs = context.req.header("origin") === origin && context.req.header("x-causeway") === "1";
    return isOurs && site === "same-origin" ? await next() : problem(context, "forbidden-origin");
  };
}

/** Lets nobody in who is not known. A bearer token that is wrong is not made good by a cookie. */
export function signedIn(parts: GuardParts): MiddlewareHandler<Env> {
  return async (context, next) => {
    const caller = await callerOf(context, parts);
    if (caller === undefined) return problem(context, "not-signed-in");
    context.set("caller", caller);
    return await next();
  };
}

/** Who asks; undefined for somebody who is not known. Rejects when that cannot be found out. */
export async function callerOf(
  context: Context,
  { sessions, bearer }: Pick<GuardParts, "sessions" | "bearer">,
): Promise<Caller | undefined> {
  const token = bearerOf(context);
  if (token !== undefined) {
    const user = await bearer.subjectOf(token);
    return user === undefined ? undefined : { user, name: "", isBrowser: false };
  }
  const person = await sessions.find(getCookie(context, SESSION_COOKIE));
  return person && { user: person.user, name: person.name, isBrowser: true };
}

/** The token of an Authorization header; "" for a header of another form, which is no token. */
function bearerOf(context: Context): string | undefined {
  const header = context.req.header("authorization");
  return header === undefined ? undefined : (/^Bearer ([\w.~+/=-]{1,8192})$/i.exec(header)?.[1] ?? "");
}
