import { fullJitterMs } from "../core/backoff.ts";
import { ChangeSignal } from "../core/change-signal.ts";
import { isBelievable } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Validity } from "../core/validity.ts";
import { type RenewalShares, renewalDueMs } from "./renewal-schedule.ts";
import { type RenewalAttempt, type RenewalStepParts, renewCertificate, stopped } from "./renewal-steps.ts";

/** When renewal starts and how patient it is; durations in ms. */
export type RenewalSettings = RenewalShares & {
  readonly enabled: boolean;
  readonly newKey: boolean;
  readonly checkMs: number;
  readonly verifyMs: number;
  readonly retry: { readonly minMs: number; readonly maxMs: number };
};

export type RenewalParts = {
  readonly steps: RenewalStepParts;
  readonly settings: RenewalSettings;
  /** The life of the certificate in use; undefined when it cannot be read. */
  readonly validity: () => Validity | undefined;
  /** 0 <= x < 1 */
  readonly random: () => number;
};

/** How a renewal ended. "failed": the identity from before goes on. */
export type RenewalOutcome =
  | { readonly kind: "renewed"; readonly certificateId: string }
  | { readonly kind: "failed"; readonly fault: AgentError };

/** A wish for a new certificate, whatever time is left. A job reports the new certificate to the cloud in `confirm`. */
export type RenewalRequest = {
  readonly reason: string;
  readonly confirm?: RenewalAttempt["confirm"];
};

/** What renewal is doing. Wall times are ms since the Unix epoch. */
export type RenewalStatus = {
  readonly state: "off" | "waiting" | "renewing" | "failed";
  /** When it starts, or is tried again; undefined when that is not known. */
  readonly nextAtMs: number | undefined;
  readonly failures: number;
  readonly fault: AgentError | undefined;
};

/**
 * Gives the running device its next certificate before the present one ends, or when someone requests one. Whatever fails leaves the old
 * identity in use; a change that was cut by the end of the process goes on with `run`.
 */
export class Renewal {
  readonly #parts: RenewalParts;
  readonly #change = new ChangeSignal();
  /** Where in its spread a renewal of this process starts: drawn once, so that it is the same at every look. */
  readonly #jitter: number;
  #wish: (RenewalRequest & { settle(outcome: RenewalOutcome): void }) | undefined;
  #wake = new AbortController();
  /** Nothing is begun before this, unless it is requested. Monotonic: a clock that is set meanwhile must not keep a renewal from being tried again. */
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #status: RenewalStatus = { state: "waiting", nextAtMs: undefined, failures: 0, fault: undefined };

  constructor(parts: RenewalParts) {
    this.#parts = parts;
    this.#jitter = parts.random();
  }

  status(): RenewalStatus {
    return this.#status;
  }

  /** Resolves when `status` gives another answer, or when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return this.#change.next(signal);
  }

  /** Renews now. A request that comes while another one waits fails with `identity.renewal-busy`. */
  request(request: RenewalRequest): Promise<RenewalOutcome> {
    if (this.#wish !== undefined) return Promise.resolve({ kind: "failed", fault: busy() });
    const { promise, resolve } = Promise.withResolvers<RenewalOutcome>();
    this.#wish = { ...request, settle: resolve };
    this.#wake.abort();
    return promise;
  }

  /** The loop, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { broker } = this.#parts.steps;
    while ((await broker.online(signal)) !== undefined && !signal.aborted) {
      try {
        await this.#turn(signal);
      } catch (error) {
        if (!(error instanceof AgentError)) throw error;
        if (!signal.aborted) this.#fail(error);
      }
    }
    this.#settleWish({ kind: "failed", fault: stopped() });
  }

  /** A renewal where it is time for one; otherwise the wait for it, of at most `checkMs`, so that a clock that was set is noticed. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { steps, settings } = this.#parts;
    const restMs = this.#retryAtMs - steps.clock.monotonicMs();
    if (this.#wish === undefined && restMs > 0) return await this.#pause(restMs, signal);
    if (this.#wish !== undefined || this.#status.state === "failed") return await this.#renew(signal);
    const nextAtMs = this.#dueAtMs();
    const waitMs = (nextAtMs ?? Number.POSITIVE_INFINITY) - steps.clock.wallUs() / 1000;
    if (waitMs <= 0) return await this.#renew(signal);
    this.#note({ state: settings.enabled ? "waiting" : "off", nextAtMs });
    await this.#pause(Math.min(settings.checkMs, waitMs), signal);
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { steps, settings } = this.#parts;
    const { clock, log } = steps;
    const { reason = "expiry", confirm } = this.#wish ?? {};
    const { newKey: isNewKey, verifyMs } = settings;
    const isDue = this.#wish !== undefined || (this.#dueAtMs() ?? Number.POSITIVE_INFINITY) <= clock.wallUs() / 1000;
    this.#note({ state: "renewing", nextAtMs: undefined });
    const startMs = clock.monotonicMs();
    const certificateId = await renewCertificate(steps, { reason, confirm, isDue, isNewKey, verifyMs }, signal);
    // A cloud whose certificates are due when they come must not be asked without end.
    this.#retryAtMs = clock.monotonicMs() + settings.retry.minMs;
    this.#note({ state: "waiting", nextAtMs: undefined, failures: 0, fault: undefined });
    if (certificateId === undefined) return;
    log.info("identity.renewed", { reason, certificateId, ms: Math.round(clock.monotonicMs() - startMs) });
    this.#settleWish({ kind: "renewed", certificateId });
  }

  /** When there is something to do; see `renewalDueMs`. Throws the faults of the identity's state. */
  #dueAtMs(): number | undefined {
    const { steps, settings, validity } = this.#parts;
    const life = isBelievable(steps.clock.quality()) ? validity() : undefined;
    return renewalDueMs({ state: steps.identityStore.state(), life }, settings, this.#jitter);
  }

  #fail(fault: AgentError): void {
    const { clock, log } = this.#parts.steps;
    const retryMs = this.#retryMs();
    const failures = this.#status.failures + 1;
    const { code, message, remedy } = fault;
    log.error("identity.renewal-failed", { code, what: message, remedy, failures, retryMs });
    this.#retryAtMs = clock.monotonicMs() + retryMs;
    this.#note({ state: "failed", failures, fault, nextAtMs: clock.wallUs() / 1000 + retryMs });
    this.#settleWish({ kind: "failed", fault });
  }

  #retryMs(): number {
    const { settings, random } = this.#parts;
    const { minMs, maxMs } = settings.retry;
    return minMs + fullJitterMs(this.#status.failures, { minMs, maxMs: Math.max(minMs, maxMs) }, random);
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    this.#wake = new AbortController();
    await this.#parts.steps.clock.sleep(ms, AbortSignal.any([signal, this.#wake.signal]));
  }

  #settleWish(outcome: RenewalOutcome): void {
    const wish = this.#wish;
    this.#wish = undefined;
    wish?.settle(outcome);
  }

  #note(status: Partial<RenewalStatus>): void {
    this.#status = { ...this.#status, ...status };
    this.#change.notify();
  }
}

function busy(): AgentError {
  return new AgentError("identity.renewal-busy", {
    what: "the certificate is being renewed already",
    remedy: "wait for it; causeway status shows how it stands",
  });
}
