import type { CodeOrigin, CodeState, Lamps, TroubleCodeEvent } from "../../telemetry/record/encode/trouble-code.ts";
import { boundedFreeze, type KeptCode } from "./kept-code.ts";
import { type CodeList, type SeenCode, UDS_STATUS } from "./trouble-code.ts";

/** What counts as active in a status byte of UDS. */
const ACTIVE_BITS = UDS_STATUS.testFailed | UDS_STATUS.pending | UDS_STATUS.confirmed;
/** What is worth an event in one, while the code is active. */
const TOLD_BITS = UDS_STATUS.testFailed | UDS_STATUS.warningIndicator;
/** Lists in which a code is active. */
const ACTIVE_LISTS: readonly CodeList[] = ["confirmed", "pending", "active", "emission"];
const CONFIRMED_LISTS: readonly CodeList[] = ["confirmed", "active", "emission"];
/** What flickers is told this often at most, ms. */
const CHANGED_EVERY_MS = 60_000;

/** When a reading was taken: by the monotonic clock, and µs since the Unix epoch. */
export type Moment = { readonly nowMs: number; readonly timeUs: number };

/** For how long what is broadcast must be there, and away, to count. */
export type Debounce = { readonly appearMs: number; readonly healMs: number };

/** What is known of the moment beside the code. */
export type Surroundings = { readonly lamps: Lamps | undefined; readonly odometerKm: number | undefined };

/** What a code has to tell: an event, or "quiet" for what is only kept. */
export type Untold = {
  readonly known: KnownCode;
  /** How it will have been told. */
  readonly next: CodeState;
  /** Monotonic ms of the event before; minus infinity where this process told none. */
  readonly beforeMs: number;
  readonly event: Exclude<TroubleCodeEvent["event"], "cleared" | "lamps"> | "quiet";
};

/** Whether a code of this list, with this status, is active, and not only remembered by its control unit. */
export function isActiveIn(list: CodeList, status: number | undefined): boolean {
  return list === "by-status" ? ((status ?? 0) & ACTIVE_BITS) !== 0 : ACTIVE_LISTS.includes(list);
}

/** One code of one control unit: the lists that it is in, and what was told of it. */
export class KnownCode {
  readonly #origin: CodeOrigin;
  readonly #lists: Set<CodeList>;
  #seen: SeenCode;
  #lastSeenUs: number;
  /** As it was told last, with the lists of then and the monotonic ms of its last event; undefined until it was. */
  #told: { readonly state: CodeState; readonly lists: string; readonly eventMs: number } | undefined;
  /** µs since the Unix epoch when it was first seen of what is not told yet. */
  #sightUs: number | undefined;
  /** Monotonic ms since when it is broadcast without being listed, and since when it is listed without being broadcast. */
  #comingMs: number | undefined;
  #goingMs: number | undefined;

  constructor(origin: CodeOrigin, seen: SeenCode, kept?: KeptCode) {
    this.#origin = origin;
    this.#seen = seen;
    this.#lists = new Set(kept?.lists);
    this.#lastSeenUs = kept?.state.lastSeenUs ?? 0;
    if (kept === undefined) return;
    this.#told = { state: kept.state, lists: this.#listsText, eventMs: Number.NEGATIVE_INFINITY };
  }

  /** The code as an earlier process left it. */
  static restore(kept: KeptCode): KnownCode {
    const { bus, ecu, protocol, code, raw, text, status, ecuOccurrences: occurrences } = kept.state;
    return new KnownCode({ bus, ecu, protocol }, { code, raw, text, status, occurrences }, kept);
  }

  get code(): string {
    return this.#seen.code;
  }

  /** As it was told last, but for when it was seen last. */
  get told(): CodeState | undefined {
    return this.#told === undefined ? undefined : { ...this.#told.state, lastSeenUs: this.#lastSeenUs };
  }

