import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NamedShadow } from "../../../agent/cloud/named-shadow.ts";
import { ReportPace } from "../../../agent/shadows/report-pace.ts";
import { ReportedShadow } from "../../../agent/shadows/reported-shadow.ts";
import { ModelShadow, type ShadowFate } from "../../fakes/cloud/model-shadow.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";

const KEYS = ["a", "b", "long"];
const MIN_MS = 60_000;

/** An agent that keeps `wanted` in a shadow, which can be started anew, and the service of that. */
class Rig {
  readonly clock = new ManualClock();
  isGranted = true;
  readonly broker = new FakeBroker({ clock: this.clock, grants: () => this.isGranted });
  readonly model = new ModelShadow(this.broker, "veh-1", "state");
  readonly log = new MemoryLog();
  wanted: Readonly<Record<string, unknown>> | undefined = { a: 1, b: { c: "x" } };
  reported: ReportedShadow;
  readonly #perDay: number;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #tokens = 0;

  constructor(perDay = 500) {
    this.#perDay = perDay;
    this.reported = this.#start();
    this.broker.start();
  }

  restart(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.reported = this.#start();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.clock.run(0);
    await this.#running;
  }

  reconnect(): void {
    this.broker.disconnect();
    this.broker.connect();
  }

  updates(): number {
    return this.model.requests.filter((operation) => operation === "update").length;
  }

