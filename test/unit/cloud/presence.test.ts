import { describe, expect, it } from "vitest";
import { announceAsleep, presencePublication, runPresence } from "../../../agent/cloud/presence.ts";
import type { Publication } from "../../../agent/ports/broker.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";

const STOPPED = { reason: "stopped", nextCheckInAtUs: undefined };

function createBench() {
  const clock = new ManualClock();
  const broker = new FakeBroker({ clock });
  const subject = { thing: "veh-001", bootId: "b00t", topic: "dt/causeway/veh-001/presence", clock };
  const parts = { subject, broker, log: new MemoryLog(), random: () => 0.5 };
  return { clock, broker, parts, states: () => broker.publications.map(stateOf) };
}

function stateOf({ payload }: Publication): unknown {
  const parsed: unknown = JSON.parse(new TextDecoder().decode(payload));
  return typeof parsed === "object" && parsed !== null && "state" in parsed ? parsed.state : undefined;
}

describe("presence", () => {
  it("is a retained JSON object with thing, state, boot id and time", () => {
    const { parts } = createBench();
    const { topic, retain, contentType, payload } = presencePublication(parts.subject, "lost");
    expect({ topic, retain, contentType }).toEqual({
      topic: "dt/causeway/veh-001/presence",
      retain: true,
      contentType: "application/json",
    });
    expect(JSON.parse(new TextDecoder().decode(payload))).toEqual({
      schemaVersion: 1,
      thing: "veh-001",
      state: "lost",
      bootId: "b00t",
      at: "2026-01-01T00:00:00.000Z",
    });
  });

  it("says why it is asleep, and when it comes back where it does", () => {
    const { parts } = createBench();
    const said = (nextCheckInAtUs: number | undefined): unknown => {
      const { payload } = presencePublication(parts.subject, "asleep", { reason: "parked", nextCheckInAtUs });
      return JSON.parse(new TextDecoder().decode(payload));
    };
    const always = {
      schemaVersion: 1,
      thing: "veh-001",
      state: "asleep",
      bootId: "b00t",
      at: "2026-01-01T00:00:00.000Z",
    };
    expect(said(undefined)).toEqual({ ...always, reason: "parked" });
    expect(said(1_767_236_400_000_000)).toEqual({
      ...always,
      reason: "parked",
      nextCheckInAt: "2026-01-01T03:00:00.000Z",
    });
  });

  it("says online after every connect, once", async () => {
    const { clock, broker, parts, states } = createBench();
    broker.start();
    const stopping = new AbortController();
    const running = runPresence(parts, stopping.signal);
    await clock.run(60_000);
    expect(states()).toEqual(["online"]);
    broker.disconnect();
    broker.connect();
    await clock.run(0);
    expect(states()).toEqual(["online", "online"]);
    stopping.abort();
    await running;
  });

  it("tries again when the announcement was not taken", async () => {
    const { clock, broker, parts, states } = createBench();
    broker.answer = () => ({ kind: "rejected", reasonCode: 0x97, reason: "0x97 quota exceeded" });
    broker.start();
    void runPresence(parts, new AbortController().signal);
    await clock.run(0);
    broker.answer = () => ({ kind: "acked" });
    await clock.run(2000);
    expect(states()).toEqual(["online", "online"]);
    expect(parts.log.of("presence.not-announced")).toHaveLength(1);
  });

  it("says asleep before a stop in order, and does not wait for ever", async () => {
    const { clock, broker, parts, states } = createBench();
    broker.answer = () => undefined;
    broker.start();
    let isDone = false;
    void announceAsleep(parts, STOPPED, 1000).then(() => (isDone = true));
    await clock.run(999);
    expect(isDone).toBe(false);
    await clock.run(1);
    expect(isDone).toBe(true);
    expect(states()).toEqual(["asleep"]);
  });

  it("does not wait for a link to say asleep", async () => {
    const { parts, states } = createBench();
    expect(await announceAsleep(parts, STOPPED, 1000)).toBe(false);
    expect(states()).toEqual([]);
  });
});
