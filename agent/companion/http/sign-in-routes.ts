import { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Log } from "../../core/log.ts";
import type { IdentityProvider } from "../people/identity-provider.ts";
import { SESSION_MS, type Sessions, SIGN_IN_MS } from "../people/sessions.ts";
import { userTag } from "../people/user-tag.ts";
import { SESSION_COOKIE } from "./guard.ts";

const SIGN_IN_COOKIE = "__Host-causeway-sign-in";
const COOKIE = { path: "/", secure: true, httpOnly: true } as const;
/** Where the page says that a sign-in did not work. A fragment: it is sent nowhere. */
const FAILED = "/#sign-in-failed";

export type SignInParts = {
  readonly provider: IdentityProvider;
  readonly sessions: Sessions;
  readonly log: Log;
};

/**
 * Sign-in and sign-out. Every place that a browser is sent to is ours or the provider's, none comes from a request. The cookie of a
 * sign-in is Lax, since the browser comes back from another site; that of a session is Strict.
 */
export function signInRoutes({ provider, sessions, log }: SignInParts): Hono {
  const routes = new Hono();
  routes.get("/sign-in", async (context) => {
    const begun = await provider.begin().catch((thrown: unknown) => {
      log.error("companion.sign-in-unavailable", { why: codeOf(thrown) });
      return undefined;
    });
    if (begun === undefined) return context.redirect(FAILED, 303);
    const { url, secrets } = begun;
    const token = await sessions.beginSignIn(secrets);
    setCookie(context, SIGN_IN_COOKIE, token, { ...COOKIE, sameSite: "Lax", maxAge: SIGN_IN_MS / 1000 });
    return context.redirect(url.href, 303);
  });
  routes.get("/sign-in/callback", async (context) => {
    const query = new URL(context.req.url).searchParams;
    const secrets = await sessions.takeSignIn(getCookie(context, SIGN_IN_COOKIE), query.get("state") ?? undefined);
    deleteCookie(context, SIGN_IN_COOKIE, COOKIE);
    if (secrets === undefined) {
      log.warn("companion.sign-in-refused", { why: "no sign-in of this browser is under way, or its state differs" });
      return context.redirect(FAILED, 303);
    }
    try {
      const person = await provider.finish(query, secrets);
      await sessions.close(getCookie(context, SESSION_COOKIE));
      const token = await sessions.open(person);
      setCookie(context, SESSION_COOKIE, token, { ...COOKIE, sameSite: "Strict", maxAge: SESSION_MS / 1000 });
      log.info("companion.signed-in", { user: userTag(person.user) });
      return context.redirect("/", 303);
    } catch (thrown) {
      log.warn("companion.sign-in-refused", { why: codeOf(thrown) });
      return context.redirect(FAILED, 303);
    }
  });
  routes.post("/sign-out", async (context) => {
    const person = await sessions.close(getCookie(context, SESSION_COOKIE));
    deleteCookie(context, SESSION_COOKIE, COOKIE);
    if (person === undefined) return context.json({ location: "/" });
    log.info("companion.signed-out", { user: userTag(person.user) });
    return context.json({ location: await provider.signOutUrl(person) });
  });
  return routes;
}

/** What a fault is called. Its message may quote a token. */
function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "unknown";
  return "code" in thrown && typeof thrown.code === "string" ? thrown.code : thrown.name;
}
