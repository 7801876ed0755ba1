import { type Clock, LEAST_SUSPENDED_MS, suspendedMsOf } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { PowerManager, PowerOrder } from "../../ports/power-manager.ts";
import type { WakeCause } from "../../ports/wake-sources.ts";
import type { StateReading, VehicleStates } from "../state/vehicle-state.ts";
import type { GuardLevel } from "./battery-guard.ts";
import type { BusEar } from "./bus-ear.ts";
import type { CheckIns } from "./check-ins.ts";
import { type SleepPhase, VehicleSleep } from "./sleep-line.ts";
import type { SleepOrder, SleepReport, SleepStep } from "./sleep-order.ts";
import { type SleepWatchParts, type SleptTime, watchForSleep } from "./sleep-watch.ts";
import { SuspendRequests } from "./suspend-requests.ts";
import type { WakeAccount } from "./wake-account.ts";

const LOOK_MS = 1000;
/** One that sleeps by itself within this time is about to, ms: a new connection would hardly be there before. */
const ABOUT_TO_MS = 10_000;

export type KeeperSettings = {
  /** How long "asleep-soon" lasts before it goes to sleep by itself; undefined never. */
  readonly afterMs: number | undefined;
  readonly minAwakeMs: number;
  readonly budgetMs: number;
  readonly hurryMs: number;
  /** Whether it asks for suspend when it is ready, and again until the machine is suspended. */
  readonly suspends: boolean;
  readonly checkInMs: number;
};

/** Who says what the vehicle and its power do. */
export type KeeperSenses = {
  readonly states: VehicleStates;
  readonly power: PowerManager;
  readonly ear: BusEar;
  /** What the battery allows; looked at once a second. */
  readonly level: (phase: SleepPhase) => GuardLevel;
  /** Whether the broker has all that waits, and has been asked for what waits there. */
  readonly isDelivered: () => boolean;
  /** Stores what is in memory: a suspend may end with an empty battery. */
  readonly store: () => void;
  readonly clocks: SleepWatchParts;
};

export type SleepKeeperParts = {
  readonly steps: readonly SleepStep[];
  readonly senses: KeeperSenses;
  readonly checkIns: CheckIns;
  readonly wakes: WakeAccount;
  readonly settings: KeeperSettings;
  readonly clock: Clock;
  readonly log: Log;
};

/** Decides when the vehicle sleeps and wakes, and takes it there. */
export class SleepKeeper {
  readonly line: VehicleSleep;
  readonly #parts: SleepKeeperParts;
  readonly #steps: SleepStep[];
  readonly #holds: (() => string | undefined)[] = [];
  readonly #stops: (() => void)[] = [];
  readonly #suspends: SuspendRequests;
  #awakeSinceMs: number;
  /** Suspended time that is accounted for. */
  #suspendedMs: number;
  #level: GuardLevel = "normal";
  /** Woken too often today: until then (monotonic ms) frames are collected, and that is all; undefined otherwise. */
  #sleepsOnAtMs: number | undefined;
  #isStopped = false;

  constructor(parts: SleepKeeperParts) {
    const { steps, checkIns, clock, log } = parts;
    this.#parts = parts;
    this.#suspends = new SuspendRequests({ power: { suspend: () => this.#suspend() }, clock, log });
    this.#awakeSinceMs = clock.monotonicMs();
    this.#suspendedMs = suspendedMsOf(clock);
    this.#steps = [...steps, checkIns];
    this.line = new VehicleSleep({
      steps: this.#steps,
      clock,
      log,
      onPhase: (phase, before) => this.#moved(phase, before),
    });
  }

  get level(): GuardLevel {
    return this.#level;
  }

  /** Monotonic ms of the last wake, or of the start. */
  get awakeSinceMs(): number {
    return this.#awakeSinceMs;
  }

  /** Asked before it goes to sleep by itself: what it has to wait for, for people; undefined where nothing. */
  addHold(hold: () => string | undefined): void {
    this.#holds.push(hold);
  }

  /** Puts a step before all others. Call it before `start`. */
  addFirstStep(step: SleepStep): void {
    this.#steps.unshift(step);
  }

