import type { RequestClient } from "../cloud/request-client.ts";
import { fullJitterMs } from "../core/backoff.ts";
import { isBelievable } from "../core/clock.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import type { Validity } from "../core/validity.ts";
import type { Broker } from "../ports/broker.ts";
import { type AnnouncementSubject, identityPublication } from "./identity-announcement.ts";
import { type ChangeParts, clearRetired, ensureKey, obtainCertificate } from "./identity-change.ts";
import type { IdentityState } from "./identity-state.ts";
import { provisioningFilters } from "./provisioning.ts";
import { renewalStartMs } from "./renewal-schedule.ts";

/** When renewal starts and how patient it is; durations in ms. */
export type RenewalSettings = {
  readonly enabled: boolean;
  readonly remainingShare: number;
  readonly jitterShare: number;
  readonly newKey: boolean;
  readonly checkMs: number;
  readonly verifyMs: number;
  readonly retry: { readonly minMs: number; readonly maxMs: number };
};

/** What renewal works with. `validity` tells the life of the certificate in use; undefined when it cannot be read. */
export type RenewalParts = ChangeParts & {
  readonly broker: Pick<Broker, "online" | "publish" | "switchCredential">;
  readonly requestClient: RequestClient;
  readonly announcer: AnnouncementSubject;
  readonly random: () => number;
  readonly settings: RenewalSettings;
  readonly validity: () => Validity | undefined;
};

/** How a renewal ended. "failed": the identity from before goes on. */
export type RenewalOutcome =
  | { readonly kind: "renewed"; readonly certificateId: string }
  | { readonly kind: "failed"; readonly fault: AgentError };

/**
 * A wish for a new certificate. `confirm`, where given, is asked after the announcement and before the old key goes, and says whether the
 * one who wished knows of the new certificate: a job reports it to the cloud there.
 */
