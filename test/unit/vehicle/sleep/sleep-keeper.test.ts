import { describe, expect, it } from "vitest";
import { createRig } from "./sleep-keeper-rig.ts";

const HOUR_MS = 3_600_000;

describe("SleepKeeper", () => {
  it("goes to sleep when asleep-soon has lasted, says how long that takes, and asks for suspend where it is to", async () => {
    const { clock, states, power, keeper, trace, stored } = await createRig({ suspends: true });
    await clock.run(60_000);
    expect([keeper.sleepsInMs(), trace]).toEqual([undefined, []]);
    states.enter("asleep-soon", clock.monotonicMs());
    await clock.run(10_000);
    expect(keeper.sleepsInMs()).toBe(20_000);
    await clock.run(22_000);
    expect(trace).toEqual(["sleep: asleep-soon"]);
    expect([keeper.line.phase(), power.suspends]).toEqual(["asleep", 1]);
    // What came while it went to sleep is on the disk.
    expect(stored).toEqual([{ lock: "held", suspends: 0 }]);
  });

  it("waits for what is under way, but not with a battery that is guarded", async () => {
    const { clock, states, keeper, world } = await createRig();
    keeper.addHold(() => "an update is under way: install");
    states.enter("asleep-soon", clock.monotonicMs());
    await clock.run(120_000);
    expect(keeper.line.phase()).toBe("awake");
    expect(keeper.against()).toEqual(["an update is under way: install"]);
    world.level = "guarded";
    await clock.run(2000);
    expect(keeper.line.phase()).toBe("asleep");
  });

  it("does not send a vehicle to sleep that drives, however weak its battery", async () => {
    const { clock, states, keeper, world } = await createRig();
    world.level = "guarded";
    states.enter("driving", clock.monotonicMs());
    await clock.run(120_000);
    expect(keeper.line.phase()).toBe("awake");
    expect(keeper.against()).toEqual(["the vehicle is driving: the test says so"]);
  });

  it.each([
    ["suspend", 4500],
    ["shutdown", 4500],
    ["power-button", 1500],
    ["low-supply", 1500],
  ] as const)("is ready for %s within %d ms whatever steps do, and lets the lock go then", async (kind, withinMs) => {
    const { clock, power, keeper } = await createRig({ stepMs: 1e9 });
    power.order(kind);
    await clock.run(withinMs / 2 - 1);
    expect([power.lock, keeper.line.phase()]).toEqual(["held", "going"]);
    await clock.run(withinMs / 2 + 1);
    expect([power.lock, keeper.line.phase()]).toEqual(["released", "asleep"]);
  });

  it("comes up with the machine at once, says who woke it, what was lost and what was heard first", async () => {
    const { clock, power, sources, trace, wakes, world, frame, suspend } = await createRig();
    sources.wake("can0", "can");
    await clock.run(60_000);
    await suspend(3 * HOUR_MS);
    sources.wake("can0", "can");
    world.lost = 3;
    frame(0x123);
    power.wake();
    expect(trace).toEqual(["sleep: suspend", "resume"]);
    await clock.run(1000);
    expect(wakes).toMatchObject([
      {
        cause: { kind: "can", name: "can0" },
        isCheckIn: false,
        suspendedMs: 3 * HOUR_MS,
        buses: [{ bus: "can0", first: { id: 0x123, extended: false, afterMs: 0 }, lost: 3 }],
        unplanned: 1,
        isOverBudget: false,
      },
    ]);
    await clock.run(10_000);
    expect(trace).toHaveLength(2);
    expect(wakes).toHaveLength(1);
  });

  it("finds a wake that nobody tells of by the clocks, within a second, and acts on it once", async () => {
    const { clock, trace, wakes } = await createRig();
    await clock.run(60_000);
    clock.suspend(HOUR_MS);
    await clock.run(250);
    expect(trace).toEqual(["resume"]);
    await clock.run(5000);
    expect(trace).toEqual(["resume"]);
    expect(wakes).toMatchObject([{ cause: { kind: "unknown" }, sleptMs: HOUR_MS }]);
  });

  it("finds the bus that woke it where its frame is read after the clocks, and counts it for that bus", async () => {
    const { clock, wakes, budget, frame, suspend } = await createRig();
    await clock.run(60_000);
    await suspend(HOUR_MS);
    await clock.run(250);
    expect(budget.today()).toMatchObject({ unplanned: 1, counts: { unknown: 1 } });
    frame(0x123);
    await clock.run(1000);
    expect(wakes).toMatchObject([{ cause: { kind: "can", name: "can0" }, unplanned: 1 }]);
    expect(budget.today()).toEqual({ unplanned: 1, most: undefined, counts: { "can can0": 1 } });
  });

  it("comes up anew after the process was stopped, which wakes nobody", async () => {
    const { clock, trace, wakes } = await createRig();
    await clock.run(1000);
    clock.stall(5000);
    await clock.run(1000);
    expect([trace, wakes]).toEqual([["resume"], []]);
  });

  it("stays awake for a while after a wake, and then sleeps again as the vehicle still does", async () => {
    const { clock, power, states, sources, keeper, suspend } = await createRig();
    states.enter("asleep-soon", clock.monotonicMs());
    await clock.run(10_000);
    await suspend(HOUR_MS);
    sources.wake("modem", "modem");
    power.wake();
    await clock.run(19_000);
    expect(keeper.line.phase()).toBe("awake");
    expect(keeper.against()).toEqual(["it has been awake for less than 20 s"]);
    await clock.run(3000);
    expect(keeper.line.phase()).toBe("asleep");
  });

  it("checks in when the alarm wakes it: until all is delivered, then it sleeps again with the next alarm set", async () => {
    const { clock, power, sources, alarm, keeper, trace, world, wakes, suspend } = await createRig();
    await clock.run(60_000);
    await suspend(24 * HOUR_MS - 5000);
    expect(alarm.atUs).toBeGreaterThan(clock.wallUs());
    clock.suspend(6000);
    sources.wake("rtc0", "rtc");
    power.wake();
    expect(keeper.line.phase()).toBe("checking-in");
    await clock.run(60_000);
    expect(keeper.line.phase()).toBe("checking-in");
    world.isDelivered = true;
    await clock.run(2000);
    expect(keeper.line.phase()).toBe("asleep");
    expect(trace).toEqual(["sleep: suspend", "resume", "sleep: asleep-soon"]);
    expect(wakes).toMatchObject([{ cause: { kind: "rtc" }, isCheckIn: true, unplanned: 0 }]);
    expect(((alarm.atUs ?? 0) - clock.wallUs()) / 1000).toBeGreaterThan(23.9 * HOUR_MS);
  });

  it("ends a check-in that gets nowhere, and makes it a wake like any other when somebody drives", async () => {
    const { clock, power, sources, states, keeper, trace, suspend } = await createRig();
    await clock.run(60_000);
    await suspend(24 * HOUR_MS);
    sources.wake("rtc0", "rtc");
    power.wake();
    await clock.run(599_000);
    expect(keeper.line.phase()).toBe("checking-in");
    await clock.run(2000);
    expect(keeper.line.phase()).toBe("asleep");
    await suspend(24 * HOUR_MS);
    sources.wake("rtc0", "rtc");
    await clock.run(1000);
    expect(keeper.line.phase()).toBe("checking-in");
    trace.length = 0;
    states.enter("driving", clock.monotonicMs());
    expect([keeper.line.phase(), trace]).toEqual(["awake", []]);
  });

  it("checks in by its own timer where nobody suspends the machine", async () => {
    const { clock, keeper, wakes } = await createRig({ everyHours: 1 });
    await clock.run(60_000);
    void keeper.sleepNow();
    await clock.run(HOUR_MS - 10_000);
    expect(keeper.line.phase()).toBe("asleep");
    await clock.run(11_000);
    expect(keeper.line.phase()).toBe("checking-in");
    expect(wakes).toMatchObject([{ cause: { kind: "rtc", name: "plan" }, suspendedMs: 0 }]);
  });

  it("wakes for the ignition, and for a bus that speaks after it was quiet, where the machine was not suspended", async () => {
    const { clock, keeper, states, frame, wakes } = await createRig();
    void keeper.sleepNow();
    await clock.run(2000);
    frame(0x100);
    await clock.run(2000);
    expect(keeper.line.phase()).toBe("asleep");
    await clock.run(5000);
    frame(0x7ff);
    await clock.run(2500);
    expect(keeper.line.phase()).toBe("awake");
    void keeper.sleepNow();
    await clock.run(2000);
    states.enter("driving", clock.monotonicMs());
    expect(keeper.line.phase()).toBe("awake");
    await clock.run(2000);
    expect(wakes.map(({ cause }) => cause)).toEqual([
      { kind: "can", name: "can0" },
      { kind: "other", name: "ignition" },
    ]);
    expect(wakes[0]?.buses[0]?.first).toMatchObject({ id: 0x7ff });
  });

  it("checks in when it is tapped asleep, and is not moved by it awake", async () => {
    const { clock, states, keeper, wakes, world } = await createRig();
    keeper.tap("SMS");
    expect(keeper.line.phase()).toBe("awake");
    states.enter("asleep-soon", clock.monotonicMs());
    await clock.run(33_000);
    expect(keeper.line.phase()).toBe("asleep");
    keeper.tap("SMS");
    await clock.run(1100);
    expect(keeper.line.phase()).toBe("checking-in");
    expect(wakes).toMatchObject([{ cause: { kind: "modem", name: "SMS" }, isCheckIn: true }]);
    world.isDelivered = true;
    await clock.run(25_000);
    expect(keeper.line.phase()).toBe("asleep");
  });

  it("turns around for a tap on its way to sleep, stays awake for a while as after a wake, and sleeps again", async () => {
    const { clock, states, alarm, keeper, trace, world } = await createRig({ stepMs: 2000 });
    // Of a check-in before.
    world.isDelivered = true;
    states.enter("asleep-soon", clock.monotonicMs());
    await clock.run(31_000);
    expect(keeper.line.phase()).toBe("going");
    keeper.tap("SMS");
    await clock.run(3000);
    expect([keeper.line.phase(), trace, alarm.atUs]).toEqual(["awake", ["sleep: asleep-soon", "resume"], undefined]);
    await clock.run(15_000);
    expect(keeper.line.phase()).toBe("awake");
    await clock.run(6000);
    expect(keeper.line.phase()).toBe("asleep");
  });

  it("does not stay awake for long when it is about to sleep, on the way, asleep, or checking in", async () => {
    const { clock, states, power, sources, keeper, suspend } = await createRig();
    const seen = [keeper.staysAwake()];
    states.enter("asleep-soon", clock.monotonicMs());
    await clock.run(19_000);
    seen.push(keeper.staysAwake());
    await clock.run(2000);
    seen.push(keeper.staysAwake());
    await suspend(24 * HOUR_MS);
    seen.push(keeper.staysAwake());
    sources.wake("rtc0", "rtc");
    power.wake();
    expect(keeper.line.phase()).toBe("checking-in");
    expect([...seen, keeper.staysAwake()]).toEqual([true, true, false, false, false]);
  });

  it("asks for suspend again while nothing comes of it, but not of a machine that somebody else sends down", async () => {
    const { clock, power, states, keeper } = await createRig({ suspends: true });
    states.enter("asleep-soon", clock.monotonicMs());
    power.trouble = "power.denied";
    await clock.run(32_000);
    expect([keeper.line.phase(), power.suspends]).toEqual(["asleep", 0]);
    power.trouble = undefined;
    await clock.run(62_000);
    expect(power.suspends).toBe(1);
    clock.suspend(HOUR_MS);
    await clock.run(1000);
    expect(keeper.line.phase()).toBe("awake");
    power.order("shutdown");
    await clock.run(600_000);
    expect([keeper.line.phase(), power.suspends]).toEqual(["asleep", 1]);
  });

  it("knows who woke it right away, before the clocks can tell that it was suspended", async () => {
    const { clock, power, sources, wakes, suspend } = await createRig();
    sources.wake("LNXPWRBN:00", "button");
    sources.suspended = 4;
    await clock.run(60_000);
    await suspend(0);
    sources.wake("LNXPWRBN:00", "button");
    sources.suspended = 5;
    power.wake();
    await clock.run(1000);
    expect(wakes).toMatchObject([{ cause: { kind: "button", name: "LNXPWRBN:00" }, suspendedMs: 0 }]);
  });

  it("believes no counter that moved on a machine that ran all the time", async () => {
    const { clock, keeper, sources, frame, wakes } = await createRig();
    void keeper.sleepNow();
    await clock.run(10_000);
    sources.wake("usb1", "usb");
    frame(0x7ff);
    await clock.run(2500);
    expect(wakes).toMatchObject([{ cause: { kind: "can", name: "can0" }, suspendedMs: 0 }]);
  });

  it("does not come up for more wakes than the day has, but for the alarm and the ignition, and says so once", async () => {
    const { clock, log, power, sources, states, keeper, trace, wakes, suspend } = await createRig({
      wakesPerDay: 2,
      suspends: true,
    });
    await clock.run(60_000);
    for (let wake = 0; wake < 4; wake++) {
      await suspend(HOUR_MS);
      sources.wake("can0", "can");
      power.wake();
      await clock.run(25_000);
      if (wake < 2) expect(keeper.line.phase()).toBe("awake");
    }
    expect(keeper.line.phase()).toBe("asleep");
    expect(trace.filter((entry) => entry === "resume")).toHaveLength(2);
    expect(wakes.map(({ isOverBudget }) => isOverBudget)).toEqual([false, false, true, true]);
    expect(power.suspends).toBe(2);
    expect(log.of("sleep.wake-budget-spent").map(({ facts }) => facts)).toEqual([
      { wakes: 3, most: 2, causes: "can can0: 3" },
    ]);
    await suspend(HOUR_MS);
    sources.wake("can0", "can");
    power.wake();
    states.enter("driving", clock.monotonicMs());
    expect(keeper.line.phase()).toBe("awake");
  });

  it("turns around when somebody drives off on the way to sleep", async () => {
    const { clock, keeper, states, trace, wakes } = await createRig();
    const report = keeper.sleepNow();
    await clock.run(50);
    states.enter("driving", clock.monotonicMs());
    expect((await report).outcome).toBe("turned-back");
    expect([keeper.line.phase(), trace, wakes]).toEqual(["awake", ["sleep: asked", "resume"], []]);
  });

  it("ends in the middle of everything without a timer left behind", async () => {
    const { clock, keeper, stop } = await createRig({ stepMs: 100 });
    void keeper.sleepNow();
    await clock.run(50);
    await stop();
    await clock.run(20_000);
    expect(clock.waiting()).toBe(0);
  });
});
