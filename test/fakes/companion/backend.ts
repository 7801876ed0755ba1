import { createHash } from "node:crypto";
import { join } from "node:path";
import { createApp } from "../../../agent/companion/http/app.ts";
import type { StreamSettings } from "../../../agent/companion/http/event-routes.ts";
import { SESSION_COOKIE } from "../../../agent/companion/http/guard.ts";
import { pageFiles } from "../../../agent/companion/http/page-files.ts";
import { BearerTokens } from "../../../agent/companion/people/bearer.ts";
import { Bindings, type Role } from "../../../agent/companion/people/bindings.ts";
import { IdentityProvider } from "../../../agent/companion/people/identity-provider.ts";
import { Sessions } from "../../../agent/companion/people/sessions.ts";
import { FakeOutside } from "./parts.ts";

const PAGE = join(import.meta.dirname, "../../../agent/companion/page");
const ORIGIN = "https://app.example";

/** A backend without a network: asked by `request`, its clock moved by the test. */
export class FakeBackend {
  readonly outside = new FakeOutside();
  readonly sessions: Sessions;
  readonly bindings: Bindings;
  readonly #app: ReturnType<typeof createApp>;
  #tokens = 0;

  constructor(stream: StreamSettings = { mode: "live", maxMs: 25_000, pollMs: 200 }) {
    const { clock, rows, facts, log } = this.outside;
    const nowMs = (): number => clock.wallUs() / 1000;
    const token = (): string =>
      createHash("sha256")
        .update(`token ${++this.#tokens}`)
        .digest("base64url");
    this.sessions = new Sessions({ rows, nowMs, token });
    this.bindings = new Bindings(rows);
    const provider = new IdentityProvider({
      issuer: new URL("https://issuer.example"),
      clientId: "companion",
      clientSecret: undefined,
      origin: ORIGIN,
      signOutUrl: "https://issuer.example/logout",
      allowsHttp: false,
    });
    const bearer = new BearerTokens({
      issuer: "https://issuer.example",
      origin: ORIGIN,
      clients: [],
      keysUrl: () => provider.keysUrl(),
      nowMs,
    });
    this.#app = createApp({
      guard: { origin: ORIGIN, sessions: this.sessions, bearer },
      provider,
      vehicles: { bindings: this.bindings, facts, book: this.outside.book(), rows, clock, log },
      stream,
      page: pageFiles(PAGE),
    });
  }

  /** Signs somebody in who may use truck-7 in this role; gives the cookie. */
  async person(user: string, role: Role = "owner"): Promise<string> {
    const nowMs = this.outside.clock.wallUs() / 1000;
    await this.bindings.put(user, { id: "vehicle-7", thing: "truck-7", name: "Truck 7", role }, nowMs);
    return `${SESSION_COOKIE}=${await this.sessions.open({ user, name: user })}`;
  }

  async get(path: string, cookie: string, headers: Record<string, string> = {}): Promise<Response> {
    return await this.#app.request(`${ORIGIN}${path}`, { headers: { cookie, ...headers } });
  }

  async post(path: string, cookie: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
    const ours = {
      origin: ORIGIN,
      "x-causeway": "1",
      "content-type": "application/json",
      "idempotency-key": "key-0123456789abcdef",
    };
    return await this.#app.request(`${ORIGIN}${path}`, {
      method: "POST",
      body,
      headers: { cookie, ...ours, ...headers },
    });
  }
}