  async start(): Promise<void> {
    const { senses, clock, log } = this.#parts;
    this.#stops.push(
      senses.states.onChange((reading, before) => this.#noteState(reading, before)),
      watchForSleep(senses.clocks, (slept) => this.#noteSlept(slept)),
      clock.every(LOOK_MS, () => this.#look()),
    );
    try {
      await senses.power.start({ onOrder: (order) => void this.#obey(order), onWake: () => this.#noteBack() });
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      log.warn("sleep.no-orders", { code: thrown.code, what: thrown.message, remedy: thrown.remedy });
    }
  }

  /** A way to sleep under way is left as it is: the process ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#parts.wakes.stop();
    for (const stop of this.#stops.splice(0)) stop();
    await this.#parts.senses.power.stop();
  }

  /** What stands against going to sleep at this moment, for people. */
  against(): readonly string[] {
    const { senses, settings, clock } = this.#parts;
    const { state, why } = senses.states.now();
    const restMs = this.#awakeSinceMs + settings.minAwakeMs - clock.monotonicMs();
    return [
      ...(state === "driving" ? [`the vehicle is driving: ${why}`] : []),
      ...(restMs > 0 ? [`it has been awake for less than ${settings.minAwakeMs / 1000} s`] : []),
      ...this.#holds.flatMap((hold) => hold() ?? []),
    ];
  }

  /** Time until it goes to sleep by itself as things are, ms; undefined when it does not. */
  sleepsInMs(): number | undefined {
    const { senses, settings, clock } = this.#parts;
    const { state, sinceMs } = senses.states.now();
    if (settings.afterMs === undefined || state !== "asleep-soon" || this.line.phase() !== "awake") return undefined;
    const dueMs = Math.max(sinceMs + settings.afterMs, this.#awakeSinceMs + settings.minAwakeMs);
    return Math.max(0, dueMs - clock.monotonicMs());
  }

  /** Time until a check-in ends whatever has to be waited for, ms; undefined where it does not check in. */
  checkInLeftMs(): number | undefined {
    if (this.line.phase() !== "checking-in") return undefined;
    return Math.max(0, this.#awakeSinceMs + this.#parts.settings.checkInMs - this.#parts.clock.monotonicMs());
  }

  /** Whether it is awake, and not about to sleep by itself. */
  staysAwake(): boolean {
    return this.line.phase() === "awake" && (this.sleepsInMs() ?? Number.POSITIVE_INFINITY) > ABOUT_TO_MS;
  }

  /** Somebody asks for sleep now; `isHurry`: the supply is low, and there is little time. */
  sleepNow(isHurry = false): Promise<SleepReport> {
    const { budgetMs, hurryMs } = this.#parts.settings;
    return this.#sleep(isHurry ? { kind: "low-supply", withinMs: hurryMs } : { kind: "asked", withinMs: budgetMs });
  }

  /** Somebody outside asks for a check-in now: one that sleeps wakes for it, one on its way to sleep turns around and is awake. */
  tap(name: string): void {
    const phase = this.line.phase();
    if (phase === "going") this.line.wake();
    else if (phase === "asleep") this.#wake({ kind: "modem", name }, "tap");
  }

  /** Once a second: timers do not run in suspend, and what fell due in it is looked at here. */
  #look(): void {
    const { senses, settings, checkIns, clock } = this.#parts;
    this.#level = senses.level(this.line.phase());
    const phase = this.line.phase();
    if (phase === "asleep") {
      void checkIns.look();
      if (checkIns.isDue()) this.#wake(undefined);
      else if (this.#sleepsOnAtMs !== undefined) this.#sleepOn(this.#sleepsOnAtMs);
      else if (senses.ear.firstFrames().size > 0) this.#wake(undefined);
      else void this.#suspends.look();
      return;
    }
    if (phase === "going" || this.#awakeSinceMs + settings.minAwakeMs > clock.monotonicMs()) return;
    if (phase === "checking-in" ? this.#hasCheckedIn() : this.#isBedtime()) {
      void this.#sleep({ kind: "asleep-soon", withinMs: settings.budgetMs });
    }
  }

  /** A weak battery does not wait for anybody but a person who drives. */
  #isBedtime(): boolean {
    const isDriving = this.#parts.senses.states.now().state === "driving";
    if (this.#level === "guarded" && !isDriving) return true;
    return this.sleepsInMs() === 0 && this.#holds.every((hold) => hold() === undefined);
  }

  #hasCheckedIn(): boolean {
    const { senses, settings, clock } = this.#parts;
    const isOver = clock.monotonicMs() - this.#awakeSinceMs >= settings.checkInMs;
    if (this.#level === "guarded") return isOver || senses.isDelivered();
    return (isOver || senses.isDelivered()) && this.#holds.every((hold) => hold() === undefined);
  }

  async #obey({ kind }: PowerOrder): Promise<void> {
    const { senses, wakes, settings } = this.#parts;
    if (this.line.phase() === "asleep") wakes.begin();
    const isHurry = kind === "power-button" || kind === "low-supply";
    const withinMs = Math.min(isHurry ? settings.hurryMs : settings.budgetMs, senses.power.delayMs());
    await this.line.goToSleep({ kind, withinMs });
    if (this.#isStopped) return;
    senses.store();
    senses.power.release();
  }

  #suspend(): Promise<void> {
    const { senses } = this.#parts;
    senses.store();
    return senses.power.suspend();
  }

  async #sleep(order: SleepOrder): Promise<SleepReport> {
    const { settings } = this.#parts;
    const report = await this.line.goToSleep(order);
    if (report.outcome !== "ready" || !settings.suspends || this.#isStopped || this.line.phase() !== "asleep") {
      return report;
    }
    await this.#suspends.begin();
    return report;
  }

  #noteState({ state }: StateReading, before: StateReading): void {
    const phase = this.line.phase();
    if (state === "driving" && phase === "checking-in") this.line.stay();
    else if (state === "driving" && phase !== "awake") this.#wake({ kind: "other", name: "ignition" });
    else if (before.state === "asleep-soon" && (phase === "going" || phase === "asleep")) this.#wake(undefined);
  }

  #noteSlept({ kind, ms }: SleptTime): void {
    const { log } = this.#parts;
    if (kind === "suspended") {
      // Told twice of one wake it acts once.
      if (this.#hasSlept()) this.#wake(undefined);
      return;
    }
    log.warn("sleep.process-stopped", { stoppedMs: Math.round(ms) });
    if (this.line.phase() !== "asleep") this.line.wake(this.line.phase() === "checking-in" ? "checking-in" : "awake");
  }

  /** The machine is up again, or what it was about to do came to nothing. */
  #noteBack(): void {
    const phase = this.line.phase();
    const isDown = phase === "going" || (phase === "asleep" && this.#sleepsOnAtMs === undefined);
    if (isDown || this.#hasSlept()) this.#wake(undefined);
  }

  /** Whether the machine was suspended since the last wake. */
  #hasSlept(): boolean {
    return suspendedMsOf(this.#parts.clock) - this.#suspendedMs >= LEAST_SUSPENDED_MS;
  }

  #wake(seen: WakeCause | undefined, by: "tap" | "itself" = "itself"): void {
    const { senses, checkIns, wakes, settings, clock, log } = this.#parts;
    const before = this.line.phase();
    this.#suspends.end();
    const isSameWake = this.#sleepsOnAtMs !== undefined && !this.#hasSlept();
    const hasSlept = before === "asleep" || this.#hasSlept();
    this.#suspendedMs = suspendedMsOf(clock);
    this.#sleepsOnAtMs = undefined;
    if (isSameWake) {
      // It is worth coming up for after all.
      this.line.wake(checkIns.isDue() || by === "tap" ? "checking-in" : "awake");
      return;
    }
    if (!hasSlept) {
      this.line.wake();
      return;
    }
    const isDriving = senses.states.now().state === "driving";
    const judged = wakes.judge(checkIns.isDue(), seen);
    const isCheckIn = (judged.cause.kind === "rtc" || by === "tap") && !isDriving;
    void wakes.tell(judged, isCheckIn);
    if (before === "asleep" && !judged.isWithinBudget && !isDriving) {
      log.info("sleep.stays-asleep", { cause: judged.cause.kind, name: judged.cause.name });
      this.#sleepsOnAtMs = clock.monotonicMs() + settings.minAwakeMs;
      return;
    }
    this.line.wake(isCheckIn ? "checking-in" : "awake");
  }

  #sleepOn(atMs: number): void {
    const { clock, wakes } = this.#parts;
    if (clock.monotonicMs() < atMs) return;
    this.#sleepsOnAtMs = undefined;
    wakes.begin();
    // The alarm is set as it was.
    void this.#sleep({ kind: "asleep-soon", withinMs: 0 });
  }

  #moved(phase: SleepPhase, before: SleepPhase): void {
    const { checkIns, wakes, clock } = this.#parts;
    if (phase === "going") checkIns.begin(this.#level);
    if (phase === "going" || phase === "asleep") wakes.begin();
    if (phase === "awake" && before === "going") checkIns.resume();
    if (before === "asleep" || (before === "going" && phase === "awake")) this.#awakeSinceMs = clock.monotonicMs();
  }
}
