import type { KeptValue } from "../../../ports/outbox.ts";
import type { CampaignRef } from "../../record/encode/campaign-ref.ts";
import type { Histogram, HistogramSignal } from "../../record/encode/histograms.ts";
import type { CloseCause } from "../sampler.ts";
import { encodeChunk, encodeHead } from "./cell-codec.ts";
import type { CellRoom } from "./cell-room.ts";
import { type CellShape, CellState } from "./cell-state.ts";
import { encodeOutline, headKey, type KeptOutline, loadState } from "./kept-outline.ts";

/** What cells are counted, and when they are reported and begin anew. */
export type CellPlan = {
  readonly kind: Histogram["kind"];
  readonly by: Histogram["by"];
  /** Edges of each axis; none for durations and counters. */
  readonly edges: readonly (readonly number[])[];
  readonly shape: CellShape;
  /** Periods are whole multiples of it since the Unix epoch, by receive time. */
  readonly everyMs: number;
  /** Whether the end of a trip ends a period too. */
  readonly perTrip: boolean;
};

/** Where the cells are kept, and what an earlier start of the agent has left there. */
export type CellPlace = {
  readonly campaign: CampaignRef;
  /** Begins the keys of all that is kept here. */
  readonly prefix: string;
  readonly room: CellRoom;
  /** Undefined where nothing was left. */
  readonly found: { readonly outline: KeptOutline; readonly rows: ReadonlyMap<string, Uint8Array> } | undefined;
};

/** Longest time for which a value is taken to hold until the next sample of it, ms. */
export const HOLD_MS = 10_000;

/**
 * The states of all signals of one sampler: their periods, what is due to be reported, and what of them has changed and must be kept.
 *
 * A state that is kept with each flush, in the transaction of its samples, is after any kill that of the samples which were stored.
 */
export class CellLedger {
  readonly #plan: CellPlan;
  readonly #place: CellPlace;
  readonly #heldCell: (state: CellState) => number;
  readonly #everyUs: number;
  /** Signals by number, with their states; the numbers are those of their keys. */
  readonly #signals: (readonly HistogramSignal[])[] = [];
  readonly #states: CellState[] = [];
  readonly #stateByName = new Map<string, CellState>();
  readonly #numbers = new Map<CellState, number>();
  #reports: Histogram[] = [];
  #isOutlineChanged = false;
  /** Signals that there was no room for, whose samples are not counted. */
  refusedSignals = 0;

