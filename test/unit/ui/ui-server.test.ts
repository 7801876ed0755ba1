import { once } from "node:events";
import { request } from "node:http";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { ACTION_NAMES } from "../../../agent/ui/actions.ts";
import type { UiRole } from "../../../agent/ui/agent-line.ts";
import type { FaultSwitch } from "../../../agent/ui/fault-switch.ts";
import { createUiServer } from "../../../agent/ui/ui-server.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { ShamAgent } from "../../fakes/ui/sham-agent.ts";

const TOKEN = "secret";
const ALLOWED = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };

type Asked = {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};
type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
};

let agent: ShamAgent;
beforeEach(() => {
  agent = new ShamAgent();
});

async function serve(
  role: UiRole = "view",
  switches: readonly FaultSwitch[] = [],
): Promise<(asked: Asked) => Promise<Answer>> {
  const ui = createUiServer({ line: agent, clock: new ManualClock(), role, token: TOKEN, version: "0", switches });
  onTestFinished(() => ui.stop());
  ui.http.listen(0, "127.0.0.1");
  await once(ui.http, "listening");
  const address = ui.http.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return async ({ method = "GET", path, headers = {}, body }) => {
    const asking = request({ host: "127.0.0.1", port, method, path, headers });
    asking.end(body);
    return await new Promise((resolve, reject) => {
      asking.on("error", reject);
      asking.on("response", (response) => {
        const chunks: string[] = [];
        response.setEncoding("utf8");
        const answer = (): void =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: chunks.join("") });
        if (response.headers["content-type"] === "text/event-stream") {
          answer();
          response.destroy();
        }
        response.on("data", (chunk: string) => chunks.push(chunk));
        response.on("end", answer);
      });
    });
  };
}

describe("the server of the page", () => {
  it.each(["/", "/page.js", "/style.css", "/uPlot.iife.min.js", "/events", "/nothing"])(
    "lets a browser load nothing from elsewhere, run nothing else and be in no frame: %s",
    async (path) => {
      const ask = await serve();
      const { headers } = await ask({ path });
      const policy = String(headers["content-security-policy"]);
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'");
      expect(policy).toContain("base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["referrer-policy"]).toBe("no-referrer");
      expect(headers["cache-control"]).toBe("no-store");
      expect(headers).not.toHaveProperty("access-control-allow-origin");
    },
  );

  it.each([
    ["by a name that an attacker chose", { host: "attacker.example" }, 421],
    ["from the page of another origin", { origin: "http://127.0.0.1:1" }, 403],
    ["from another site", { "sec-fetch-site": "cross-site" }, 403],
  ])("answers no request that comes %s, with the token or without", async (_name, headers, status) => {
    const ask = await serve("admin");
    for (const path of ["/", "/events"])
      expect(await ask({ path, headers: { ...ALLOWED, ...headers } })).toMatchObject({ status });
    const post = { method: "POST", path: "/actions/buffer.flush", body: "{}" };
    expect(await ask({ ...post, headers: { ...ALLOWED, ...headers } })).toMatchObject({ status });
    expect(agent.asked).toEqual([]);
  });

  it("says nothing of the vehicle without the token", async () => {
    const ask = await serve("admin");
    for (const path of [
      "/events",
      "/actions/buffer.flush",
      "/switches/link",
      "/../../etc/passwd",
      "/%2e%2e/package.json",
    ]) {
      const { status } = await ask({ path, method: path.startsWith("/a") ? "POST" : "GET" });
      expect(status).toBe(401);
    }
    expect(agent.asked).toEqual([]);
    expect(await ask({ path: "/events", headers: ALLOWED })).toMatchObject({ status: 200 });
  });

  it.each(ACTION_NAMES)("does not %s where it only shows", async (name) => {
    const ask = await serve("view");
    const answer = await ask({ method: "POST", path: `/actions/${name}`, headers: ALLOWED, body: "{}" });
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("causeway ui --admin");
    expect(agent.asked).toEqual([]);
  });

  it("does what it is asked to where it may act, and says what stands against it", async () => {
    const ask = await serve("admin");
    const flush = { method: "POST", path: "/actions/buffer.flush", headers: ALLOWED };
    agent.state.answers["buffer.flush"] = { schemaVersion: 1, waiting: 3 };
    expect(JSON.parse((await ask(flush)).text)).toEqual({ what: "3 records still wait." });
    agent.state.isDown = true;
    const down = await ask(flush);
    expect(down.status).toBe(409);
    expect(JSON.parse(down.text)).toMatchObject({ remedy: "systemctl start causeway" });
  });

  it.each([
    ["another way", { method: "GET" }, 405],
    ["as a form", { headers: { ...ALLOWED, "content-type": "application/x-www-form-urlencoded" } }, 415],
    ["with what is no JSON", { body: "{" }, 409],
    ["with too much", { body: `"${"x".repeat(5000)}"` }, 409],
    ["with another type", { body: '{"id":7}' }, 400],
    ["by a name of the prototype", { path: "/actions/constructor" }, 404],
  ])("takes no action that is asked for %s", async (_name, asked, status) => {
    const ask = await serve("admin");
    const answer = await ask({
      method: "POST",
      path: "/actions/campaign.trigger",
      headers: ALLOWED,
      body: "{}",
      ...asked,
    });
    expect(answer.status).toBe(status);
    expect(agent.asked).toEqual([]);
  });

  it("turns a switch that it was given, in either role, and no other", async () => {
    const set: boolean[] = [];
    const clock: FaultSwitch = {
      name: "clock",
      label: "Move the clock",
      isOn: () => set.at(-1) ?? false,
      set: async (on) => void (await Promise.resolve(set.push(on))),
    };
    const ask = await serve("view", [clock]);
    const turn = { method: "POST", path: "/switches/clock", headers: ALLOWED };
    expect(await ask({ ...turn, body: '{"on":true}' })).toMatchObject({ status: 200 });
    expect(await ask({ ...turn, body: '{"on":3600}' })).toMatchObject({ status: 400 });
    expect(await ask({ ...turn, body: '{"on":"yes"}' })).toMatchObject({ status: 400 });
    expect(await ask({ ...turn, path: "/switches/link", body: '{"on":true}' })).toMatchObject({ status: 404 });
    expect(await ask({ ...turn, headers: { "content-type": "application/json" }, body: '{"on":true}' })).toMatchObject({
      status: 401,
    });
    expect(set).toEqual([true]);
  });
});
