import type { PowerConfig } from "../../config/power.ts";
import type { PowerBatteryConfig } from "../../config/power-battery.ts";
import type { PowerSleepConfig } from "../../config/power-sleep.ts";
import { isOnHost } from "../../drivers/can/controller.ts";
import { cpuMs } from "../../drivers/os/time-source.ts";
import type { PresenceParts } from "../cloud/presence.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { sleepHandlers } from "../local-api/sleep-handlers.ts";
import type { Journal } from "../ports/journal.ts";
import type { LatestSignals } from "../signals/latest-signals.ts";
import type { VehicleEvents } from "../vehicle/events/vehicle-events.ts";
import { BatteryGuard, type GuardLevel } from "../vehicle/sleep/battery-guard.ts";
import { BusEar } from "../vehicle/sleep/bus-ear.ts";
import { CheckInPlan } from "../vehicle/sleep/check-in-plan.ts";
import { CheckIns } from "../vehicle/sleep/check-ins.ts";
import { type Drained, deliveryStep, LinkStep } from "../vehicle/sleep/link-step.ts";
import { Parking } from "../vehicle/sleep/parking.ts";
import { ShoulderTaps } from "../vehicle/sleep/shoulder-taps.ts";
import { type KeeperSettings, SleepKeeper } from "../vehicle/sleep/sleep-keeper.ts";
import type { SleepPhase } from "../vehicle/sleep/sleep-line.ts";
import { SleepMemory } from "../vehicle/sleep/sleep-memory.ts";
import type { SleepStep } from "../vehicle/sleep/sleep-order.ts";
import { transmitRule } from "../vehicle/sleep/transmit-rule.ts";
import { type Wake, WakeAccount } from "../vehicle/sleep/wake-account.ts";
import { WakeBudget } from "../vehicle/sleep/wake-budget.ts";
import type { VehicleStates } from "../vehicle/state/vehicle-state.ts";
import { batterySignal } from "./configuration/battery-signal.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import type { DataLine, Runtime, Sleep, VehicleLine } from "./parts.ts";
import type { PowerPorts } from "./power-ports.ts";

export type SleepComposeParts = {
  readonly settings: PowerConfig;
  readonly sleep: PowerSleepConfig;
  readonly loaded: Pick<DaemonConfig, "config" | "locate">;
  readonly line: DataLine;
  readonly presence: PresenceParts;
  /** Undefined where the state of the vehicle is not known: then only orders send it to sleep, and wakes are in the log alone. */
  readonly vehicle: Pick<VehicleLine, "states" | "events" | "noteTrip"> | undefined;
  readonly journal: Journal;
  readonly ports: PowerPorts;
};

/** Without `wake.checkIns` there are none. */
const NO_CHECK_INS = { everyHours: Number.POSITIVE_INFINITY, maxMinutes: 10 } as const;
/** A vehicle whose state nobody knows. */
const UNKNOWN_STATES: VehicleStates = {
  now: () => ({ state: "parked", sinceMs: 0, why: "power.state is not configured" }),
  onChange: () => () => undefined,
  trip: () => undefined,
  isIgnitionOn: () => false,
};