  #start(): ReportedShadow {
    const { broker, clock, log } = this;
    const limits = { timeoutMs: 10_000, maxPending: 4, maxAnswerBytes: 131_072 };
    const token = () => `t${++this.#tokens}`;
    const shadow = new NamedShadow({ broker, clock, log, limits, token, thing: "veh-1", name: "state" });
    const document = (maxBytes: number) => {
      if (this.wanted === undefined) return undefined;
      const { long, ...rest } = this.wanted;
      const fits = JSON.stringify(this.wanted).length <= maxBytes;
      return { reported: fits ? this.wanted : rest, omitted: fits || long === undefined ? [] : ["long"] };
    };
    const urgent = (change: object) => ("b" in change && change.b === null ? { b: null } : undefined);
    const content = { keys: KEYS, document, urgent };
    const pace = new ReportPace({ minMs: MIN_MS, perDay: this.#perDay }, clock);
    const random = () => 0.5;
    const reported = new ReportedShadow({ name: "state", shadow, content, pace, broker, clock, log, random });
    const { signal } = this.#stop;
    this.#running = reported.run(signal);
    return reported;
  }
}

describe("ReportedShadow", () => {
  it("reads first, tells all of a shadow that is not there, and then only what has changed", async () => {
    const rig = new Rig();
    await rig.clock.run(59_000);
    expect(rig.model.requests).toEqual(["get"]);
    await rig.clock.run(2000);
    expect(rig.model.requests).toEqual(["get", "update"]);
    expect(rig.model.reported()).toEqual({ a: 1, b: { c: "x" } });
    await rig.clock.run(3_600_000);
    expect(rig.model.requests).toHaveLength(2);
    rig.wanted = { a: 2 };
    await rig.clock.run(20_000);
    expect(rig.model.reported()).toEqual({ a: 2 });
    expect(rig.reported.facts()).toMatchObject({ state: "in-step", updates: 2, updatesToday: 2, reads: 1 });
    await rig.stop();
  });

  it("sends nothing over a restart and a new connection where all is told", async () => {
    const rig = new Rig();
    await rig.clock.run(61_000);
    rig.restart();
    await rig.clock.run(1000);
    rig.reconnect();
    await rig.clock.run(600_000);
    expect(rig.updates()).toBe(1);
    await rig.stop();
  });

  it.each([
    ["once for a change that its read has seen", 1, ["get", "get"]],
    ["again for one that comes after it", 2, ["get", "get", "get"]],
  ] as const)("reads %s", async (_name, version, requests) => {
    const rig = new Rig();
    rig.wanted = undefined;
    await rig.clock.run(1);
    rig.model.update({ desired: { a: 2 } }, false);
    rig.model.fates.push("late");
    rig.reconnect();
    await rig.clock.run(1);
    const told = new TextEncoder().encode(JSON.stringify({ state: {}, version, timestamp: 1 }));
    rig.broker.inject("$aws/things/veh-1/shadow/name/state/update/accepted", told);
    rig.model.release();
    await rig.clock.run(20_000);
    expect(rig.model.requests).toEqual(requests);
    await rig.stop();
  });

  it("says nothing while it knows nothing", async () => {
    const rig = new Rig();
    rig.wanted = undefined;
    await rig.clock.run(600_000);
    expect(rig.model.requests).toEqual(["get"]);
    await rig.stop();
  });

  it("puts many changes together, and lets only what is urgent of them go before", async () => {
    const rig = new Rig();
    await rig.clock.run(61_000);
    for (let turn = 0; turn < 40; turn++) {
      rig.wanted = { a: turn, b: 1 };
      await rig.clock.run(2000);
    }
    expect(rig.updates()).toBe(2);
    expect(rig.reported.facts().state).toBe("behind");
    rig.wanted = { a: 99 };
    await rig.clock.run(16_000);
    expect(rig.updates()).toBe(3);
    expect(rig.model.reported()).toEqual({ a: 29 });
    await rig.clock.run(60_000);
    expect(rig.model.reported()).toEqual({ a: 99 });
    await rig.stop();
  });

  it("takes back at once after a start what is urgent, and tells the rest when it has settled", async () => {
    const rig = new Rig();
    await rig.clock.run(61_000);
    rig.restart();
    rig.wanted = { a: 2 };
    await rig.clock.run(20_000);
    expect(rig.model.reported()).toEqual({ a: 1 });
    await rig.clock.run(61_000);
    expect(rig.model.reported()).toEqual({ a: 2 });
    await rig.stop();
  });

  it.each([409, 429, 500])("spends nothing of the day's budget on updates that end with %i", async (code) => {
    const rig = new Rig(3);
    rig.model.fates.push("pass", ...Array.from({ length: 40 }).flatMap(() => [{ code }, "pass" as const]));
    await rig.clock.run(1_800_000);
    expect(rig.reported.facts()).toMatchObject({ updates: 0, updatesToday: 0, state: "behind" });
    if (code !== 409) expect(rig.reported.facts().what).toBe(`rejected: ${code} no`);
    rig.model.fates.length = 0;
    await rig.clock.run(600_000);
    expect(rig.reported.facts()).toMatchObject({ updates: 1, updatesToday: 1, state: "in-step", what: "" });
    await rig.stop();
  });

  it("stops at the budget of a day, and goes on when it is over", async () => {
    const rig = new Rig(3);
    for (let turn = 0; turn < 10; turn++) {
      rig.wanted = { a: turn };
      await rig.clock.run(120_000);
    }
    expect(rig.updates()).toBe(3);
    await rig.clock.run(86_400_000);
    expect(rig.updates()).toBe(4);
    expect(rig.model.reported()).toEqual({ a: 9 });
    await rig.stop();
  });

  it("tells all again when the shadow was deleted, and leaves what others report", async () => {
    const rig = new Rig();
    await rig.clock.run(61_000);
    rig.model.update({ reported: { theirs: 5 }, desired: { a: 7 } });
    await rig.clock.run(120_000);
    expect(rig.updates()).toBe(1);
    rig.model.delete();
    await rig.clock.run(120_000);
    expect(rig.model.reported()).toEqual({ a: 1, b: { c: "x" } });
    rig.model.update({ reported: { theirs: 5, a: 8 } });
    await rig.clock.run(120_000);
    expect(rig.model.reported()).toEqual({ theirs: 5, a: 1, b: { c: "x" } });
    expect(rig.updates()).toBe(3);
    await rig.stop();
  });

  it.each(["a", "b"])("is not driven by one who writes %s over and over, urgent or not", async (key) => {
    const rig = new Rig();
    rig.wanted = { a: 1 };
    await rig.clock.run(61_000);
    for (let turn = 0; turn < 600; turn++) {
      rig.model.update({ reported: { [key]: `theirs ${turn}` } });
      await rig.clock.run(1000);
    }
    expect(rig.updates()).toBeLessThanOrEqual(12);
    expect(rig.model.requests.length).toBeLessThanOrEqual(140);
    await rig.clock.run(120_000);
    expect(rig.model.reported()).toEqual({ a: 1 });
    await rig.stop();
  });

  it("reads again after a conflict, and leaves parts out where the service takes less than we count", async () => {
    const rig = new Rig();
    rig.wanted = { a: 1, long: "x".repeat(3000) };
    rig.model.fates.push("pass", { code: 409 }, "pass", { code: 413 });
    await rig.clock.run(300_000);
    expect(rig.model.reported()).toEqual({ a: 1 });
    expect(rig.reported.facts()).toMatchObject({ conflicts: 1, omitted: ["long"], state: "in-step" });
    expect(rig.log.of("shadow.too-large")).toHaveLength(1);
    await rig.stop();
  });

  it("counts what is not its own in the shadow", async () => {
    const rig = new Rig();
    rig.model.update({ desired: { theirs: "y".repeat(5000) } });
    rig.wanted = { a: 1, long: "x".repeat(3000) };
    await rig.clock.run(120_000);
    expect(rig.model.reported()).toEqual({ a: 1 });
    expect(rig.log.of("shadow.too-large")).toEqual([]);
    await rig.stop();
  });

  it.each([400, 401, 403, 413])("asks no more for an hour after %i, but on a new connection", async (code) => {
    const rig = new Rig();
    rig.wanted = { a: "x".repeat(code === 413 ? 9000 : 1) };
    rig.model.fates.push("pass", { code });
    await rig.clock.run(1_200_000);
    expect(rig.updates()).toBe(1);
    expect(rig.reported.facts()).toMatchObject({ state: "refused", failures: 1 });
    expect(rig.reported.facts().what).not.toBe("");
    rig.wanted = { a: 1 };
    rig.reconnect();
    await rig.clock.run(120_000);
    expect(rig.model.reported()).toEqual({ a: 1 });
    expect(rig.reported.facts()).toMatchObject({ state: "in-step", what: "" });
    await rig.stop();
  });

  it.each([429, 500])("tries again by itself after %i", async (code) => {
    const rig = new Rig();
    rig.model.fates.push({ code }, { code }, "pass", { code });
    await rig.clock.run(300_000);
    expect(rig.model.reported()).toEqual({ a: 1, b: { c: "x" } });
    await rig.stop();
  });

  it("finds out within a day what it was never told", async () => {
    const rig = new Rig();
    await rig.clock.run(61_000);
    rig.model.delete(false);
    await rig.clock.run(86_500_000);
    expect(rig.model.reported()).toEqual({ a: 1, b: { c: "x" } });
    await rig.stop();
  });

  it("says that the broker lets it hear of nothing, and asks again on the next connection", async () => {
    const rig = new Rig();
    rig.isGranted = false;
    await rig.clock.run(60_000);
    expect(rig.reported.facts()).toMatchObject({ state: "refused" });
    expect(rig.reported.facts().what).toContain("0x87");
    expect(rig.log.of("shadow.closed")).toHaveLength(1);
    rig.isGranted = true;
    rig.reconnect();
    await rig.clock.run(120_000);
    expect(rig.reported.facts()).toMatchObject({ state: "in-step", what: "" });
    await rig.stop();
  });

  const fate = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<ShadowFate[]>("pass", "ignored", "unanswered", "twice", "late") },
    { weight: 1, arbitrary: fc.constantFrom(400, 403, 409, 413, 429, 500).map((code) => ({ code })) },
  );
  const value = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom("x", "y"), fc.constant({ c: { d: 1 } }));
  const tree = fc.dictionary(fc.constantFrom("a", "b"), value);
  const others = fc.record({ reported: tree, desired: fc.oneof(tree, fc.constant(null)) }, { requiredKeys: [] });
  const step = fc.oneof(
    tree.map((wanted) => (rig: Rig) => void (rig.wanted = wanted)),
    fate.map((one) => (rig: Rig) => void rig.model.fates.push(one)),
    fc.tuple(others, fc.boolean()).map(
      ([state, heard]) =>
        (rig: Rig) =>
          rig.model.update(state, heard),
    ),
    fc.boolean().map((heard) => (rig: Rig) => rig.model.delete(heard)),
    fc.constant((rig: Rig) => rig.model.release()),
    fc.constant((rig: Rig) => rig.restart()),
    fc.constant((rig: Rig) => rig.reconnect()),
    fc.constantFrom(10, 7000, 61_000).map((ms) => (rig: Rig) => rig.clock.run(ms)),
  );

  it("converges whatever is lost, late, repeated, undone or cut, and is silent then (seed 20261130)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const rig = new Rig();
        for (const take of steps) {
          await take(rig);
          await rig.clock.run(0);
        }
        rig.model.fates.length = 0;
        rig.model.release();
        rig.reconnect();
        await rig.clock.run(900_000);
        expect(rig.model.reported()).toEqual(rig.wanted);
        const requests = rig.model.requests.length;
        await rig.clock.run(900_000);
        expect(rig.model.requests.length).toBe(requests);
        await rig.stop();
      }),
      { seed: 20_261_130, numRuns: 100 },
    );
  });
});
