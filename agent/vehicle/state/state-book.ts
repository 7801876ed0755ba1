import { type Clock, LEAST_SUSPENDED_MS, suspendedMsOf } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { isJournalFault, type Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import { asJson } from "../../telemetry/durable-records/numbered-events.ts";
import type { VehicleChange } from "../../telemetry/record/encode/vehicle-event.ts";
import { KeptChanges } from "../events/kept-changes.ts";
import type { VehicleEvents } from "../events/vehicle-events.ts";
import {
  KEPT,
  type KeptEnd,
  type KeptState,
  type KeptTrip,
  keptState,
  keptTrip,
  keptTrips,
  type TripMoment,
} from "./kept-state.ts";
import type { Measure } from "./measure.ts";
import type { OpenTrip, StateReading } from "./vehicle-state.ts";

const SPACE: JournalSpace = "vehicle-state";
/** Trips that are remembered once they have ended. */
const MAX_TRIPS = 50;
/** How often an open trip is noted as going on: so much of it a power cut may leave untold. */
const NOTE_MS = 30_000;
/** How often the journal is asked again when it has refused. */
const RETRY_MS = 10_000;

export type StateBookParts = {
  readonly journal: Pick<Journal, "atomically" | "get" | "put">;
  readonly events: VehicleEvents;
  /** Number of the newest trip that the outbox has ever had, as it says. */
  readonly storedTrip: number | undefined;
  readonly measure: Measure;
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * State and trips as the journal has them. A change is in it together with its events, in one transaction, before anybody is told; where
 * it refuses, the change is kept in memory and written with the next: the vehicle does not wait for a disk.
 */
export class StateBook {
  readonly #parts: StateBookParts;
  readonly #kept: KeptChanges;
  #state: KeptState;
  #trip: KeptTrip;
  #trips: readonly KeptEnd[];
  /** When the trip was last known to go on, by the clock that counts suspend, and what the machine had been suspended by then. */
  #noted: { readonly atMs: number; readonly suspendedMs: number };
  #triedMs = Number.NEGATIVE_INFINITY;

  /** Throws the faults of the journal when it cannot be read. What an earlier boot has left open ends here. */
  constructor(parts: StateBookParts) {
    const { journal, events, bootId, clock, storedTrip = 0 } = parts;
    const kept = new KeptChanges({ journal, space: SPACE, events });
    const state = kept.get(KEPT.state);
    const trip = keptTrip.parse(kept.get(KEPT.trip) ?? { number: 0 });
    const now = { sinceMs: clock.monotonicMs(), enteredMs: clock.boottimeMs() };
    this.#parts = parts;
    this.#kept = kept;
    this.#trips = keptTrips.parse(kept.get(KEPT.trips) ?? []);
    this.#noted = this.#now();
    // A journal that was lost must not give the number of a trip that was told.
    this.#trip = { ...trip, number: Math.max(trip.number, storedTrip) };
    this.#state =
      state === undefined ? { state: "parked", why: "not known yet", bootId, ...now } : keptState.parse(state);
    if (this.#state.bootId !== bootId) this.#leaveBoot(now);
    else if (state !== undefined) events.handOver();
    // So that the time before the first change counts over restarts too.
    else this.#keep([]);
  }

  /** As it was when the process before this one ended, in this boot. */
  get state(): StateReading {
    const { state, sinceMs, why } = this.#state;
    return { state, sinceMs, why };
  }

  /** When the state was entered, ms of the clock that counts suspend. */
  get enteredMs(): number {
    return this.#state.enteredMs;
  }

  get trip(): OpenTrip | undefined {
    const { number, open } = this.#trip;
    return open === undefined ? undefined : { number, startedAtUs: open.beganUs };
  }

  /** The newest trips that have ended, oldest first. */
  get trips(): readonly KeptEnd[] {
    return this.#trips;
  }

  /** Changes that the journal does not have yet, and those that were given up for want of room, since start. */
  get unkept(): KeptChanges["unkept"] {
    return this.#kept.unkept;
  }

  /** Another state begins now. `wasSeen`: this process has seen the trip that ends with it. */
  enter(state: StateReading["state"], why: string, wasSeen: boolean): void {
    const { clock, bootId } = this.#parts;
    const before = this.#state;
    const enteredMs = clock.boottimeMs();
    const changes = state === "driving" ? [this.#begin()] : before.state === "driving" ? [this.#end(wasSeen)] : [];
    this.#state = { state, why, bootId, sinceMs: clock.monotonicMs(), enteredMs };
    const lastedMs = Math.max(0, Math.round(enteredMs - before.enteredMs));
    this.#keep([this.#stateChange(before.state, lastedMs), ...changes]);
  }

  /** The trip is seen to go on: noted now and then, and after a suspend. */
  see(): void {
    if (this.#hasSlept() || this.#now().atMs - this.#noted.atMs >= NOTE_MS) this.#note();
  }

  /** Notes how far the trip has come; nothing where there is none, or nobody knows whether it went on after a suspend. */
  note(): void {
    if (!this.#hasSlept()) this.#note();
  }

  /** Tries the journal again where it has refused. */
  retry(): void {
    if (this.unkept.waiting > 0 && this.#parts.clock.monotonicMs() - this.#triedMs >= RETRY_MS) this.#keep([]);
  }

  #note(): void {
    const { open } = this.#trip;
    if (open === undefined) return;
    this.#trip = { ...this.#trip, open: { ...open, last: this.#moment(open.beganMs) } };
    this.#noted = this.#now();
    this.#keep([]);
  }

  #now(): { readonly atMs: number; readonly suspendedMs: number } {
    const { clock } = this.#parts;
    return { atMs: clock.boottimeMs(), suspendedMs: suspendedMsOf(clock) };
  }

  /** Whether the machine was suspended since the trip was last known to go on. */
  #hasSlept(): boolean {
    return this.#now().suspendedMs - this.#noted.suspendedMs >= LEAST_SUSPENDED_MS;
  }

  #leaveBoot(now: Pick<KeptState, "sinceMs" | "enteredMs">): void {
    const { bootId } = this.#parts;
    const { state: before } = this.#state;
    const changes = this.#trip.open === undefined ? [] : [this.#end(false)];
    const why = "the system was started";
    this.#state = { state: "parked", why, bootId, ...now };
    this.#keep(before === "parked" ? changes : [this.#stateChange(before, undefined), ...changes]);
  }

  #begin(): VehicleChange {
    const { clock, measure } = this.#parts;
    const beganMs = clock.boottimeMs();
    const last = this.#moment(beganMs);
    const { timeUs, odometerKm, energy } = last;
    const number = this.#trip.number + 1;
    this.#trip = { number, open: { beganUs: timeUs, beganMs, beganOdometerKm: odometerKm, last } };
    this.#noted = this.#now();
    const about = { trip: number, timeUs, beganUs: timeUs, isInterrupted: false };
    return { kind: "trip", phase: "begin", ...about, odometerKm, energy, position: measure.position() };
  }

  #end(wasSeen: boolean): VehicleChange {
    const { number, open } = this.#trip;
    if (open === undefined) throw new AgentError("internal.bug", { what: "no trip to end", remedy: "report it" });
    const { beganUs, beganOdometerKm, last } = open;
    this.#trip = { number };
    // Nobody saw it end where the machine slept meanwhile: by now it may be the next morning.
    const isEndSeen = wasSeen && !this.#hasSlept();
    const about = { trip: number, beganUs, beganOdometerKm, isInterrupted: !isEndSeen };
    const position = isEndSeen ? this.#parts.measure.position() : undefined;
    const { energy, ...known } = isEndSeen ? this.#moment(open.beganMs) : last;
    this.#trips = [...this.#trips, { ...about, ...known }].slice(-MAX_TRIPS);
    return { kind: "trip", phase: "end", ...about, ...known, energy, position };
  }

  #stateChange(before: StateReading["state"], lastedMs: number | undefined): VehicleChange {
    const { clock, measure } = this.#parts;
    const { state, why } = this.#state;
    const measured = { odometerKm: measure.odometerKm(), energy: measure.energy() };
    const trip = state === "driving" || before === "driving" ? this.#trip.number : 0;
    return { kind: "state", state, before, why, timeUs: clock.wallUs(), lastedMs, trip, ...measured };
  }

  #moment(beganMs: number): TripMoment {
    const { clock, measure } = this.#parts;
    return {
      timeUs: clock.wallUs(),
      lastedMs: Math.max(0, Math.round(clock.boottimeMs() - beganMs)),
      odometerKm: measure.odometerKm(),
      energy: measure.energy(),
    };
  }

  #keep(changes: readonly VehicleChange[]): void {
    const { clock, log } = this.#parts;
    const { waiting } = this.unkept;
    this.#triedMs = clock.monotonicMs();
    const documents = [
      [KEPT.state, asJson(this.#state)],
      [KEPT.trip, asJson(this.#trip)],
      ...(changes.some(isEnd) ? [[KEPT.trips, asJson(this.#trips)] as const] : []),
    ] as const;
    try {
      this.#kept.keep(documents, changes);
    } catch (thrown) {
      if (!isJournalFault(thrown)) throw thrown;
      if (waiting === 0) log.warn("vehicle.not-kept", { code: thrown.code, what: thrown.message });
    }
  }
}

function isEnd(change: VehicleChange): boolean {
  return change.kind === "trip" && change.phase === "end";
}