/** The part of the composition root for sleep. Throws `config.invalid` for a signal of the battery that is not there. */
export function composeSleep(parts: SleepComposeParts, runtime: Runtime): Sleep {
  const { settings, sleep, line, presence, journal, ports, vehicle } = parts;
  const states = vehicle?.states ?? UNKNOWN_STATES;
  const { clock, log, random } = runtime;
  warnOfShortSession(parts, log);
  const memory = new SleepMemory(journal, log);
  const ear = new BusEar(clock, sleep.quietBusSeconds * 1000);
  const parking = new Parking({ clock, memory, currents: settings.battery?.currents, suspends: sleep.suspend });
  const guard = guardOf(parts, { parking, memory, states }, runtime);
  const plan = new CheckInPlan(planOf(settings, random()));
  const checkIns = new CheckIns({ plan, alarm: ports.alarm, clock, log });
  const drained: Drained = (signal) => line.publisher.drained(signal);
  const link = new LinkStep({ presence, drained, nextCheckInAtUs: () => checkIns.nextUs() });
  const budget = new WakeBudget(settings.wake?.wakesPerDay, { clock, log, memory });
  const losses = line.buses.map(({ bus }) => ({ bus: bus.name, lost: () => bus.counters().dropped }));
  const wakes = new WakeAccount({
    sources: ports.sources,
    ear,
    losses,
    budget,
    onWake: (wake) => {
      if (wake.isCheckIn) parking.noteCheckIn();
      guard.keep();
      if (vehicle !== undefined) tellWake(wake, vehicle.events, journal, log);
    },
    clock,
    log,
  });
  const keeper = new SleepKeeper({
    steps: [...collectingSteps(line, vehicle), deliveryStep({ broker: presence.broker, clock, drained }), link],
    senses: {
      states,
      power: ports.power,
      ear,
      level: (phase) => guard.look(phase),
      isDelivered: () => link.isDelivered(),
      store: () => line.pipeline.flush(),
      clocks: { steps: line.vehicle.steps, cpuMs },
    },
    checkIns,
    wakes,
    settings: keeperSettings(parts),
    clock,
    log,
  });
  const taps = new ShoulderTaps({ taps: ports.taps, checkIn: (name) => keeper.tap(name), clock, log });
  return {
    keeper,
    besides: (bus, next) => ear.besides(bus, next),
    mayTransmit: transmitRule({
      phase: () => keeper.line.phase(),
      isIgnitionOn: () => states.isIgnitionOn(),
      silentMs: (bus) => silentMs({ line, ear, keeper }, bus, clock.monotonicMs()),
      quietMs: sleep.quietBusSeconds * 1000,
      wakes: sleep.wakesBuses,
    }),
    service: {
      name: "sleep",
      start: async () => {
        await keeper.start();
        taps.start();
      },
      stop: async () => {
        await taps.stop();
        link.stop();
        await keeper.stop();
        guard.keep();
      },
    },
    verbs: sleepHandlers(keeper, log),
    status: () => {
      const nextUs = checkIns.wouldBeUs(keeper.level);
      const fault = ports.power.fault();
      return {
        phase: keeper.line.phase(),
        sleepsInMs: keeper.sleepsInMs(),
        against: keeper.against(),
        nextCheckIn: nextUs === undefined ? undefined : new Date(nextUs / 1000).toISOString(),
        wakes: budget.today(),
        level: keeper.level,
        cost: parking.cost(),
        taps: taps.counts(),
        cannotWake: cannotWake(parts),
        fault: fault === undefined ? undefined : { code: fault.code, what: fault.message, remedy: fault.remedy },
      };
    },
  };
}

/** What a broker forgets while the vehicle sleeps, the vehicle never gets. */
function warnOfShortSession({ settings, loaded: { config } }: SleepComposeParts, log: Log): void {
  const everyHours = settings.wake?.checkIns?.everyHours;
  if (everyHours === undefined) return;
  const longestHours = Math.max(everyHours, settings.battery?.checkInEveryHours ?? 0);
  const { sessionExpirySeconds } = config.broker;
  if (sessionExpirySeconds >= longestHours * 3600) return;
  const what = `broker.sessionExpirySeconds is ${sessionExpirySeconds}, and ${longestHours} h are planned between two check-ins`;
  const remedy = "set it to that at least: the broker forgets commands that wait for the vehicle otherwise";
  log.warn("sleep.session-too-short", { what, remedy });
}

/** As an event of the vehicle. What the journal does not take is in the log alone. */
function tellWake(wake: Wake, events: VehicleEvents, journal: Journal, log: Log): void {
  const { atUs: timeUs, cause, buses, sleptMs, suspendedMs, unplanned, most, isCheckIn, isOverBudget } = wake;
  const rounded = buses.map(({ bus, first, lost }) => ({
    bus,
    first: first === undefined ? undefined : { ...first, afterMs: Math.round(first.afterMs) },
    lost,
  }));
  const times = { timeUs: Math.round(timeUs), sleptMs: Math.round(sleptMs), suspendedMs: Math.round(suspendedMs) };
  const told = { kind: "wake", cause: cause.kind, name: cause.name, isCheckIn, isOverBudget } as const;
  try {
    events.handOver(journal.atomically(() => events.add([{ ...told, ...times, buses: rounded, unplanned, most }])));
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    log.warn("sleep.wake-not-told", { code: thrown.code, what: thrown.message });
  }
}

