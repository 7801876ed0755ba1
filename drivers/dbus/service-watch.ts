import type { Clock } from "../../agent/core/clock.ts";
import { AgentError } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type { SystemBus } from "./system-bus.ts";

/** Signals that come together are one reason to read, ms; a service that signals without end is read this often. */
const GATHER_MS = 500;
/** What no signal tells is read so often, ms. */
const REFRESH_MS = 60_000;

export type ServiceWatchParts<T> = {
  readonly bus: Pick<SystemBus, "watch">;
  readonly service: string;
  /** Signals of these interfaces are a reason to read. */
  readonly interfaces: readonly string[];
  /** Reads all that is wanted of the service. May throw the faults of the bus. */
  readonly read: () => Promise<T>;
  /** Gets what was read, and undefined when the service has gone. */
  readonly told: (facts: T | undefined) => void;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
};

/**
 * Reads a service of the bus anew when it comes, when it says that something has changed, and now and then. Of faults in a row the first is
 * logged, and what was read last holds until the service goes.
 */
export class ServiceWatch<T> {
  readonly #parts: ServiceWatchParts<T>;
  #ending = new AbortController();
  #unwatch: (() => void)[] = [];
  #isThere = false;
  #isReading = false;
  #isDue = false;
  #isFailing = false;

  constructor(parts: ServiceWatchParts<T>) {
    this.#parts = parts;
  }

  start(): void {
    const { bus, service, interfaces } = this.#parts;
    this.#ending = new AbortController();
    const listener = { onSignal: () => this.#due(), onOwner: (isThere: boolean) => this.#owned(isThere) };
    this.#unwatch = interfaces.map((name) => bus.watch({ service, interface: name }, listener));
    void this.#refresh(this.#ending.signal);
  }

  stop(): void {
    this.#ending.abort();
    for (const unwatch of this.#unwatch) unwatch();
  }

  #owned(isThere: boolean): void {
    this.#isThere = isThere;
    if (isThere) this.#due();
    else this.#parts.told(undefined);
  }

  #due(): void {
    this.#isDue = true;
    if (!this.#isReading) void this.#readAll(this.#ending.signal);
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.clock.sleep(REFRESH_MS, signal);
      if (this.#isThere && !signal.aborted) this.#due();
    }
  }

  /** Never rejects, but for a bug. */
  async #readAll(signal: AbortSignal): Promise<void> {
    this.#isReading = true;
    while (this.#isDue && this.#isThere && !signal.aborted) {
      this.#isDue = false;
      await this.#readOnce(signal);
      await this.#parts.clock.sleep(GATHER_MS, signal);
    }
    this.#isReading = false;
  }

  async #readOnce(signal: AbortSignal): Promise<void> {
    const { service, read, told, log } = this.#parts;
    try {
      const facts = await read();
      this.#isFailing = false;
      if (this.#isThere && !signal.aborted) told(facts);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      if (!this.#isFailing) log.warn("link.service-unread", { service, code: thrown.code, what: thrown.message });
      this.#isFailing = true;
    }
  }
}
