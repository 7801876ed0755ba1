import { beforeEach, describe, expect, it } from "vitest";
import { NamedShadow } from "../../../agent/cloud/named-shadow.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";

const BASE = "$aws/things/veh-1/shadow/name/campaigns";
const never = new AbortController().signal;

function json(body: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(body));
}

describe("NamedShadow", () => {
  let clock: ManualClock;
  let broker: FakeBroker;
  let shadow: NamedShadow;
  let changes: number;
  let tokens: number;

  beforeEach(async () => {
    clock = new ManualClock();
    broker = new FakeBroker({ clock });
    changes = 0;
    tokens = 0;
    const limits = { timeoutMs: 10_000, maxPending: 3, maxAnswerBytes: 10_000 };
    const token = () => `t${++tokens}`;
    shadow = new NamedShadow({ broker, clock, log: new MemoryLog(), limits, token, thing: "veh-1", name: "campaigns" });
    await shadow.open(() => {
      changes += 1;
    });
    broker.start();
  });

  /** Asks, answers once the request is there, and gives what comes of it. */
  async function answered<T>(asking: Promise<T>, suffix: string, body: object): Promise<T> {
    await clock.run(0);
    broker.inject(`${BASE}/${suffix}`, json({ clientToken: `t${tokens}`, ...body }));
    return await asking;
  }
  const get = (version: number, state: object = {}) =>
    answered(shadow.get(never), "get/accepted", { state, version, timestamp: 1 });
  const sent = (): unknown => JSON.parse(new TextDecoder().decode(broker.publications.at(-1)?.payload));

  it("gives what is desired and reported, and says that there is none", async () => {
    expect(await get(7, { desired: { a: 1 }, reported: { b: 2 }, delta: { a: 1 } })).toEqual({
      kind: "accepted",
      body: { version: 7, desired: { a: 1 }, reported: { b: 2 } },
    });
    const asked = shadow.get(never);
    expect(await answered(asked, "get/rejected", { code: 404, message: "No shadow exists" })).toEqual({ kind: "none" });
  });

  it.each([
    [20, "malformed"],
    [10, "accepted"],
  ] as const)("reads no state of more than 16 levels: %i", async (levels, kind) => {
    const deep: unknown = JSON.parse("[".repeat(levels) + "]".repeat(levels));
    expect((await get(7, { reported: { deep } })).kind).toBe(kind);
    expect((await get(7, { desired: { deep } })).kind).toBe(kind);
  });

  it.each([
    ["desired", "malformed"],
    ["reported", "accepted"],
  ] as const)("takes no number without end for settings, which are %s", async (section, kind) => {
    const asked = shadow.get(never);
    await clock.run(0);
    const text = `{"clientToken":"t${tokens}","version":7,"state":{"${section}":{"collect":{"batchMs":1e400}}}}`;
    broker.inject(`${BASE}/get/accepted`, new TextEncoder().encode(text));
    expect((await asked).kind).toBe(kind);
  });

  it("is not ended by a state of thousands of levels", async () => {
    const deep: unknown = JSON.parse("[".repeat(2000) + "]".repeat(2000));
    const reply = await get(7, { reported: { deep } });
    expect(reply.kind === "malformed" ? reply.problem : reply.kind).toContain("nested too deep");
  });

  it("reports on the version that it knows, and goes on from the one that comes of it", async () => {
    await get(7);
    const body = { state: { reported: { a: 1 } }, version: 8, timestamp: 1 };
    expect(await answered(shadow.report({ a: 1 }, never), "update/accepted", body)).toMatchObject({ kind: "accepted" });
    expect(sent()).toEqual({ state: { reported: { a: 1 } }, version: 7, clientToken: "t2" });
    void shadow.report({ a: 2 }, never);
    await clock.run(0);
    expect(sent()).toMatchObject({ version: 8 });
  });

  it.each([
    [409, "conflict"],
    [413, "too-large"],
    [500, "rejected"],
  ])("tells a rejection with %i as %s", async (code, kind) => {
    await get(7);
    expect(await answered(shadow.report({}, never), "update/rejected", { code, message: "no" })).toMatchObject({
      kind,
    });
  });

  it("tells of every change that somebody else has made, a removal without a delta too, and of no other", async () => {
    await get(7);
    const others = { state: { desired: { campaigns: { a: null } } }, version: 8, timestamp: 1 };
    broker.inject(`${BASE}/update/accepted`, json({ ...others, clientToken: "of others" }));
    expect(changes).toBe(1);
    broker.inject(`${BASE}/update/accepted`, json({ ...others, version: 7 }));
    broker.inject(`${BASE}/update/delta`, json({ ...others, version: 6 }));
    expect(changes).toBe(1);
    broker.inject(`${BASE}/update/delta`, json({ ...others, version: 9 }));
    expect(changes).toBe(2);
    const own = { state: { reported: { a: 1 } }, version: 10, timestamp: 1 };
    const asked = shadow.report({ a: 1 }, never);
    await clock.run(0);
    // The delta of our own report may come before its answer.
    broker.inject(`${BASE}/update/delta`, json({ ...own, clientToken: "t2" }));
    await answered(asked, "update/accepted", own);
    expect(changes).toBe(2);
    broker.inject(`${BASE}/update/delta`, json("not an object"));
    expect(changes).toBe(3);
  });

  it("takes lower versions again after the shadow was deleted", async () => {
    await get(7);
    broker.inject(`${BASE}/delete/accepted`, json({ version: 7, timestamp: 1 }));
    expect(changes).toBe(1);
    broker.inject(`${BASE}/update/delta`, json({ state: {}, version: 1, timestamp: 1 }));
    expect(changes).toBe(2);
  });
});