type CollectingLine = {
  readonly pipeline: Pick<DataLine["pipeline"], "closeWindows">;
  readonly campaigns: Pick<DataLine["campaigns"], "snapshotBeforeSleep">;
};

/** The steps before the link is left. */
export function collectingSteps(
  { pipeline, campaigns }: CollectingLine,
  vehicle: Pick<VehicleLine, "noteTrip"> | undefined,
): readonly SleepStep[] {
  const nothing = (): void => undefined;
  return [
    { name: "trip", prepare: async () => vehicle?.noteTrip(), resume: nothing },
    {
      name: "windows",
      prepare: async () => {
        campaigns.snapshotBeforeSleep();
        pipeline.closeWindows();
      },
      resume: nothing,
    },
  ];
}

function keeperSettings({ settings, sleep, vehicle }: SleepComposeParts): KeeperSettings {
  return {
    afterMs: vehicle === undefined ? undefined : sleep.afterSeconds * 1000,
    minAwakeMs: sleep.minAwakeSeconds * 1000,
    budgetMs: sleep.budgetMs,
    hurryMs: sleep.hurryMs,
    suspends: sleep.suspend,
    checkInMs: (settings.wake?.checkIns ?? NO_CHECK_INS).maxMinutes * 60_000,
  };
}

function planOf({ wake, battery }: PowerConfig, spread: number): ConstructorParameters<typeof CheckInPlan>[0] {
  const { everyHours, window } = { window: undefined, ...(wake?.checkIns ?? NO_CHECK_INS) };
  return { everyHours, savingEveryHours: battery?.checkInEveryHours ?? everyHours, window, spread };
}

/** CAN interfaces of this machine whose controller must not wake it; undefined where nobody suspends it, or none is known to be so. */
function cannotWake({ sleep, loaded: { config }, ports }: SleepComposeParts): readonly string[] | undefined {
  if (!sleep.suspend) return undefined;
  const interfaces = config.buses.filter(isOnHost).map((bus) => bus.interface);
  const asleep = interfaces.filter((name) => ports.sources.canWake(name) === false);
  return asleep.length === 0 ? undefined : asleep;
}

/** The guard with the newest voltage. */
function guardOf(
  { settings: { battery }, loaded, line }: SleepComposeParts,
  {
    parking,
    memory,
    states,
  }: { readonly parking: Parking; readonly memory: SleepMemory; readonly states: VehicleStates },
  { clock }: Runtime,
): { look(phase: SleepPhase): GuardLevel; keep(): void } {
  const guard = new BatteryGuard(battery, memory.parking()?.byVolts);
  const newestVolts = battery === undefined ? () => undefined : voltsOf(battery, loaded, line.vehicle.signals);
  return {
    look: (phase) => {
      const isDriving = states.now().state === "driving";
      parking.look({ isDriving, isAsleep: phase === "asleep", sentBytes: line.publisher.counters().deliveredBytes });
      return guard.look({ nowMs: clock.monotonicMs(), volts: newestVolts(), isDriving, parkedMs: parking.parkedMs });
    },
    keep: () => parking.keep(guard.byVolts),
  };
}

/** The voltage, once for each time that it comes. */
function voltsOf(
  battery: PowerBatteryConfig,
  loaded: Pick<DaemonConfig, "locate">,
  signals: LatestSignals,
): () => number | undefined {
  const signal = batterySignal(battery, loaded, signals);
  if (signal === undefined) return () => undefined;
  signals.hold("battery guard", [signal]);
  let seenUs = Number.NEGATIVE_INFINITY;
  return () => {
    const reading = signals.read(signal);
    if (reading === undefined || reading.timeUs === seenUs) return undefined;
    seenUs = reading.timeUs;
    const volts = Number(reading.value);
    return Number.isFinite(volts) ? volts : undefined;
  };
}

type WakeHearing = { readonly line: DataLine; readonly ear: BusEar; readonly keeper: SleepKeeper };

/** What was heard in the sleep counts on: a bus does not fall silent by a wake. */
function silentMs({ line, ear, keeper }: WakeHearing, bus: string, nowMs: number): number {
  const lastMs = line.pipeline.counters().buses.get(bus)?.lastFrameMs;
  if (lastMs === undefined) return 0;
  return lastMs < keeper.awakeSinceMs ? ear.sinceFrameMs(bus) : nowMs - lastMs;
}
