import { once } from "node:events";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { LocalHttp } from "../ports/local-http.ts";

/** A place that another program has is tried again after this time, ms. */
const RETRY_MS = 60_000;

export type ScrapeServiceParts = {
  readonly http: LocalHttp;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
};

/** Lets scrapers be answered. A place that cannot be had costs the scrape, not the agent: that is told once, and tried again. */
export class ScrapeService {
  readonly #parts: ScrapeServiceParts;
  #problem: string | undefined;
  #isOpen = false;

  constructor(parts: ScrapeServiceParts) {
    this.#parts = parts;
  }

  /** Why nobody is answered; undefined while somebody can be. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Tries anew while the place cannot be had, until `signal` aborts. Call `open` before it. */
  async run(signal: AbortSignal): Promise<void> {
    const { http, clock } = this.#parts;
    while (!signal.aborted && !this.#isOpen) {
      await clock.sleep(RETRY_MS, signal);
      if (!signal.aborted) await this.open();
    }
    if (!signal.aborted) await once(signal, "abort");
    await http.stop();
  }

  /** Tries once. Throws bugs alone. */
  async open(): Promise<void> {
    const { http, log } = this.#parts;
    try {
      await http.start();
      if (this.#problem !== undefined) log.info("metrics.served");
      this.#problem = undefined;
      this.#isOpen = true;
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      if (this.#problem === undefined) log.error("metrics.not-served", { what: thrown.message });
      this.#problem = thrown.message;
    }
  }
}
