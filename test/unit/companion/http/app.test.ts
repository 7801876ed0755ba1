import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { SESSION_MS } from "../../../../agent/companion/people/sessions.ts";
import { FakeBackend } from "../../../fakes/companion/backend.ts";

const COMMANDS = "/api/vehicles/vehicle-7/commands";
const LOCK = '{"action":"lock"}';
const begun = z.looseObject({ id: z.string(), status: z.string() });

describe("the companion's backend", () => {
  let backend: FakeBackend;
  let anna: string;
  beforeEach(async () => {
    backend = new FakeBackend();
    anna = await backend.person("anna");
  });
  const begin = async (headers = {}): Promise<string> =>
    begun.parse(await (await backend.post(COMMANDS, anna, LOCK, headers)).json()).id;

  it("shows a person their vehicles, and no thing name", async () => {
    const text = await (await backend.get("/api/vehicles", anna)).text();
    const vehicles = [{ id: "vehicle-7", name: "Truck 7", role: "owner", mayCommand: true }];
    expect(JSON.parse(text)).toEqual({ vehicles });
    expect(text).not.toContain("truck-7");
  });

  it("gives what is known of a vehicle, and says what is not", async () => {
    backend.outside.facts.values = [{ signal: "DoorStatus.Locked", value: 1, unit: "", timeMs: 5 }];
    backend.outside.facts.state = undefined;
    expect(await (await backend.get("/api/vehicles/vehicle-7", anna)).json()).toMatchObject({
      presence: { state: "unknown" },
      latest: [{ signal: "DoorStatus.Locked", value: 1 }],
    });
  });

  it("lets a viewer see, and not command", async () => {
    const viewer = await backend.person("vera", "viewer");
    expect((await backend.get("/api/vehicles/vehicle-7", viewer)).status).toBe(200);
    expect((await backend.post(COMMANDS, viewer, LOCK)).status).toBe(403);
    expect(backend.outside.road.sent).toEqual([]);
  });

  it("ends a session when it is old, and at sign-out at once", async () => {
    backend.outside.clock.advance(SESSION_MS - 1);
    expect((await backend.get("/api/session", anna)).status).toBe(200);
    const out = await backend.post("/sign-out", anna, "{}");
    expect(await out.json()).toEqual({ location: "https://issuer.example/logout" });
    expect(out.headers.get("set-cookie")).toMatch(/^__Host-causeway-session=; Max-Age=0/);
    expect((await backend.get("/api/session", anna)).status).toBe(401);
    const next = await backend.person("anna");
    backend.outside.clock.advance(SESSION_MS);
    expect((await backend.get("/api/session", next)).status).toBe(401);
  });

  it("takes so many commands a minute and person, and then again", async () => {
    const statuses: number[] = [];
    for (let at = 0; at < 22; at += 1) {
      const headers = { "idempotency-key": `rate-key-${at}-0123456` };
      statuses.push((await backend.post(COMMANDS, anna, LOCK, headers)).status);
    }
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 202), 429, 429]);
    const bob = await backend.person("bob");
    expect((await backend.post(COMMANDS, bob, LOCK)).status).toBe(202);
    backend.outside.clock.advance(60_000);
    expect((await backend.post(COMMANDS, anna, LOCK)).status).toBe(202);
  });

  it("says that something is missing, and nothing of what", async () => {
    backend.outside.facts.presence = () => Promise.reject(new Error("secret of the store"));
    const response = await backend.post(COMMANDS, anna, LOCK);
    expect([response.status, response.headers.get("content-type")]).toEqual([503, "application/problem+json"]);
    expect(`${await response.text()}${JSON.stringify(backend.outside.log.entries)}`).not.toContain(
      "secret of the store",
    );
  });

  it("has a policy without anything inline, for every answer", async () => {
    for (const path of ["/health", "/nowhere", "/api/session"]) {
      const { headers } = await backend.get(path, "");
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain("unsafe");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
    expect((await backend.get("/api/session", anna)).headers.get("cache-control")).toBe("no-store");
  });

  it("gives the first news at once where whole responses alone are handed on", async () => {
    backend = new FakeBackend({ mode: "buffered", maxMs: 20_000, pollMs: 500 });
    anna = await backend.person("anna");
    const id = await begin();
    const text = await (await backend.get(`${COMMANDS}/${id}/events`, anna)).text();
    expect(text).toMatch(/^event: progress\n/m);
    expect(text).toContain('"status":"sent"');
  });
});

