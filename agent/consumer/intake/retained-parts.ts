import type { Clock } from "../../core/clock.ts";
import type { Session } from "../mqtt/session.ts";

/** Topics that are subscribed to at a time: AWS IoT Core takes 50 of a connection. */
const MAX_ASKED = 16;

export type RetainedWiring = {
  readonly session: () => Pick<Session, "ask" | "forget">;
  readonly clock: Clock;
  readonly holdMs: number;
};

/**
 * Asks the broker for retained parts of signal tables by their own topics: AWS IoT Core gives what is retained to no subscription with a
 * wildcard. What does not come in `holdMs` is not there. Over the bound nothing is asked, and the record goes without its table.
 */
export class RetainedParts {
  readonly #asked = new Set<string>();
  readonly #parts: RetainedWiring;

  constructor(parts: RetainedWiring) {
    this.#parts = parts;
  }

  ask(topic: string): void {
    if (this.#asked.has(topic) || this.#asked.size >= MAX_ASKED) return;
    this.#asked.add(topic);
    void this.#hold(topic).finally(() => this.#asked.delete(topic));
  }

  async #hold(topic: string): Promise<void> {
    const { session, clock, holdMs } = this.#parts;
    await session().ask(topic);
    await clock.sleep(holdMs);
    await session().forget(topic);
  }
}
