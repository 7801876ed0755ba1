import type { Clock } from "./clock.ts";
import type { LogFacts } from "./log.ts";

/** How far a start can be. */
type StartMoment =
  | "main"
  | "loaded"
  | "configuration"
  | "table"
  | "checked"
  | "outbox"
  | "composed"
  | "key"
  | "link"
  | "record"
  | "ready"
  | "online";

/**
 * When the start of the daemon had come how far, ms of the monotonic clock, which is the same to all processes of a boot: a benchmark lays
 * beside it what it saw itself. A moment counts once. Told at debug level, and to nobody else.
 */
export class StartMarks {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #moments = new Map<StartMoment, number>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  note(moment: StartMoment, atMs = this.#clock.monotonicMs()): void {
    if (!this.#moments.has(moment)) this.#moments.set(moment, atMs);
  }

  /** `mainMs`, `loadedMs` and so on, of what has been so far. */
  facts(): LogFacts {
    return Object.fromEntries([...this.#moments].map(([moment, atMs]) => [`${moment}Ms`, atMs]));
  }
}
