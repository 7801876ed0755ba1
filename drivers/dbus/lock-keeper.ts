import { once } from "node:events";
import { type BackoffBounds, backoffMs } from "../../agent/core/backoff.ts";
import type { Clock } from "../../agent/core/clock.ts";
import type { AgentError } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import { type DelayLock, lockFault } from "./delay-lock.ts";

const RETRY: BackoffBounds = { minMs: 250, maxMs: 60_000 };
/** Taking it is a call of logind and the start of a unit, for which a machine under load needs many seconds; whoever gives up begins again. */
const TAKE_MS = 60_000;
/** So long a start waits for the first try, which then goes on by itself. */
const FIRST_TRY_MS = 5000;

/** `take` gets the lock, or rejects with `power.unavailable` or `power.denied`, at once when the signal aborts. */
export type LockKeeperParts = {
  readonly take: (signal: AbortSignal) => Promise<DelayLock>;
  readonly clock: Clock;
  readonly log: Log;
};

/** Holds a lock while it is wanted: takes it again with back-off when it was refused or lost. */
export class LockKeeper {
  readonly #parts: LockKeeperParts;
  readonly #stopping = new AbortController();
  #change = new AbortController();
  #lock: DelayLock | undefined;
  #isWanted = true;
  #fault: AgentError | undefined;

  constructor(parts: LockKeeperParts) {
    this.#parts = parts;
  }

  /** Why it is not held though it is wanted. */
  fault(): AgentError | undefined {
    return this.#isWanted ? this.#fault : undefined;
  }

  /** Begins; resolves when the lock was tried once, or that lasts: then with a fault, which is over with the lock. */
  async start(): Promise<void> {
    const { promise: tried, resolve } = Promise.withResolvers<"tried">();
    void this.#run(() => resolve("tried"));
    const done = new AbortController();
    const late = this.#parts.clock.sleep(FIRST_TRY_MS, done.signal).then(() => "late" as const);
    if ((await Promise.race([tried, late])) === "late") this.#report(lockFault("it is still waited for"));
    done.abort();
  }

  /** Lets it go at once, until it is wanted again. */
  letGo(): void {
    this.#isWanted = false;
    this.#lock?.release();
    this.#changed();
  }

  /** Takes it where it is not held, without waiting for the next try. */
  want(): void {
    this.#isWanted = true;
    if (this.#lock === undefined) this.#changed();
  }

  /** Lets it go for good. */
  stop(): void {
    this.#stopping.abort();
    this.letGo();
  }

  /** Never rejects. */
  async #run(onTried: () => void): Promise<void> {
    const { clock } = this.#parts;
    let attempt = 0;
    while (!this.#stopping.signal.aborted) {
      const { signal } = this.#change;
      if (!this.#isWanted) {
        onTried();
        await once(signal, "abort");
        continue;
      }
      const lock = await this.#tryOnce();
      onTried();
      if (lock === undefined) {
        await clock.sleep(backoffMs(attempt, RETRY), this.#change.signal);
        attempt += 1;
        continue;
      }
      attempt = 0;
      await this.#hold(lock);
    }
    onTried();
  }

  async #tryOnce(): Promise<DelayLock | undefined> {
    const { take, clock, log } = this.#parts;
    const [late, done] = [new AbortController(), new AbortController()];
    void clock.sleep(TAKE_MS, done.signal).then(() => late.abort());
    try {
      const lock = await take(AbortSignal.any([late.signal, this.#stopping.signal]));
      if (this.#fault !== undefined) log.info("power.lock-taken");
      this.#fault = undefined;
      return lock;
    } catch (thrown) {
      this.#report(lockFault(thrown));
      return undefined;
    } finally {
      done.abort();
    }
  }

  /** Until it is lost or let go. It may have been let go while it was taken. */
  async #hold(lock: DelayLock): Promise<void> {
    if (!this.#isWanted) return lock.release();
    this.#lock = lock;
    const released = once(this.#change.signal, "abort").then(() => undefined);
    const why = await Promise.race([lock.lost, released]);
    this.#lock = undefined;
    lock.release();
    if (why === undefined || !this.#isWanted) return;
    this.#report(lockFault(why));
    await this.#parts.clock.sleep(RETRY.minMs, this.#change.signal);
  }

  #report(fault: AgentError): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#fault?.message !== fault.message) {
      this.#parts.log.warn("power.lock-missing", { code: fault.code, what: fault.message, remedy: fault.remedy });
    }
    this.#fault = fault;
  }

  #changed(): void {
    this.#change.abort();
    this.#change = new AbortController();
  }
}
