import { createPrivateKey, createPublicKey, createSecretKey, generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Request } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { API_CLIENT_ID, CLIENT_ID, type CompanionApp } from "../../bench/cloud/companion-app.ts";
import { until } from "../../bench/core/wait.ts";
import { launchBrowser } from "../../bench/page/browser.ts";
import { AppVehicle, benchUsers, VEHICLE_ID } from "../../bench/vehicle/app-vehicle.ts";
import type { DoorUnit } from "../../bench/vehicle/door-unit.ts";
import { FRAMES } from "../../bench/vehicle/door-vehicle.ts";
import { jsonWebToken } from "../../fakes/companion/json-web-token.ts";
import { PersonBrowser } from "./browser.ts";
import { beginSignIn, comeBack, logIn, signIn } from "./http-person.ts";
import { endlessBody, rawStatus, slowRequest } from "./raw-http.ts";

const state = z.looseObject({
  id: z.string(),
  status: z.string(),
  final: z.looseObject({ kind: z.string() }).optional(),
});

describe("whoever may not command a vehicle, and the bus that hears nothing of it", () => {
  let folder: string;
  let running: AppVehicle;
  let app: CompanionApp;
  let unit: DoorUnit;
  /** Cookies. */
  let anna: string;
  let bob: string;
  let slow: Promise<number>;
  const users = benchUsers();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-attacks-"));
    running = await AppVehicle.start(folder, users);
    ({ app } = running);
    unit = running.vehicle.unit;
    slow = slowRequest(app.origin);
    anna = await signIn(app, users[0]);
    bob = await signIn(app, users[1]);
  });
  afterAll(async () => {
    await running.stop();
    await rm(folder, { recursive: true });
  });

  const path = (vehicle = VEHICLE_ID): string => `${app.origin}/api/vehicles/${vehicle}`;
  const ours = (): Record<string, string> => ({
    origin: app.origin,
    "x-causeway": "1",
    "content-type": "application/json",
    "idempotency-key": randomUUID(),
  });
  /** A request to unlock; a header of "" is left out. */
  const unlock = async (headers: Record<string, string>, body = '{"action":"unlock"}', vehicle = VEHICLE_ID) => {
    const kept = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ""));
    return await fetch(`${path(vehicle)}/commands`, { method: "POST", headers: kept, body });
  };

  it("does not tell somebody else's vehicle from one that is not there", async () => {
    const look = async (url: string): Promise<string> => {
      const response = await fetch(url, { headers: { cookie: bob } });
      return `${response.status} ${await response.text()}`;
    };
    const nothing = await look(path("no-such-vehicle"));
    expect(nothing).toMatch(/^404 .*"code":"not-found"/);
    expect(await look(path())).toBe(nothing);
    const post = await unlock({ ...ours(), cookie: bob });
    expect(`${post.status} ${await post.text()}`).toBe(nothing);
    const { id } = state.parse(await (await unlock({ ...ours(), cookie: anna }, '{"action":"lock"}')).json());
    await ended(id);
    for (const vehicle of [VEHICLE_ID, "bench-vehicle-2"]) {
      expect(await look(`${path(vehicle)}/commands/${id}`)).toBe(nothing);
      expect(await look(`${path(vehicle)}/commands/${id}/events`)).toBe(nothing);
    }
    // The one command that was Anna's.
    expect(unit.frames.commands).toBe(FRAMES);
    unit.frames.commands = 0;
  });

  it("refuses tokens that are expired, foreign, unsigned or of another kind", async () => {
    const key = createPrivateKey({ key: app.providerKey, format: "jwk" });
    const [strange, ec] = [
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
      generateKeyPairSync("ec", { namedCurve: "P-256" }),
    ];
    const publicPem = createPublicKey({ key: app.providerKey, format: "jwk" }).export({ format: "pem", type: "spki" });
    const nowS = Math.floor(Date.now() / 1000);
    const access = {
      iss: app.issuer,
      aud: app.origin,
      client_id: API_CLIENT_ID,
      sub: "anna",
      exp: nowS + 300,
      iat: nowS,
    };
    const header = { alg: "RS256", typ: "at+jwt", kid: "bench-1" };
    const signed = (claims: Record<string, unknown>, change: object = {}, by = key): string =>
      jsonWebToken({ ...header, ...change }, claims, by);
    const { exp: __, ...endless } = access;
    const { aud: _, ...cognito } = { ...access, token_use: "access" };
    const good = { "of RFC 9068": signed(access), "of Cognito": signed(cognito, { typ: "JWT" }) };
    for (const [which, token] of Object.entries(good)) {
      const response = await fetch(path(), { headers: { authorization: `Bearer ${token}` } });
      expect(`${which}: ${response.status}`).toBe(`${which}: 200`);
    }
    const jwk = strange.publicKey.export({ format: "jwk" });
    const bad = {
      expired: signed({ ...access, exp: nowS - 60 }),
      "without an end": signed(endless),
      "not valid yet": signed({ ...access, nbf: nowS + 600 }),
      "of another issuer": signed({ ...access, iss: "https://elsewhere.example" }),
      "for another audience": signed({ ...access, aud: "https://elsewhere.example" }),
      "for another client": signed({ ...access, client_id: "somebody" }),
      "for the page's own client": signed({ ...access, client_id: CLIENT_ID }),
      "an ID token": signed({ iss: app.issuer, aud: CLIENT_ID, sub: "anna", exp: nowS + 300 }, { typ: "JWT" }),
      "Cognito's ID token": signed({ ...cognito, token_use: "id" }, { typ: "JWT" }),
      "with an audience and the wrong type": signed(access, { typ: "JWT" }),
      "of a strange key by the same name": signed(access, {}, strange.privateKey),
      "of a key that it brings along": signed(access, { jwk, kid: undefined }, strange.privateKey),
      "of a key that it says where to find": signed(
        access,
        { jku: "http://127.0.0.1:1/", kid: "x" },
        strange.privateKey,
      ),
      "of an unknown key": signed(access, { alg: "ES256", kid: "nowhere" }, ec.privateKey),
      HS256: signed(access, { alg: "HS256" }, createSecretKey(Buffer.from(publicPem))),
      none: signed(access, { alg: "none" }),
      "with a signature cut off": signed(access).replace(/[^.]+$/, ""),
      "no token": "anna",
    };
    for (const [which, token] of Object.entries(bad)) {
      // The cookie does not make a token good.
      const headers = { ...ours(), authorization: `Bearer ${token}`, cookie: anna };
      expect(`${which}: ${(await unlock(headers)).status}`).toBe(`${which}: 401`);
    }
    expect((await unlock({ ...ours(), authorization: "Basic YW5uYTphbm5h", cookie: anna })).status).toBe(401);
  });

  it("opens a session once, for the browser that began the sign-in, with its own code", async () => {
    const begun = await beginSignIn(app);
    const callback = await logIn(begun, users[0]);
    const victim = await beginSignIn(app);
    const stateOf = (url: string): string => new URL(url).searchParams.get("state") ?? "";
    const withState = (url: string, value: string): string => {
      const changed = new URL(url);
      changed.searchParams.set("state", value);
      return changed.href;
    };
    const refused = { status: 303, location: "/#sign-in-failed", session: undefined };
    expect(await comeBack(callback, "")).toEqual(refused);
    expect(await comeBack(callback, victim.cookie)).toEqual(refused);
    expect(await comeBack(withState(callback, "x"), begun.cookie)).toEqual(refused);
    // A code of somebody else, in a sign-in that is under way.
    expect(await comeBack(withState(callback, stateOf(victim.authorize)), victim.cookie)).toEqual(refused);
    expect((await comeBack(callback, begun.cookie)).session).toBeDefined();
    expect(await comeBack(callback, begun.cookie)).toEqual(refused);
  });

  it("gives a new session at each sign-in, whatever cookie came along", async () => {
    const planted = `__Host-causeway-session=${"a".repeat(43)}`;
    const session = await signIn(app, users[0], planted);
    expect(session).not.toBe(planted);
    expect((await fetch(path(), { headers: { cookie: planted } })).status).toBe(401);
    const next = await signIn(app, users[0], session);
    expect(next).not.toBe(session);
    expect((await fetch(path(), { headers: { cookie: session } })).status).toBe(401);
  });

  it("sends a browser nowhere but to the provider and home", async () => {
    const begun = await beginSignIn(app, "?return=https://elsewhere.example&redirect_uri=https://elsewhere.example");
    expect(new URL(begun.authorize).origin).toBe(app.issuer);
    expect(new URL(begun.authorize).searchParams.get("redirect_uri")).toBe(`${app.origin}/sign-in/callback`);
    const response = await fetch(`${app.origin}/sign-in`, {
      redirect: "manual",
      headers: { host: "elsewhere.example", "x-forwarded-host": "elsewhere.example" },
    });
    expect(new URL(response.headers.get("location") ?? "").searchParams.get("redirect_uri")).toContain(app.origin);
    expect((await fetch(`${app.origin}//elsewhere.example/`, { redirect: "manual" })).status).toBe(404);
  });

  it.each([
    ["of another origin", { origin: "https://elsewhere.example" }],
    ["of no origin", { origin: "" }],
    ["of an origin that is hidden", { origin: "null" }],
    ["of an origin that begins as ours", { origin: "http://localhost:80.elsewhere.example" }],
    ["that a browser calls cross-site", { "sec-fetch-site": "cross-site" }],
    ["that a browser calls same-site", { "sec-fetch-site": "same-site" }],
    ["without the header that no form can set", { "x-causeway": "" }],
  ])("refuses a request by cookie %s", async (_, change: Record<string, string>) => {
    expect((await unlock({ ...ours(), cookie: anna, ...change })).status).toBe(403);
    const signOut = await fetch(`${app.origin}/sign-out`, {
      method: "POST",
      headers: Object.fromEntries(
        Object.entries({ ...ours(), cookie: anna, ...change }).filter(([, value]) => value !== ""),
      ),
    });
    expect(signOut.status).toBe(403);
    expect((await fetch(path(), { headers: { cookie: anna } })).status).toBe(200);
  });

  it("is not commanded by another site in the browser of somebody who is signed in", async () => {
    const attacker = createServer((_, response) => {
      const target = `${path()}/commands`;
      response
        .writeHead(200, { "content-type": "text/html" })
        .end(`<form method="post" enctype="text/plain" target="sink"
        action="${target}"><input name='{"action":"unlock","x":"' value='"}'></form><iframe name="sink"></iframe><script>
        const tell = (name) => { document.title += name; };
        const headers = { "content-type": "application/json", "x-causeway": "1", "idempotency-key": "attack-0123456789" };
        fetch("${target}", { method: "POST", credentials: "include", headers, body: '{"action":"unlock"}' }).then(() => tell("f"), () => tell("x"));
        fetch("${target}", { method: "POST", mode: "no-cors", credentials: "include", body: '{"action":"unlock"}' }).then(() => tell("n"), () => tell("n"));
        document.querySelector("iframe").onload = () => tell("s");
        document.forms[0].submit();</script>`);
    });
    attacker.listen(0, "127.0.0.1");
    await once(attacker, "listening");
    const commandsBefore = app.log.filter((line) => line.includes("companion.command-asked")).length;
    const browser = await launchBrowser();
    try {
      const person = await PersonBrowser.open(browser, app.origin);
      await person.signIn(users[0]);
      const page = await person.context.newPage();
      const isCommand = (one: Request): boolean => one.method() === "POST" && one.url().endsWith("/commands");
      let asked = 0;
      const statuses: number[] = [];
      page.on("request", (one) => {
        if (isCommand(one)) asked += 1;
      });
      page.on("response", (response) => {
        if (isCommand(response.request())) statuses.push(response.status());
      });
      await page.goto(`http://127.0.0.1:${addressOf(attacker).port}/`);
      const isDone = async (): Promise<true | undefined> =>
        /(?=.*x)(?=.*n)(?=.*s)/.test(await page.title()) ? true : undefined;
      await until(isDone, { what: "the attacks of a page", timeoutMs: 20_000 });
      expect(asked).toBeGreaterThan(1);
      // Of what the browser let through, and let the page know.
      expect(statuses.filter((status) => status !== 403)).toEqual([]);
      expect(app.log.filter((line) => line.includes("companion.command-asked"))).toHaveLength(commandsBefore);
      // And nobody frames the page.
      await page.setContent(`<iframe src="${app.origin}/"></iframe>`);
      const isKeptOut = (): true | undefined =>
        page.frames().some((frame) => frame.url().startsWith("chrome-error:")) ? true : undefined;
      await until(isKeptOut, { what: "the frame is refused", timeoutMs: 20_000 });
    } finally {
      await browser.close();
      attacker.close();
    }
  });

  it.each([
    '{"action":"open"}',
    '{"action":"__proto__"}',
    '{"action":"constructor"}',
    '{"__proto__":{"action":"unlock"}}',
    '{"constructor":{"prototype":{"action":"unlock"}}}',
    '{"action":"unlock","thing":"other-truck"}',
    '{"action":"unlock","id":"chosen"}',
    '{"action":["unlock"]}',
    '["unlock"]',
    "unlock",
    "",
    "\u0000",
  ])("refuses the body %j", async (body) => {
    const response = await unlock({ ...ours(), cookie: anna }, body);
    expect([response.status, response.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
    expect(await response.text()).not.toContain("chosen");
  });

  it("refuses keys, types and paths that are not what they should be", async () => {
    const by = { ...ours(), cookie: anna };
    for (const key of ["short", "a".repeat(65), "key with spaces 0123", "../../../../etc/passwd"]) {
      expect((await unlock({ ...by, "idempotency-key": key })).status).toBe(400);
    }
    expect((await unlock({ ...by, "content-type": "text/plain" })).status).toBe(415);
    const raw = async (target: string): Promise<number> => await rawStatus(app.origin, target, anna);
    for (const id of [
      "..%2f..",
      "%2e%2e",
      "__proto__",
      "constructor",
      `${VEHICLE_ID}%00`,
      `${VEHICLE_ID}%0d%0aX:%20y`,
      `${VEHICLE_ID}%23`,
      "a".repeat(5000),
    ]) {
      expect(`${id} ${await raw(`/api/vehicles/${id}`)}`).toBe(`${id} 404`);
    }
    for (const file of [
      "/../main.ts",
      "/%2e%2e/main.ts",
      "/..%2fmain.ts",
      "/page/page.js",
      "/index.html",
      "/package.json",
      "//etc/passwd",
    ]) {
      expect(`${file} ${await raw(file)}`).toBe(`${file} 404`);
    }
    expect(await raw("/page.js")).toBe(200);
  });

  it("reads no more of a body than it must, and waits for no slow request", async () => {
    const large = JSON.stringify({ action: "unlock", filler: "x".repeat(5000) });
    expect((await unlock({ ...ours(), cookie: anna }, large)).status).toBe(413);
    expect([413, undefined]).toContain(await endlessBody(`${path()}/commands`, { ...ours(), cookie: anna }));
    expect(await slow).toBeLessThan(10_000);
  });

  it("makes one command of a request that is sent again and again, and acts on it once", async () => {
    expect(unit.frames.commands).toBe(0);
    const headers = { ...ours(), cookie: anna };
    const bodies = await Promise.all(Array.from({ length: 5 }, async () => await (await unlock(headers)).json()));
    const [id = "", ...others] = new Set(bodies.map((body) => state.parse(body).id));
    expect(others).toEqual([]);
    expect((await ended(id)).final?.kind).toBe("succeeded");
    expect(state.parse(await (await unlock(headers)).json()).final?.kind).toBe("succeeded");
    expect((await unlock(headers, '{"action":"lock"}')).status).toBe(422);
    expect(unit.frames.commands).toBe(FRAMES);
  });

  it("tells the end of a command once, and a browser that has seen it to come no more", async () => {
    const { id } = state.parse(await (await unlock({ ...ours(), cookie: anna }, '{"action":"lock"}')).json());
    const url = `${path()}/commands/${id}/events`;
    const events = await (await fetch(url, { headers: { cookie: anna } })).text();
    expect(events.match(/^event: final$/gm)).toHaveLength(1);
    expect(events).toMatch(/^id: 3$/m);
    expect((await fetch(url, { headers: { cookie: anna, "last-event-id": "3" } })).status).toBe(204);
    const resumed = await (await fetch(url, { headers: { cookie: anna, "last-event-id": "2" } })).text();
    expect(resumed.match(/^event: /gm)).toHaveLength(1);
    const odd = await (await fetch(url, { headers: { cookie: anna, "last-event-id": "99; DROP" } })).text();
    expect(odd.match(/^event: final$/gm)).toHaveLength(1);
  });

  it("writes nothing into its log that opens, names or places anything", () => {
    const log = app.log.join("\n");
    expect(log).toContain("companion.command-asked");
    const secrets = [
      ...[anna, bob].map((cookie) => cookie.split("=")[1] ?? ""),
      "bench-truck",
      "anna",
      "Anna",
      "code=",
      "eyJ",
    ];
    expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
  });

  async function ended(id: string): Promise<z.infer<typeof state>> {
    const look = async () => {
      const seen = state.parse(await (await fetch(`${path()}/commands/${id}`, { headers: { cookie: anna } })).json());
      return seen.final === undefined ? undefined : seen;
    };
    return await until(look, { what: "the end of a command", timeoutMs: 20_000 });
  }
});

function addressOf(server: ReturnType<typeof createServer>): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address;
}
