import { type Clock, isBelievable, suspendedMsOf } from "../../core/clock.ts";
import type { GuardLevel } from "./battery-guard.ts";
import type { SleepMemory } from "./sleep-memory.ts";

/** What the battery gives, mA, where somebody has measured it. */
export type Currents = { readonly awakeMilliamps: number; readonly asleepMilliamps: number };

/** What standing has cost since the vehicle was driven last. */
export type ParkingCost = {
  readonly parkedMs: number;
  readonly awakeMs: number;
  readonly asleepMs: number;
  readonly checkIns: number;
  readonly sentBytes: number;
  /** Estimate, by the configured currents; undefined without them. */
  readonly milliampHours: number | undefined;
};

/** `suspends`: it asks for suspend when it sleeps, and then only time in which the machine was suspended is sleep. */
export type ParkingParts = {
  readonly clock: Clock;
  readonly memory: SleepMemory;
  readonly currents: Currents | undefined;
  readonly suspends: boolean;
};

/** What is the case at a look. `sentBytes`: since the start of the agent. */
export type ParkingLook = { readonly isDriving: boolean; readonly isAsleep: boolean; readonly sentBytes: number };

const HOUR_MS = 3_600_000;
/** A clock that was wrong at one end of the time off would make the vehicle stand for ages, ms. */
const MOST_OFF_MS = 366 * 24 * HOUR_MS;
const NOTHING = { parkedMs: 0, awakeMs: 0, asleepMs: 0, checkIns: 0, sentBytes: 0 };

/** Counts what a parked vehicle costs, over sleep by the time since the boot, and over restarts by the journal. */
export class Parking {
  readonly #clock: Clock;
  readonly #memory: SleepMemory;
  readonly #currents: Currents | undefined;
  readonly #suspends: boolean;
  #sum = { ...NOTHING };
  #before: { readonly boottimeMs: number; readonly suspendedMs: number; readonly sentBytes: number };

  constructor(parts: ParkingParts) {
    this.#clock = parts.clock;
    this.#memory = parts.memory;
    this.#currents = parts.currents;
    this.#suspends = parts.suspends;
    this.#before = { ...this.#times(), sentBytes: 0 };
    const kept = parts.memory.parking();
    if (kept === undefined) return;
    const { byVolts: _, atUs, ...sum } = kept;
    const offMs = atUs === undefined || !isBelievable(this.#clock.quality()) ? 0 : (this.#clock.wallUs() - atUs) / 1000;
    this.#sum = { ...sum, parkedMs: sum.parkedMs + Math.min(MOST_OFF_MS, Math.max(0, offMs)) };
  }

  get parkedMs(): number {
    return this.#sum.parkedMs;
  }

  cost(): ParkingCost {
    const { awakeMs, asleepMs } = this.#sum;
    const currents = this.#currents;
    const milliampHours =
      currents === undefined
        ? undefined
        : (awakeMs * currents.awakeMilliamps + asleepMs * currents.asleepMilliamps) / HOUR_MS;
    return { ...this.#sum, milliampHours };
  }

  /** Call about once a second, and right after a wake. */
  look({ isDriving, isAsleep, sentBytes }: ParkingLook): void {
    const before = this.#before;
    const now = { ...this.#times(), sentBytes };
    this.#before = now;
    if (isDriving) {
      this.#sum = { ...NOTHING };
      return;
    }
    // A machine that was busy between two readings may have counted too much before: nothing is taken back.
    const passedMs = Math.max(0, now.boottimeMs - before.boottimeMs);
    const suspendedMs = Math.max(0, now.suspendedMs - before.suspendedMs);
    const asleepMs = isAsleep && !this.#suspends ? passedMs : Math.min(passedMs, suspendedMs);
    this.#sum.parkedMs += passedMs;
    this.#sum.asleepMs += asleepMs;
    this.#sum.awakeMs += passedMs - asleepMs;
    this.#sum.sentBytes += now.sentBytes - before.sentBytes;
  }

  noteCheckIn(): void {
    this.#sum.checkIns += 1;
  }

  /** Into the journal, with what the voltage asks for. */
  keep(byVolts: GuardLevel): void {
    const atUs = isBelievable(this.#clock.quality()) ? { atUs: this.#clock.wallUs() } : {};
    this.#memory.keepParking({ ...this.#sum, ...atUs, byVolts });
  }

  #times(): { readonly boottimeMs: number; readonly suspendedMs: number } {
    return { boottimeMs: this.#clock.boottimeMs(), suspendedMs: suspendedMsOf(this.#clock) };
  }
}
