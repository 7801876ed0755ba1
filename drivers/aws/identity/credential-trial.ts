import type { Clock } from "../../../agent/core/clock.ts";
import { type LinkFacts, type LinkFault, notTakenInTime, sessionStopped } from "../link/link-faults.ts";

/** How long a trial may take, and what its faults name. */
export type TrialBounds = {
  readonly withinMs: number;
  readonly facts: LinkFacts;
  readonly clock: Pick<Clock, "sleep">;
};

/** The first connection with another credential: its first outcome decides, instead of what usually follows from it. */
export class CredentialTrial {
  #end: ((fault: LinkFault | undefined) => void) | undefined;

  /**
   * Connects, and waits until the trial ends, time is up or `signal` aborts. Gives the fault; undefined when the broker has taken the
   * credential.
   */
  async run(connect: () => void, bounds: TrialBounds, signal: AbortSignal): Promise<LinkFault | undefined> {
    const { withinMs, facts, clock } = bounds;
    const { promise, resolve } = Promise.withResolvers<LinkFault | undefined>();
    const done = new AbortController();
    this.#end = resolve;
    connect();
    void clock.sleep(withinMs, done.signal).then(() => resolve(notTakenInTime(facts, withinMs)));
    signal.addEventListener("abort", () => resolve(sessionStopped(facts)), { signal: done.signal });
    const fault = await promise;
    this.#end = undefined;
    done.abort();
    return fault;
  }

  /** Ends the trial: with the fault, or undefined when the broker has taken the credential. Gives false when there is none. */
  end(fault: LinkFault | undefined): boolean {
    if (this.#end === undefined) return false;
    this.#end(fault);
    return true;
  }
}
