import { type Clock, LEAST_SUSPENDED_MS, suspendedMsOf } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { type WakeCause, type WakeSource, type WakeSources, wakeCauses } from "../../ports/wake-sources.ts";
import type { BusEar } from "./bus-ear.ts";
import type { WakeBudget } from "./wake-budget.ts";

/** After a wake frames are counted for so long, ms: by then those that the controller has kept are here. */
const SETTLE_MS = 1000;

/** What a bus did over a sleep. */
export type BusWake = {
  readonly bus: string;
  /** The first frame that came: of the controller's memory, or the one after it. Undefined when none came. */
  readonly first: { readonly id: number; readonly extended: boolean; readonly afterMs: number } | undefined;
  /** Frames lost since the sleep began, by the counters of interface and driver; undefined where nobody counts. */
  readonly lost: number | undefined;
};

/** A wake as it is told. */
export type Wake = {
  /** Wall time of the wake as the clock was then, µs since the Unix epoch. */
  readonly atUs: number;
  readonly cause: WakeCause;
  readonly isCheckIn: boolean;
  /** With the time in which the machine was not suspended. */
  readonly sleptMs: number;
  readonly suspendedMs: number;
  readonly buses: readonly BusWake[];
  /** Of today, with this one, without the alarm's. */
  readonly unplanned: number;
  readonly most: number | undefined;
  readonly isOverBudget: boolean;
};

/** Frames of a bus that were lost since its start; undefined where nobody counts them. */
export type BusLosses = { readonly bus: string; readonly lost: () => number | undefined };

export type WakeAccountParts = {
  readonly sources: WakeSources;
  readonly ear: BusEar;
  readonly losses: readonly BusLosses[];
  readonly budget: WakeBudget;
  readonly onWake: (wake: Wake) => void;
  readonly clock: Clock;
  readonly log: Log;
};

type Before = {
  readonly sources: readonly WakeSource[];
  readonly losses: readonly (number | undefined)[];
  readonly boottimeMs: number;
  readonly suspendedMs: number;
  /** Since the boot; undefined where nobody counts them. */
  readonly suspends: number | undefined;
};

/** Finds who woke the vehicle and what that cost in frames, and counts it. */
export class WakeAccount {
  readonly #parts: WakeAccountParts;
  #before: Before;
  /** Whether the vehicle was told to sleep, and so from when on. */
  #isBegun = false;
  readonly #ended = new AbortController();

  constructor(parts: WakeAccountParts) {
    this.#parts = parts;
    this.#before = this.#look();
  }

  /** The vehicle is asleep from now on. */
  begin(): void {
    this.#before = this.#look();
    this.#isBegun = true;
    this.#parts.ear.hear();
  }

  /**
   * The vehicle is awake: who woke it. Where no counter of a machine that was suspended says so it was the bus that spoke first, or the
   * plan when it `isDue`. `seen`: what a source of ours has seen, where the machine was not suspended.
   */
  judge(isDue: boolean, seen?: WakeCause): { readonly cause: WakeCause; readonly isWithinBudget: boolean } {
    const cause = this.#causeOf(isDue, seen);
    return { cause, isWithinBudget: this.#parts.budget.note(cause) };
  }

  /** Tells of it once the frames that the controller has kept are here. */
  async tell(
    judged: { readonly cause: WakeCause; readonly isWithinBudget: boolean },
    isCheckIn: boolean,
  ): Promise<void> {
    const { budget, clock, log, ear, onWake } = this.#parts;
    const before = this.#before;
    const now = this.#look();
    const suspendedMs = now.suspendedMs - before.suspendedMs;
    const sleptMs = this.#isBegun ? now.boottimeMs - before.boottimeMs : suspendedMs;
    this.#before = now;
    this.#isBegun = false;
    const atUs = clock.wallUs();
    const { unplanned, most } = budget.today();
    await clock.sleep(SETTLE_MS, this.#ended.signal);
    const cause = this.#settledCause(judged.cause);
    const wake: Wake = {
      atUs,
      cause,
      isCheckIn,
      sleptMs,
      suspendedMs,
      buses: this.#busesSince(before, now.boottimeMs),
      unplanned,
      most,
      isOverBudget: !judged.isWithinBudget,
    };
    if (!this.#isBegun) ear.rest();
    const { kind, name } = cause;
    const lost = wake.buses.reduce((sum, bus) => sum + (bus.lost ?? 0), 0);
    log.info("sleep.wake-counted", { cause: kind, name, sleptMs: Math.round(wake.sleptMs), lost, unplanned, most });
    onWake(wake);
  }

  /** Nothing more is waited for. */
  stop(): void {
    this.#ended.abort();
  }

  #causeOf(isDue: boolean, seen: WakeCause | undefined): WakeCause {
    const now = this.#look();
    // Counters also move on a machine that runs.
    const [counted] = wasSuspended(this.#before, now) ? wakeCauses(this.#before.sources, now.sources) : [];
    if (counted !== undefined && counted.kind !== "unknown") return counted;
    if (seen !== undefined) return seen;
    if (isDue) return { kind: "rtc", name: "plan" };
    return this.#firstBus() ?? { kind: "unknown", name: "" };
  }

  /** Of a wake that nobody claims: timers may run before the frame that woke the machine is read. */
  #settledCause(judged: WakeCause): WakeCause {
    const bus = judged.kind === "unknown" ? this.#firstBus() : undefined;
    if (bus === undefined) return judged;
    this.#parts.budget.recount(judged, bus);
    return bus;
  }

  /** The bus that spoke first after quiet; undefined where none has. */
  #firstBus(): WakeCause | undefined {
    const [first] = [...this.#parts.ear.firstFrames()].toSorted(([, a], [, b]) => a.atMs - b.atMs);
    return first === undefined ? undefined : { kind: "can", name: first[0] };
  }

  #busesSince(before: Before, wokeAtMs: number): readonly BusWake[] {
    const heard = this.#parts.ear.firstFrames();
    return this.#parts.losses.map(({ bus, lost }, index) => {
      const frame = heard.get(bus);
      const was = before.losses[index];
      const now = lost();
      return {
        bus,
        first:
          frame === undefined
            ? undefined
            : { id: frame.id, extended: frame.extended, afterMs: Math.max(0, frame.atMs - wokeAtMs) },
        lost: was === undefined || now === undefined ? undefined : Math.max(0, now - was),
      };
    });
  }

  #look(): Before {
    const { sources, losses, clock } = this.#parts;
    return {
      sources: sources.read(),
      losses: losses.map(({ lost }) => lost()),
      boottimeMs: clock.boottimeMs(),
      suspendedMs: suspendedMsOf(clock),
      suspends: sources.suspends(),
    };
  }
}

/** A suspend of less than a second may be none by the clocks: the kernel measures it with a clock of whole seconds where it has no better one. */
function wasSuspended(before: Before, now: Before): boolean {
  if (before.suspends !== undefined && now.suspends !== undefined) return now.suspends > before.suspends;
  return now.suspendedMs - before.suspendedMs >= LEAST_SUSPENDED_MS;
}