describe("telling how a command goes on", () => {
  let backend: FakeBackend;
  let anna: string;
  beforeEach(async () => {
    backend = new FakeBackend();
    anna = await backend.person("anna");
  });
  const begin = async (headers = {}): Promise<string> =>
    begun.parse(await (await backend.post(COMMANDS, anna, LOCK, headers)).json()).id;
  const events = async (id: string, headers = {}): Promise<Response> =>
    await backend.get(`${COMMANDS}/${id}/events`, anna, headers);
  /** Lets the stream look again and again, and gives all that it said. */
  const whole = async (response: Response): Promise<string> => {
    let isOver = false;
    const text = response.text().finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await new Promise(setImmediate);
      backend.outside.clock.advance(200);
    }
    return await text;
  };

  it("gives each step once and ends with the one end", async () => {
    const id = await begin();
    const response = await events(id);
    backend.outside.answers.put("truck-7", id, { status: "IN_PROGRESS" });
    backend.outside.answers.put("truck-7", id, { status: "SUCCEEDED" });
    const text = await whole(response);
    expect(text.match(/^event: .*$/gm)?.at(-1)).toBe("event: final");
    expect(text.match(/^event: final$/gm)).toHaveLength(1);
    expect((await events(id, { "last-event-id": "3" })).status).toBe(204);
  });

  it("keeps what a vehicle says inside of its event", async () => {
    const id = await begin();
    const description = 'no\n\nevent: final\ndata: {"status":"ended"}\r\n\r\nid: 9\u2028<script>';
    backend.outside.answers.put("truck-7", id, { status: "FAILED", reason: { code: "INTERNAL_ERROR", description } });
    const text = await whole(await events(id));
    expect(text.match(/^event: /gm)).toHaveLength(1);
    expect(text.match(/^id: /gm)).toHaveLength(1);
  });

  it("ends before a way to the browser does, without an end of the command", async () => {
    const startMs = backend.outside.clock.monotonicMs();
    const id = await begin();
    const text = await whole(await events(id));
    expect(text.match(/^event: /gm)).toEqual(["event: "]);
    expect(text).toContain("retry: 500");
    expect(backend.outside.clock.monotonicMs() - startMs).toBeLessThan(26_000);
  });

  it.each(["unbound", "signed-out"])("tells nothing more to somebody who is %s meanwhile", async (change) => {
    const id = await begin();
    const response = await events(id);
    await new Promise(setImmediate);
    if (change === "unbound") await backend.outside.rows.take({ group: "user#anna", name: "vehicle#vehicle-7" }, 0);
    else await backend.sessions.close(anna.split("=")[1]);
    backend.outside.answers.put("truck-7", id, { status: "SUCCEEDED" });
    expect(await whole(response)).not.toContain("final");
    expect((await backend.get(`${COMMANDS}/${id}`, anna)).status).toBe(change === "unbound" ? 404 : 401);
  });

  it("keeps so few streams of one person at a time", async () => {
    const id = await begin();
    const open = await Promise.all(Array.from({ length: 8 }, () => events(id)));
    expect((await events(id)).status).toBe(429);
    backend.outside.answers.put("truck-7", id, { status: "SUCCEEDED" });
    for (const response of open) await whole(response);
    expect((await events(id)).status).toBe(200);
  });
});