  get lists(): readonly CodeList[] {
    return [...this.#lists];
  }

  /** Whether there is a reason to remember it. */
  get isWorthKeeping(): boolean {
    return this.#told !== undefined || this.#sightUs !== undefined;
  }

  /** A reading of `list` has it. */
  see(list: CodeList, seen: SeenCode, { nowMs, timeUs }: Moment, { appearMs }: Debounce): void {
    const { status, occurrences, freeze } = this.#seen;
    this.#seen = { status, occurrences, freeze, ...definedOf(seen) };
    if (isActiveIn(list, this.#seen.status)) {
      // Not the greatest: the wall clock may have been ahead.
      this.#lastSeenUs = timeUs;
      this.#sightUs ??= timeUs;
    }
    if (list !== "active") {
      this.#lists.add(list);
      return;
    }
    this.#goingMs = undefined;
    this.#comingMs ??= nowMs;
    if (nowMs - this.#comingMs >= appearMs) this.#lists.add(list);
  }

  /** A reading of `list` goes without it. */
  miss(list: CodeList, { nowMs }: Moment, { healMs }: Debounce): void {
    if (list === "active") {
      // What was there for too short a time was not there.
      this.#comingMs = undefined;
      this.#goingMs ??= nowMs;
      if (nowMs - this.#goingMs >= healMs) this.#lists.delete(list);
    } else {
      this.#lists.delete(list);
    }
    if (!this.#isActive && this.#comingMs === undefined && this.#told?.state.isActive !== true) {
      this.#sightUs = undefined;
    }
  }

  /** What there is to tell; undefined where that is nothing. */
  untold({ nowMs }: Moment, surroundings: Surroundings): Untold | undefined {
    const told = this.#told;
    const next = this.#next(surroundings);
    const beforeMs = told?.eventMs ?? Number.NEGATIVE_INFINITY;
    const isDue = nowMs - beforeMs >= CHANGED_EVERY_MS;
    const event = eventOf(told?.state, next, isDue) ?? (this.#isListedElse ? "quiet" : undefined);
    return event === undefined ? undefined : { known: this, next, event, beforeMs };
  }

  /** The journal has `next`, which was `untold`. */
  tell({ next, event, beforeMs }: Untold, { nowMs }: Moment): void {
    const eventMs = event === "quiet" ? beforeMs : nowMs;
    this.#told = { state: next, lists: this.#listsText, eventMs };
    this.#sightUs = undefined;
    // Freeze data say nothing of the next time.
    if (!next.isActive) this.#seen = { ...this.#seen, freeze: undefined };
  }

  get #isActive(): boolean {
    return [...this.#lists].some((list) => isActiveIn(list, this.#seen.status));
  }

  get #listsText(): string {
    return [...this.#lists].toSorted().join(" ");
  }

  get #isListedElse(): boolean {
    return this.#told !== undefined && this.#told.lists !== this.#listsText;
  }

  #next({ lamps, odometerKm }: Surroundings): CodeState {
    const told = this.#told?.state;
    const isActive = this.#isActive;
    const begins = isActive && told?.isActive !== true;
    const sinceUs = begins ? (this.#sightUs ?? this.#lastSeenUs) : (told?.sinceUs ?? this.#lastSeenUs);
    const status = this.#lists.has("by-status") ? this.#seen.status : undefined;
    return {
      ...this.#origin,
      code: this.#seen.code,
      raw: this.#seen.raw,
      text: this.#seen.text ?? told?.text,
      status,
      isActive,
      isPending: this.#lists.has("pending") || ((status ?? 0) & UDS_STATUS.pending) !== 0,
      isConfirmed:
        CONFIRMED_LISTS.some((list) => this.#lists.has(list)) || ((status ?? 0) & UDS_STATUS.confirmed) !== 0,
      isPermanent: this.#lists.has("permanent"),
      ecuOccurrences: this.#seen.occurrences,
      occurrences: (told?.occurrences ?? 0) + (begins ? 1 : 0),
      firstSeenUs: told?.firstSeenUs ?? sinceUs,
      sinceUs,
      lastSeenUs: this.#lastSeenUs,
      odometerKm: begins ? odometerKm : told?.odometerKm,
      lamps: lamps ?? told?.lamps,
      ...this.#freezeOf(begins),
    };
  }

  #freezeOf(begins: boolean): Pick<CodeState, "freeze" | "freezeDropped"> {
    const told = this.#told?.state;
    if (!begins && told !== undefined && (told.freeze.length > 0 || !told.isActive)) {
      return { freeze: told.freeze, freezeDropped: told.freezeDropped };
    }
    return boundedFreeze(this.#seen.freeze ?? []);
  }
}

/** What says something, so that what says nothing does not take its place. */
function definedOf(seen: SeenCode): SeenCode {
  const { code, raw, text, status, occurrences, freeze } = seen;
  return {
    code,
    raw,
    text,
    ...(status !== undefined && { status }),
    ...(occurrences !== undefined && { occurrences }),
    ...(freeze !== undefined && { freeze }),
  };
}

function eventOf(told: CodeState | undefined, next: CodeState, isDue: boolean): Untold["event"] | undefined {
  if (told === undefined) return next.isActive ? "appeared" : undefined;
  if (next.isActive !== told.isActive) return next.isActive ? "returned" : "healed";
  if (next.isActive && next.isConfirmed && !told.isConfirmed) return "confirmed";
  if (isDue && hasNews(told, next)) return "changed";
  return next.isPending === told.isPending && next.isConfirmed === told.isConfirmed ? undefined : "quiet";
}

function hasNews(told: CodeState, next: CodeState): boolean {
  if (next.isPermanent !== told.isPermanent) return true;
  if (!next.isActive) return false;
  const otherBits = ((told.status ?? 0) ^ (next.status ?? 0)) & TOLD_BITS;
  const hasFreeze = told.freeze.length === 0 && next.freeze.length > 0;
  return otherBits !== 0 || next.ecuOccurrences !== told.ecuOccurrences || hasFreeze;
}
