import type { CodeChange, CodeOrigin, CodeState, Lamps } from "../../telemetry/record/encode/trouble-code.ts";
import { originKey } from "./kept-code.ts";
import type { KnownCode, Moment, Untold } from "./known-code.ts";
import { litLamps } from "./lit-lamps.ts";

/** Names of cleared codes in one event beyond this are counted only. */
const MAX_CLEARED_NAMES = 500;
/** Lamps that no event of a code has told are told by themselves after this time, ms. */
const LAMPS_SETTLE_MS = 60_000;

/** What of a control unit is to be told, and kept. */
export type Report = {
  readonly untold: readonly Untold[];
  /** An event for each code, for all of them that were cleared, or for the lamps alone. */
  readonly changes: readonly CodeChange[];
  /** The lamps as the events say them, by `litLamps`; undefined where they are as they were told. */
  readonly lit: string | undefined;
};

/** What is known of a reading beside its codes. */
export type ReadingFacts = {
  readonly odometerKm: number | undefined;
  /** The reading is of a memory that is read as a whole: several codes that are gone together were cleared. */
  readonly isMemory: boolean;
  /** Somebody was seen to clear codes, monotonic ms. */
  readonly clear: { readonly by: string; readonly atMs: number } | undefined;
};

/** A control unit, its codes, and its lamps. */
export class ControlUnit {
  readonly origin: CodeOrigin;
  readonly key: string;
  readonly codes = new Map<string, KnownCode>();
  #lamps: Lamps | undefined;
  /** Lamps that are on, since when (monotonic ms), and those that were told last. */
  #lit = { text: "", sinceMs: 0 };
  #toldLit = "";

  constructor(origin: CodeOrigin) {
    this.origin = origin;
    this.key = originKey(origin);
  }

  /** What an earlier process has told of its lamps. */
  restoreLit(lit: string): void {
    this.#toldLit = lit;
  }

  /** A reading says its lamps. */
  seeLamps(lamps: Lamps, { nowMs }: Moment): void {
    const text = litLamps(lamps);
    this.#lamps = lamps;
    if (text !== this.#lit.text) this.#lit = { text, sinceMs: nowMs };
  }

  /** What there is to tell after a reading. */
  report(moment: Moment, { odometerKm, isMemory, clear }: ReadingFacts): Report {
    const surroundings = { lamps: this.#lamps, odometerKm };
    const untold = [...this.codes.values()].flatMap((known) => known.untold(moment, surroundings) ?? []);
    const gone = untold.filter(({ event }) => event === "healed");
    const isWiped = isMemory && gone.length > 1 && this.#activeAfter(untold) === 0;
    const cleared = new Set(gone.filter(({ beforeMs }) => isWiped || (clear !== undefined && beforeMs < clear.atMs)));
    const changes = untold.flatMap((one): CodeChange[] => {
      const { next, event } = one;
      return event === "quiet" || cleared.has(one) ? [] : [{ event, code: next, timeUs: moment.timeUs }];
    });
    if (cleared.size > 0) changes.push(this.#clearing([...cleared], moment.timeUs, clear?.by));
    if (this.#lamps === undefined || this.#lit.text === this.#toldLit) return { untold, changes, lit: undefined };
    const isSettled = moment.nowMs - this.#lit.sinceMs >= LAMPS_SETTLE_MS;
    if (changes.length === 0 && !isSettled) return { untold, changes, lit: undefined };
    if (changes.length === 0) changes.push({ event: "lamps", code: this.#itself(), timeUs: moment.timeUs });
    return { untold, changes, lit: this.#lit.text };
  }

  /** The journal has `report`. */
  tell({ untold, lit }: Report, moment: Moment): void {
    for (const one of untold) one.known.tell(one, moment);
    this.#toldLit = lit ?? this.#toldLit;
  }

  #activeAfter(untold: readonly Untold[]): number {
    const next = new Map(untold.map((one) => [one.known, one.next]));
    return [...this.codes.values()].filter((known) => (next.get(known) ?? known.told)?.isActive === true).length;
  }

  #clearing(gone: readonly Untold[], timeUs: number, by: string | undefined): CodeChange {
    const codes = gone.slice(0, MAX_CLEARED_NAMES).map(({ next }) => next.code);
    const cleared = { codes, dropped: gone.length - codes.length, by };
    return { event: "cleared", code: this.#itself(), timeUs, cleared };
  }

  /** Its name and lamps, without a code. */
  #itself(): CodeState {
    const nothing = { isActive: false, isPending: false, isConfirmed: false, isPermanent: false };
    const never = { occurrences: 0, firstSeenUs: 0, sinceUs: 0, lastSeenUs: 0 };
    return { ...this.origin, code: "", raw: 0, lamps: this.#lamps, ...nothing, ...never, freeze: [], freezeDropped: 0 };
  }
}