export type RenewalRequest = {
  readonly reason: string;
  readonly confirm?: (certificateId: string) => Promise<boolean>;
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
 * Gives the running device its next certificate before the present one ends: a key and a certificate in the other slot, a first
 * connection with them, the change of the two, the announcement, and only then the end of the old key. Whatever fails leaves the old
 * identity in use; a change that was cut by the end of the process is continued by `run`.
 */
export class Renewal {
  readonly #parts: RenewalParts;
  #requested: (RenewalRequest & { settle(outcome: RenewalOutcome): void }) | undefined;
  #wake = new AbortController();
  /** Nothing is begun before this, unless it is wished. Monotonic: a clock that is set meanwhile must not keep a renewal from being tried again. */
  #retryAtMs: number | undefined;
  #jitter: { readonly certificateId: string; readonly share: number } | undefined;
  #status: RenewalStatus = { state: "waiting", nextAtMs: undefined, failures: 0, fault: undefined };

  constructor(parts: RenewalParts) {
    this.#parts = parts;
  }

  status(): RenewalStatus {
    return this.#status;
  }

  /** Renews now, whatever time is left. A wish that comes while another one waits fails with `identity.renewal-busy`. */
  request(request: RenewalRequest): Promise<RenewalOutcome> {
    if (this.#requested !== undefined) return Promise.resolve({ kind: "failed", fault: busy() });
    const { promise, resolve } = Promise.withResolvers<RenewalOutcome>();
    this.#requested = { ...request, settle: resolve };
    this.#wake.abort();
    return promise;
  }

  /** The loop, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { broker } = this.#parts;
    while (!signal.aborted) {
      if ((await broker.online(signal)) === undefined) break;
      if (this.#requested === undefined) await this.#pause(this.#waitMs(), signal);
      if (signal.aborted) break;
      if (this.#requested === undefined && this.#waitMs() > 0) continue;
      if ((await broker.online(signal)) === undefined) break;
      await this.#renew(signal);
    }
    this.#settleRequest({ kind: "failed", fault: stopped() });
  }

  /** How long to wait before there is something to do, ms; at most `checkMs`, so that a clock that was set is noticed. */
  #waitMs(): number {
    const { settings, clock } = this.#parts;
    const nowMs = clock.wallUs() / 1000;
    const restMs = this.#retryAtMs === undefined ? 0 : this.#retryAtMs - clock.monotonicMs();
    if (restMs > 0) return restMs;
    this.#retryAtMs = undefined;
    if (this.#isFailed()) return 0;
    const nextAtMs = this.#dueAtMs();
    if (this.#isFailed()) return settings.checkMs;
    this.#note({ state: settings.enabled ? "waiting" : "off", nextAtMs });
    if (nextAtMs === undefined) return settings.checkMs;
    return Math.min(settings.checkMs, Math.max(0, nextAtMs - nowMs));
  }

  /** When renewal starts: at once for a change that was cut. Undefined while nobody can say, or when it is off. */
  #dueAtMs(): number | undefined {
    const { identityStore, settings, clock, validity } = this.#parts;
    const state = this.#state();
    if (state === undefined) return undefined;
    if (state.change?.kind === "renew" || state.retirement !== undefined || state.discarded.length > 0) return 0;
    const life = validity();
    if (!settings.enabled || life === undefined || !isBelievable(clock.quality())) return undefined;
    const certificateId = identityStore.inUse()?.certificateId ?? "";
    if (this.#jitter?.certificateId !== certificateId) this.#jitter = { certificateId, share: this.#parts.random() };
    return renewalStartMs(life, settings, this.#jitter.share);
  }

  #state(): IdentityState | undefined {
    try {
      return this.#parts.identityStore.state();
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#fail(error);
      return undefined;
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#parts;
    const { reason = "expiry", confirm } = this.#requested ?? {};
    this.#retryAtMs = undefined;
    this.#note({ state: "renewing", nextAtMs: undefined });
    const startMs = clock.monotonicMs();
    try {
      const certificateId = await this.#change(reason, confirm, signal);
      const ms = Math.round(clock.monotonicMs() - startMs);
      if (certificateId !== undefined) log.info("identity.renewed", { reason, certificateId, ms });
      this.#status = { state: "waiting", nextAtMs: undefined, failures: 0, fault: undefined };
      // A cloud whose certificates are due when they come must not be asked without end.
      this.#retryAtMs = clock.monotonicMs() + this.#parts.settings.retry.minMs;
      if (certificateId !== undefined) this.#settleRequest({ kind: "renewed", certificateId });
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      if (!signal.aborted) this.#fail(error);
    }
  }

  #fail(fault: AgentError): void {
    const { log, clock } = this.#parts;
    const failures = this.#status.failures + 1;
    const retryMs = this.#retryMs();
    const { code, message, remedy } = fault;
    log.error("identity.renewal-failed", { code, what: message, remedy, failures, retryMs });
    this.#retryAtMs = clock.monotonicMs() + retryMs;
    this.#note({ state: "failed", failures, fault, nextAtMs: clock.wallUs() / 1000 + retryMs });
    this.#settleRequest({ kind: "failed", fault });
  }

  #retryMs(): number {
    const { settings, random } = this.#parts;
    const { minMs, maxMs } = settings.retry;
    return minMs + fullJitterMs(this.#status.failures, { minMs, maxMs: Math.max(minMs, maxMs) }, random);
  }

  /** From wherever the change stands to its end. Gives the id of the certificate in use then; undefined when there was only something to tidy up. */
  async #change(reason: string, confirm: RenewalRequest["confirm"], signal: AbortSignal): Promise<string | undefined> {
    const { identityStore, settings, broker, requestClient, order } = this.#parts;
    const { change, retirement } = identityStore.state();
    if (change?.kind === "enrol") throw enrolling();
    if (change === undefined && retirement === undefined) {
      await clearRetired(this.#parts);
      if (this.#requested === undefined && !this.#isDue()) return undefined;
      identityStore.apply({ kind: "begin", change: "renew", isNewKey: settings.newKey, reason });
    }
    await this.#ensureKey();
    if (identityStore.state().change !== undefined && identityStore.state().change?.phase !== "registered") {
      await requestClient.listen(provisioningFilters(order.format, order.template));
      await obtainCertificate(this.#parts, requestClient, signal);
    }
    if (identityStore.state().change?.phase === "registered") await this.#switchCredential();
    if ((await broker.online(signal)) === undefined) throw stopped();
    await this.#announce(confirm);
    await clearRetired(this.#parts);
    return identityStore.inUse()?.certificateId;
  }

  async #ensureKey(): Promise<void> {
    const { identityStore } = this.#parts;
    try {
      await ensureKey(this.#parts);
    } catch (error) {
      // A key that shall be kept and is not there cannot come back by trying.
      if (error instanceof AgentError && error.code === "identity.key-missing")
        identityStore.apply({ kind: "abandoned" });
      throw error;
    }
  }

  /** The first connection with the new identity; it stays, and the two change places. */
  async #switchCredential(): Promise<void> {
    const { identityStore, broker, settings, log } = this.#parts;
    const { change, slots } = identityStore.state();
    const next = change === undefined ? undefined : slots[change.slot];
    if (next === undefined) throw new Error("a renewal without a certificate to connect with");
    const outcome = await broker.switchCredential(next, settings.verifyMs);
    if (outcome.kind === "moved") {
      identityStore.apply({ kind: "verified" });
      return;
    }
    const { fault } = outcome;
    log.warn("identity.certificate-not-taken", { code: fault.code, what: fault.what });
    // Without an answer nothing speaks against the certificate: it is tried again.
    if (fault.code !== "broker.unreachable" && !fault.code.startsWith("proxy."))
      identityStore.apply({ kind: "abandoned" });
    throw new AgentError(fault.code, fault);
  }

  async #announce(confirm: RenewalRequest["confirm"]): Promise<void> {
    const { identityStore, broker, announcer } = this.#parts;
    const { retirement, slots, inUse } = identityStore.state();
    const current = inUse === undefined ? undefined : slots[inUse];
    if (retirement?.stage !== "announce" || current === undefined) return;
    const { certificateId } = current;
    const previousCertificateId = slots[retirement.slot]?.certificateId;
    const outcome = await broker.publish(identityPublication(announcer, { certificateId, previousCertificateId }));
    if (outcome.kind !== "acked") throw announcementFailed(outcome.kind === "refused" ? outcome.reason : outcome.kind);
    const isKnown =
      confirm === undefined
        ? true
        : await confirm(certificateId).catch((error: unknown) => {
            throw announcementFailed(messageOf(error));
          });
    if (!isKnown) throw announcementFailed("it was not confirmed");
    identityStore.apply({ kind: "announced" });
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    this.#wake = new AbortController();
    if (this.#requested !== undefined) return;
    await this.#parts.clock.sleep(ms, AbortSignal.any([signal, this.#wake.signal]));
  }

  #isDue(): boolean {
    const dueAtMs = this.#dueAtMs();
    return dueAtMs !== undefined && dueAtMs <= this.#parts.clock.wallUs() / 1000;
  }

  #isFailed(): boolean {
    return this.#status.state === "failed";
  }

  #settleRequest(outcome: RenewalOutcome): void {
    const wish = this.#requested;
    this.#requested = undefined;
    wish?.settle(outcome);
  }

  #note(status: Partial<RenewalStatus>): void {
    this.#status = { ...this.#status, ...status };
  }
}

function busy(): AgentError {
  return new AgentError("identity.renewal-busy", {
    what: "the certificate is being renewed already",
    remedy: "wait for it; causeway status shows how it stands",
  });
}

function enrolling(): AgentError {
  return new AgentError("identity.renewal-busy", {
    what: "an enrolment was begun and not finished",
    remedy: "stop the agent and run causeway provision again",
  });
}

function stopped(): AgentError {
  return new AgentError("identity.renewal-unfinished", {
    what: "the agent stopped before the renewal had ended",
    remedy: "none: it goes on with the next start",
  });
}

function announcementFailed(problem: string): AgentError {
  return new AgentError("identity.renewal-unfinished", {
    what: `the new certificate is in use, but the cloud has not acknowledged it: ${problem}`,
    remedy:
      "none if it passes: it is told again, and the old key is kept until then; let the broker's policy allow topics.identity",
  });
}
