import type { Clock } from "../core/clock.ts";
import type { SecurityEvent } from "./record/encode/security-event.ts";

/** Kinds (event, reason, source) whose repeats are counted at a time. The agent's own are fewer. */
const MAX_KINDS = 64;
/** How late the end of a window may be, as a part of it. */
const LOOKS_A_WINDOW = 10;

/** One thing that happened, at this moment. */
export type Occurrence = Pick<SecurityEvent, "event" | "reason" | "source" | "detail">;

/** Counts since start. */
export type SecurityCounters = {
  /** All that happened, by event and reason, in the order in which they happened first. */
  readonly occurrences: readonly (Pick<Occurrence, "event" | "reason"> & { readonly count: number })[];
  /** Events that were told. */
  readonly told: number;
  /** Occurrences that no event counts, as there were too many kinds. */
  readonly untold: number;
};

type Window = {
  endsAtMs: number;
  repeats: (Occurrence & { count: number; firstUs: number; timeUs: number }) | undefined;
};

/**
 * What happens becomes events, of which somebody who tries often makes no flood: the first of a kind (event, reason, source) is told at
 * once and opens a window; repeats in it are counted, and told as one event at its end, which opens the next. So a kind has one event a
 * window at most, and the counts of its events are all that happened. A kill loses the counts of open windows; a stop does not.
 */
export class SecurityEvents {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #windows = new Map<string, Window>();
  readonly #occurrences = new Map<string, Pick<Occurrence, "event" | "reason"> & { count: number }>();
  #tell: ((event: SecurityEvent) => void) | undefined;
  #told = 0;
  #untold = 0;
  /** Of `#untold`, those that no event has said yet. */
  #toSay = 0;

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  /** From now on `tell` stores events durably; what happened before that is untold. */
  tellTo(tell: (event: SecurityEvent) => void): void {
    this.#tell = tell;
  }

  /** Takes what has happened just now. */
  note(happened: Occurrence): void {
    const { event, reason, source } = happened;
    this.#count(event, reason);
    const kind = JSON.stringify([event, reason, source]);
    const nowUs = this.#clock.wallUs();
    const open = this.#windows.get(kind);
    if (open !== undefined) {
      open.repeats ??= { ...happened, count: 0, firstUs: nowUs, timeUs: nowUs };
      open.repeats.count += 1;
      open.repeats.timeUs = nowUs;
    } else if (this.#tell === undefined || this.#windows.size >= MAX_KINDS) {
      this.#untold += 1;
      this.#toSay += 1;
    } else {
      this.#windows.set(kind, { endsAtMs: this.#clock.monotonicMs() + this.#windowMs, repeats: undefined });
      this.#send({ ...happened, count: 1, firstUs: nowUs, timeUs: nowUs });
    }
  }

  /** Ends windows whose time is over until the function that it gives is called, which ends all of them. */
  start(): () => void {
    const stop = this.#clock.every(this.#windowMs / LOOKS_A_WINDOW, () => this.#endWindows(this.#clock.monotonicMs()));
    return () => {
      stop();
      this.#endWindows(Number.POSITIVE_INFINITY);
    };
  }

  counters(): SecurityCounters {
    return {
      occurrences: [...this.#occurrences.values()].map((one) => ({ ...one })),
      told: this.#told,
      untold: this.#untold,
    };
  }

  /** Events and reasons are few; what came beyond the bound would count without its reason. */
  #count(event: Occurrence["event"], given: string): void {
    const reason = this.#occurrences.size < MAX_KINDS ? given : "";
    const key = JSON.stringify([event, reason]);
    const known = this.#occurrences.get(key);
    if (known === undefined) this.#occurrences.set(key, { event, reason, count: 1 });
    else known.count += 1;
  }

  #endWindows(nowMs: number): void {
    for (const [kind, window] of this.#windows) {
      if (window.endsAtMs > nowMs) continue;
      const { repeats } = window;
      this.#windows.delete(kind);
      if (repeats === undefined) continue;
      this.#windows.set(kind, { endsAtMs: this.#clock.monotonicMs() + this.#windowMs, repeats: undefined });
      this.#send(repeats);
    }
  }

  #send(event: Omit<SecurityEvent, "untold">): void {
    const untold = this.#toSay;
    this.#toSay = 0;
    this.#told += 1;
    this.#tell?.({ ...event, untold });
  }
}
