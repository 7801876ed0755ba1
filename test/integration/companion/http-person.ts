import type { AppUser, CompanionApp } from "../../bench/cloud/companion-app.ts";

const SIGN_IN = "__Host-causeway-sign-in";
const SESSION = "__Host-causeway-session";

/** What a browser holds after the backend has sent it to the provider. */
export type BegunSignIn = { readonly cookie: string; readonly authorize: string };

/** Goes to /sign-in as a browser with these cookies. */
export async function beginSignIn(app: Pick<CompanionApp, "origin">, query = "", cookie = ""): Promise<BegunSignIn> {
  const response = await fetch(`${app.origin}/sign-in${query}`, { redirect: "manual", headers: { cookie } });
  return { cookie: `${SIGN_IN}=${cookieOf(response, SIGN_IN)}`, authorize: locationOf(response) };
}

/** Logs in at the provider; gives the address that it sends the browser back to, not yet visited. */
export async function logIn({ authorize }: BegunSignIn, { user, password }: AppUser): Promise<string> {
  const jar = new Map<string, string>();
  const go = async (url: string, init: RequestInit = {}): Promise<string> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { ...init, redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      jar.set(name, value);
    }
    return new URL(locationOf(response), url).href;
  };
  const form = await go(authorize);
  const resumed = await go(form, { method: "POST", body: new URLSearchParams({ user, password }) });
  return await go(resumed);
}

/** Comes back from the provider. `session`: the cookie that the backend gave, undefined where it gave none. */
export async function comeBack(callback: string, cookie: string) {
  const response = await fetch(callback, { redirect: "manual", headers: { cookie } });
  const value = cookieOf(response, SESSION);
  return {
    status: response.status,
    location: response.headers.get("location"),
    session: value === undefined ? undefined : `${SESSION}=${value}`,
  };
}

/** The session cookie of somebody who has signed in. */
export async function signIn(app: Pick<CompanionApp, "origin">, user: AppUser, cookie = ""): Promise<string> {
  const begun = await beginSignIn(app);
  const { session } = await comeBack(await logIn(begun, user), `${begun.cookie}; ${cookie}`);
  if (session === undefined) throw new Error("the backend gave no session");
  return session;
}

function cookieOf(response: Response, name: string): string | undefined {
  const line = response.headers.getSetCookie().find((one) => one.startsWith(`${name}=`));
  const value = line?.slice(name.length + 1).split(";")[0];
  return value === "" ? undefined : value;
}

function locationOf(response: Response): string {
  const location = response.headers.get("location");
  if (location === null) throw new Error(`${response.url}: ${response.status} without a place to go`);
  return location;
}
