import type { Clock } from "../../core/clock.ts";
import type { Pace } from "./pace.ts";
import { WHO, type Who, type Withheld } from "./tester-bus.ts";

/** Requests that may wait; a further one is withheld. */
const MAX_WAITING = 256;

/** What waits for its turn. No two of the same `ecu` are under way at once, in the background neither. */
export type Wanted = { readonly who: Who; readonly ecu: string };

/** The bus is yours: `yieldBus` lets others ask while an ECU makes us wait, `end` ends the turn. Both may be called again. */
export type Turn = { readonly kind: "turn"; readonly yieldBus: () => void; readonly end: () => void };

type Waiting = Wanted & { readonly give: (granted: Turn | Withheld) => void };

/** Gives the bus to one request after the other, as the pace allows: who goes before, then in the order in which they came. */
export class Turns {
  readonly #pace: Pick<Pace, "waitMs" | "takeRequest">;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  /** ECUs that are being asked, in the background too. */
  readonly #asked = new Set<string>();
  #isTaken = false;
  #isPacing = false;

  constructor(pace: Pick<Pace, "waitMs" | "takeRequest">, clock: Clock) {
    this.#pace = pace;
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves with the turn, or with why there is none. */
  take(wanted: Wanted, signal: AbortSignal): Promise<Turn | Withheld> {
    if (signal.aborted) return Promise.resolve(ABORTED);
    if (this.#waiting.length >= MAX_WAITING) {
      const what = `${MAX_WAITING} requests wait for their turn already`;
      return Promise.resolve({ kind: "withheld", reason: "rate", what });
    }
    return new Promise((resolve) => {
      const onAbort = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== entry);
        resolve(ABORTED);
      };
      const entry: Waiting = {
        ...wanted,
        give: (granted) => {
          signal.removeEventListener("abort", onAbort);
          resolve(granted);
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(entry);
      this.#next();
    });
  }

  /** Everything that waits gets `withheld` instead. */
  dismiss(withheld: Withheld): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { give } of waiting) give(withheld);
  }

  #next(): void {
    if (this.#isTaken || this.#isPacing || this.#best() === undefined) return;
    const waitMs = this.#pace.waitMs();
    if (waitMs > 0) {
      this.#isPacing = true;
      void this.#clock.sleep(waitMs).then(() => {
        this.#isPacing = false;
        this.#next();
      });
      return;
    }
    const best = this.#best();
    if (best === undefined) return;
    this.#waiting = this.#waiting.filter((one) => one !== best);
    this.#isTaken = true;
    this.#pace.takeRequest();
    this.#asked.add(best.ecu);
    best.give(this.#turnOf(best));
  }

  #best(): Waiting | undefined {
    const free = this.#waiting.filter(({ ecu }) => !this.#asked.has(ecu));
    return WHO.flatMap((who) => free.find((one) => one.who === who) ?? [])[0];
  }

  #turnOf({ ecu }: Wanted): Turn {
    let hasBus = true;
    let isOver = false;
    const yieldBus = (): void => {
      if (!hasBus) return;
      hasBus = false;
      this.#isTaken = false;
      this.#next();
    };
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      this.#asked.delete(ecu);
      if (hasBus) yieldBus();
      else this.#next();
    };
    return { kind: "turn", yieldBus, end };
  }
}

const ABORTED = { kind: "withheld", reason: "aborted", what: "it is not wanted any more" } as const;
