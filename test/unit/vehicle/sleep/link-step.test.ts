import { describe, expect, it } from "vitest";
import { z } from "zod";
import { deliveryStep, LinkStep } from "../../../../agent/vehicle/sleep/link-step.ts";
import type { SleepOrder } from "../../../../agent/vehicle/sleep/sleep-order.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeBroker } from "../../../fakes/ports/broker.ts";

const ORDER: SleepOrder = { kind: "asleep-soon", withinMs: 15_000 };
const PRESENCE = z.object({ state: z.string() });

/** Steps of a vehicle whose outbox is drained when the test says so, or its link is lost. */
function createRig() {
  const clock = new ManualClock();
  const broker = new FakeBroker({ clock });
  const outbox = { isEmpty: false };
  const trace: string[] = [];
  const drained = async (signal: AbortSignal): Promise<boolean> => {
    trace.push(`deliver ${broker.status().state}`);
    while (!signal.aborted && broker.status().state === "online") {
      if (outbox.isEmpty) return true;
      await clock.sleep(20, signal);
    }
    return false;
  };
  const subject = { thing: "veh-001", bootId: "0".repeat(32), topic: "presence", clock };
  const presence = { subject, broker, log: new MemoryLog(), random: () => 0.5 };
  const link = new LinkStep({ presence, drained, nextCheckInAtUs: () => undefined });
  const delivery = deliveryStep({ broker, clock, drained });
  const said = () =>
    broker.publications.map(({ payload }) => PRESENCE.parse(JSON.parse(new TextDecoder().decode(payload))).state);
  broker.start();
  /** A connection that is ended in order, and comes back after that time; never when it is not given. */
  const reconnect = (afterMs?: number): void => {
    broker.disconnect();
    broker.start();
    if (afterMs !== undefined) void clock.sleep(afterMs).then(() => broker.connect());
  };
  return { clock, broker, outbox, trace, link, delivery, said, reconnect };
}

describe("LinkStep", () => {
  it("says goodbye and leaves", async () => {
    const { clock, broker, link, said } = createRig();
    void link.prepare(ORDER, 5000);
    await clock.run(0);
    expect([said(), broker.status().isPaused]).toEqual([["asleep"], true]);
  });

  it("waits for an attempt that is under way to say goodbye by it, and for a bounded part of its time", async () => {
    const { clock, broker, link, said, reconnect } = createRig();
    reconnect(1000);
    void link.prepare(ORDER, 5000);
    await clock.run(1100);
    expect([said(), broker.status().isPaused]).toEqual([["asleep"], true]);
    link.resume();
    reconnect();
    void link.prepare(ORDER, 5000);
    await clock.run(1900);
    expect(broker.status().isPaused).toBeUndefined();
    await clock.run(200);
    expect([said(), broker.status().isPaused]).toEqual([["asleep"], true]);
  });

  it("does not wait where there is no link and nobody tries, nor leaves once it has turned around", async () => {
    const { clock, broker, link, said, reconnect } = createRig();
    broker.disconnect();
    void link.prepare(ORDER, 5000);
    await clock.run(0);
    expect(broker.status().isPaused).toBe(true);
    link.resume();
    reconnect();
    void link.prepare(ORDER, 5000);
    await clock.run(500);
    link.resume();
    broker.connect();
    await clock.run(5000);
    expect([said(), broker.status().isPaused]).toEqual([[], undefined]);
  });

  it("has delivered only by a connection that lasts until all is out", async () => {
    const { clock, broker, outbox, link } = createRig();
    link.resume();
    await clock.run(100);
    broker.disconnect();
    await clock.run(1000);
    expect(link.isDelivered()).toBe(false);
    broker.connect();
    await clock.run(1000);
    expect(link.isDelivered()).toBe(false);
    outbox.isEmpty = true;
    await clock.run(100);
    expect(link.isDelivered()).toBe(true);
    link.stop();
    expect(clock.waiting()).toBe(0);
  });
});

describe("deliveryStep", () => {
  it("delivers by the connection that is being made, and gives up after a part of its time", async () => {
    const { clock, delivery, trace, reconnect } = createRig();
    reconnect(3000);
    void delivery.prepare(ORDER, 10_000);
    await clock.run(3100);
    expect(trace).toEqual(["deliver online"]);
    delivery.resume();
    reconnect();
    void delivery.prepare(ORDER, 10_000);
    await clock.run(3900);
    expect(trace).toHaveLength(1);
    await clock.run(200);
    expect(trace).toEqual(["deliver online", "deliver connecting"]);
  });
});
