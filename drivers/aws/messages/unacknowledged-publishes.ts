import type { PublishOutcome } from "../../../agent/ports/broker.ts";

/** Publications of one connection without their acknowledgement: each ends with its own outcome, or with that of the connection. */
export class UnacknowledgedPublishes {
  readonly #waiting = new Set<(outcome: PublishOutcome) => void>();

  /** How many have no outcome yet. */
  get count(): number {
    return this.#waiting.size;
  }

  /** Counts a publication until `outcome` is there or `end` is called, and gives whichever comes first. */
  track(outcome: Promise<PublishOutcome>): Promise<PublishOutcome> {
    return new Promise((resolve) => {
      const settle = (first: PublishOutcome): void => {
        this.#waiting.delete(settle);
        resolve(first);
      };
      this.#waiting.add(settle);
      void outcome.then(settle);
    });
  }

  /** The connection is over: whatever still waits has this outcome. */
  end(outcome: PublishOutcome): void {
    for (const settle of this.#waiting) settle(outcome);
  }
}
