import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { namesThisMachine } from "../ports/local-http.ts";

/** Why a request is not answered: its status of HTTP, and a sentence. */
export type Refusal = { readonly status: 401 | 403 | 421; readonly what: string };

/** Why a request comes from elsewhere; undefined when it does not. Where a browser says which page asks, it must be ours. */
export function foreignRequest({ host, origin, ...headers }: IncomingHttpHeaders): Refusal | undefined {
  if (!namesThisMachine(host)) return { status: 421, what: "this page answers to 127.0.0.1 and localhost only" };
  if (origin !== undefined && origin !== `http://${host}`) {
    return { status: 403, what: "another page may not ask here" };
  }
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    return { status: 403, what: "another page may not ask here" };
  }
  return undefined;
}

/** Why a request does not have `token` as its bearer (RFC 6750); undefined when it has. */
export function unknownBearer({ authorization }: IncomingHttpHeaders, token: string): Refusal | undefined {
  const given = /^Bearer (\S+)$/.exec(authorization ?? "")?.[1];
  if (given !== undefined && timingSafeEqual(digestOf(given), digestOf(token))) return undefined;
  return { status: 401, what: "open the address that `causeway ui` printed, with all that follows '#'" };
}

/** Of one length, whatever was given. */
function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** What a browser may do on the page: nothing but what comes from here. */
export const PAGE_HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
} as const;