  /** `heldCell` gives the cell in which the time is spent from the newest sample on. */
  constructor(plan: CellPlan, place: CellPlace, heldCell: (state: CellState) => number) {
    this.#plan = plan;
    this.#place = place;
    this.#heldCell = heldCell;
    this.#everyUs = plan.everyMs * 1000;
    for (const signals of place.found?.outline.signals ?? []) {
      const state = new CellState(plan.shape);
      loadState(state, place.found?.rows ?? new Map(), headKey(place.prefix, this.#states.length));
      place.room.take(plan.shape);
      this.#add(signals, nameOf(signals), state);
    }
  }

  /** The state of a signal (of two, of a grid), which goes on where it was left; one that comes to nothing where there is no room for it. */
  stateOf(signals: readonly HistogramSignal[]): CellState {
    const name = nameOf(signals);
    const known = this.#stateByName.get(name);
    if (known !== undefined) return known;
    const state = new CellState(this.#plan.shape);
    if (!this.#place.room.hasFor(this.#plan.shape)) {
      this.refusedSignals += 1;
      return state;
    }
    this.#place.room.take(this.#plan.shape);
    this.#add(signals, name, state);
    this.#isOutlineChanged = true;
    return state;
  }

  /**
   * Counts the time since the newest sample in the cell that held, each part in its period; nothing for a gap that is too long, and where
   * the wall clock stepped back.
   */
  countHeld(state: CellState, timeUs: number): void {
    const elapsedUs = timeUs - state.lastUs;
    if (Number.isNaN(elapsedUs)) return;
    if (elapsedUs < 0 || elapsedUs > HOLD_MS * 1000) {
      state.skipped += 1;
      return;
    }
    const endUs = (state.period + 1) * this.#everyUs;
    if (timeUs < endUs) {
      state.count(this.#heldCell(state), elapsedUs);
      return;
    }
    state.count(this.#heldCell(state), endUs - state.lastUs);
    this.#end(state);
    // No period is as short as a value may hold: the rest is of the next one.
    state.count(this.#heldCell(state), timeUs - endUs);
  }

  /** A sample came: a period that it is not in ends, also when the wall clock stepped back. */
  enter(state: CellState, timeUs: number): void {
    const period = Math.floor(timeUs / this.#everyUs);
    if (period !== state.period) {
      if (!state.isEmpty) this.#end(state);
      state.period = period;
      state.metMs = Number.NaN;
    }
    state.note(timeUs);
  }

  /** As `Sampler.close`. With "stop" and "step" nothing comes out, since it goes on after it; but no value holds over it. */
  close(nowMs: number, cause: CloseCause): void {
    const isTrip = cause === "trip" && this.#plan.perTrip;
    for (const state of this.#states) {
      if ((cause === "stop" || cause === "step") && !Number.isNaN(state.lastUs)) state.letGo();
      if (state.isEmpty) continue;
      if (Number.isNaN(state.metMs)) state.metMs = nowMs;
      if (isTrip || nowMs - state.metMs >= this.#plan.everyMs + HOLD_MS) this.#endAll(state);
    }
  }

  /** Everything comes out with the next `takeReports`: the campaign ends. */
  retire(): void {
    for (const state of this.#states) if (!state.isEmpty) this.#endAll(state);
  }

  /** What is due, and was not taken yet. */
  takeReports(): readonly Histogram[] {
    const reports = this.#reports;
    this.#reports = [];
    return reports;
  }

  /** What has changed since the last call, to be kept in the transaction of the records that are made now. */
  takeChanges(): readonly KeptValue[] {
    const { prefix } = this.#place;
    const changes: KeptValue[] = [];
    this.#states.forEach((state, number) => {
      if (state.isChanged) changes.push({ key: headKey(prefix, number), value: encodeHead(state) });
      state.isChanged = false;
      state.changedChunks.forEach((isChanged, chunk) => {
        if (isChanged === 1) changes.push(takeChunk(state, `${headKey(prefix, number)}/${chunk}`, chunk));
      });
    });
    if (!this.#isOutlineChanged || changes.length === 0) return changes;
    this.#isOutlineChanged = false;
    return [{ key: prefix, value: this.#outline() }, ...changes];
  }

  /** Forgets all that is kept here: in the transaction of the last reports. */
  forget(): readonly KeptValue[] {
    const { prefix } = this.#place;
    const keys = this.#states.flatMap((state, number) => {
      const chunks = Array.from(state.writtenChunks, (_, chunk) => `${headKey(prefix, number)}/${chunk}`);
      return [headKey(prefix, number), ...chunks.filter((_, chunk) => state.writtenChunks[chunk] === 1)];
    });
    for (const state of this.#states) {
      this.#place.room.giveBack(this.#plan.shape);
      state.forgetWritten();
    }
    // Should it count again, everything is written anew.
    this.#isOutlineChanged = true;
    return [prefix, ...keys].map((key) => ({ key, value: undefined }));
  }

  #add(signals: readonly HistogramSignal[], name: string, state: CellState): void {
    this.#numbers.set(state, this.#states.length);
    this.#stateByName.set(name, state);
    this.#signals.push(signals);
    this.#states.push(state);
  }

  #outline(): Uint8Array {
    const { kind, by, edges, shape } = this.#plan;
    return encodeOutline({
      version: 1,
      campaign: this.#place.campaign,
      kind,
      by,
      edges,
      shape,
      signals: this.#signals,
    });
  }

  #endAll(state: CellState): void {
    this.#end(state);
    state.letGo();
  }

  #end(state: CellState): void {
    const { kind, by, edges, shape } = this.#plan;
    const number = this.#numbers.get(state);
    if (number === undefined) {
      state.clear();
      return;
    }
    const signals = this.#signals[number];
    const axes = signals.map((signal, axis) => ({ ...signal, edges: edges[axis] ?? [] }));
    const { fromUs, toUs, leftOut, skipped } = state;
    const states = kind === "duration" ? statesOf(state, shape) : [];
    const cells = kind === "duration" ? durationsOf(state, states.length) : state.cells.slice();
    this.#reports.push({ kind, by, axes, states, fromUs, toUs, cells, leftOut, skipped });
    state.clear();
  }
}

/** The raw values that the cells of durations are of. */
function statesOf({ memory }: CellState, { carried }: CellShape): readonly number[] {
  return Array.from(memory.subarray(carried)).filter((raw) => !Number.isNaN(raw));
}

/** One cell for each state, and the one for the others. */
function durationsOf({ cells }: CellState, states: number): readonly number[] {
  return [...cells.subarray(0, states), cells[cells.length - 1]];
}

function takeChunk(state: CellState, key: string, chunk: number): KeptValue {
  const value = encodeChunk(state.cells, chunk);
  const isWritten = value.length > 0;
  state.changedChunks[chunk] = 0;
  state.writtenChunks[chunk] = isWritten ? 1 : 0;
  return { key, value: isWritten ? value : undefined };
}

function nameOf(signals: readonly HistogramSignal[]): string {
  return JSON.stringify(
    signals.map(({ bus, message, name, source, destination }) => [
      bus,
      message,
      name,
      source ?? null,
      destination ?? null,
    ]),
  );
}
