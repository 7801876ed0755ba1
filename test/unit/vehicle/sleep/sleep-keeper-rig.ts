import { FrameBatch } from "../../../../agent/ports/frame.ts";
import type { GuardLevel } from "../../../../agent/vehicle/sleep/battery-guard.ts";
import { BusEar } from "../../../../agent/vehicle/sleep/bus-ear.ts";
import { CheckInPlan } from "../../../../agent/vehicle/sleep/check-in-plan.ts";
import { CheckIns } from "../../../../agent/vehicle/sleep/check-ins.ts";
import { SleepKeeper } from "../../../../agent/vehicle/sleep/sleep-keeper.ts";
import { SleepMemory } from "../../../../agent/vehicle/sleep/sleep-memory.ts";
import type { SleepStep } from "../../../../agent/vehicle/sleep/sleep-order.ts";
import { type Wake, WakeAccount } from "../../../../agent/vehicle/sleep/wake-account.ts";
import { WakeBudget } from "../../../../agent/vehicle/sleep/wake-budget.ts";
import { ClockSteps } from "../../../../agent/vehicle/time/clock-steps.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";
import { FakePowerManager } from "../../../fakes/ports/power-manager.ts";
import { FakeWakeAlarm } from "../../../fakes/ports/wake-alarm.ts";
import { FakeWakeSources } from "../../../fakes/ports/wake-sources.ts";
import { FakeVehicleStates } from "../../../fakes/vehicle/vehicle-states.ts";

type Rig = { wakesPerDay?: number; suspends?: boolean; everyHours?: number; stepMs?: number };

/** One that keeps the vehicle awake or asleep, started, with what it senses and does in the hands of a test. */
export async function createRig({ wakesPerDay, suspends = false, everyHours = 24, stepMs = 100 }: Rig = {}) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const memory = new SleepMemory(new FakeJournal({ clock }), log);
  const states = new FakeVehicleStates();
  const power = new FakePowerManager();
  const alarm = new FakeWakeAlarm(clock);
  const sources = new FakeWakeSources();
  const ear = new BusEar(clock, 5000);
  const wakes: Wake[] = [];
  const trace: string[] = [];
  /** What was asked of the system so far, each time that memory was stored. */
  const stored: { readonly lock: string; readonly suspends: number }[] = [];
  const world: { level: GuardLevel; isDelivered: boolean; lost: number } = {
    level: "normal",
    isDelivered: false,
    lost: 0,
  };
  const step: SleepStep = {
    name: "link",
    prepare: async ({ kind }) => {
      trace.push(`sleep: ${kind}`);
      await clock.sleep(stepMs);
    },
    resume: () => void trace.push("resume"),
  };
  const sink = ear.besides("can0", { onFrames: () => undefined, onState: () => undefined });
  const checkIns = new CheckIns({
    plan: new CheckInPlan({ everyHours, savingEveryHours: 72, window: undefined, spread: 0 }),
    alarm,
    clock,
    log,
  });
  const budget = new WakeBudget(wakesPerDay, { clock, log, memory });
  const account = new WakeAccount({
    sources,
    ear,
    losses: [{ bus: "can0", lost: () => world.lost }],
    budget,
    onWake: (wake) => wakes.push(wake),
    clock,
    log,
  });
  const steps = new ClockSteps(clock);
  const stopLooking = steps.watch();
  const keeper = new SleepKeeper({
    steps: [step],
    senses: {
      states,
      power,
      ear,
      level: () => world.level,
      isDelivered: () => world.isDelivered,
      store: () => void stored.push({ lock: power.lock, suspends: power.suspends }),
      clocks: { steps, cpuMs: () => 0 },
    },
    checkIns,
    wakes: account,
    settings: { afterMs: 30_000, minAwakeMs: 20_000, budgetMs: 15_000, hurryMs: 1500, suspends, checkInMs: 600_000 },
    clock,
    log,
  });
  await keeper.start();
  const frame = (id: number): void => {
    const batch = new FrameBatch(1);
    batch.push(id, 0, Uint8Array.of(1), clock.wallUs());
    sink.onFrames(batch);
  };
  /** Asleep by an order of the system, which suspends then. */
  const suspend = async (ms: number): Promise<void> => {
    power.order("suspend");
    await clock.run(200);
    clock.suspend(ms);
  };
  const stop = async (): Promise<void> => {
    await keeper.stop();
    stopLooking();
  };
  return {
    clock,
    log,
    states,
    power,
    alarm,
    sources,
    wakes,
    trace,
    stored,
    world,
    keeper,
    checkIns,
    budget,
    frame,
    suspend,
    stop,
  };
}
