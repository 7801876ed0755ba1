import { aborted } from "../core/aborted.ts";
import { ChangeSignal } from "../core/change-signal.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { UpdateSteps, WorkStep } from "./step-outcome.ts";
import type { ReportingStore, UpdateRecord, UpdateRequest } from "./update-record.ts";
import {
  advance,
  FIRST_STATE,
  isCancellable,
  isSettled,
  type UpdateEvent,
  type UpdateFailure,
  type UpdateState,
} from "./update-state.ts";

/** Between two tries of what must not be given up: to write the journal, to commit, to go back, ms. */
const RETRY_MS = 5000;

/**
 * What the updater works with. `restart` ends the process so that it is started again; `reboot` asks for a start of the system, which may
 * be refused. `untilStart` waits until the vehicle may do without what is to start anew; false when it was stopped first.
 */
export type UpdaterParts = {
  readonly store: ReportingStore;
  readonly steps: UpdateSteps;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
  restart(): void;
  reboot(): Promise<void>;
  untilStart(state: UpdateState, signal: AbortSignal): Promise<boolean>;
};

/**
 * Carries one update at a time through its steps, over any number of restarts. Each state is durable before its step begins, so that
 * whatever happens in between is met by a step that has been begun before.
 */
export class Updater {
  readonly #parts: UpdaterParts;
  readonly #change = new ChangeSignal();
  #record: UpdateRecord | undefined;
  #isLoaded = false;
  #wake = new AbortController();
  #step = new AbortController();
  #cancelled: Extract<UpdateEvent, { kind: "failed" }> | undefined;
  #isHealthConfirmed = false;

  constructor(parts: UpdaterParts) {
    this.#parts = parts;
  }

  /** The update that is under way, or the last one. */
  current(): UpdateRecord | undefined {
    if (!this.#isLoaded) {
      this.#record = this.#parts.store.load();
      this.#isLoaded = true;
    }
    return this.#record;
  }

  /** Resolves when `current` gives another state, or when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return this.#change.next(signal);
  }

  /** Takes an update whose manifest has been judged. "busy" while another one is under way. Throws the faults of the journal. */
  begin(digest: string, versionFrom: string, request: UpdateRequest): "begun" | "busy" {
    const running = this.current();
    if (running !== undefined && !isSettled(running.state)) return "busy";
    this.#cancelled = undefined;
    this.#isHealthConfirmed = false;
    this.#save({ digest, versionFrom, request, state: FIRST_STATE });
    this.#wake.abort();
    return "begun";
  }

  /** Someone in the vehicle agrees to the update under way: for this one, over restarts, and for no later one. Throws the faults of the journal. */
  consent(): void {
    const running = this.current();
    if (running !== undefined && isCancellable(running.state)) this.#save({ ...running, hasConsent: true });
  }

  /** The technician answers for the version on trial: for this update and no later one, and until the process ends. */
  confirmHealth(): void {
    this.#isHealthConfirmed = this.current() !== undefined;
  }

  /** Whether somebody answers for the version on trial, whatever its health says. */
  isHealthConfirmed(): boolean {
    return this.#isHealthConfirmed;
  }

  /** Gives the update up where that is still possible; once it has proven itself it is kept. */
  cancel(reason: Extract<UpdateFailure, "cancelled" | "timed-out">, detail: string): void {
    const running = this.current();
    if (running === undefined || !isCancellable(running.state)) return;
    this.#cancelled = { kind: "failed", reason, detail };
    this.#step.abort();
    this.#wake.abort();
  }

  /** Works until `signal` aborts, or until the process must start anew. */
  async run(signal: AbortSignal): Promise<void> {
    const found = this.current();
    this.#parts.store.report();
    if (found !== undefined) await this.#happened({ kind: "started" }, signal);
    while (!signal.aborted && (await this.#turn(signal)) === "go-on") continue;
  }

  /** One step, one wait for a start, or one for the next update. "end": the process must start anew. */
  async #turn(signal: AbortSignal): Promise<"go-on" | "end"> {
    const record = this.#record;
    if (record === undefined) return await this.#idle(signal);
    const { step, awaits } = record.state;
    if (awaits !== "at-once") return await this.#startAnew(record, signal);
    if (step === "done" || step === "failed") return await this.#idle(signal);
    return await this.#work(record, step, signal);
  }

  async #work(record: UpdateRecord, step: WorkStep, signal: AbortSignal): Promise<"go-on"> {
    this.#step = new AbortController();
    if (this.#cancelled !== undefined) this.#step.abort();
    const outcome = await this.#parts.steps[step](record, AbortSignal.any([signal, this.#step.signal]));
    const cancelled = this.#cancelled;
    this.#cancelled = undefined;
    if (outcome.kind === "unfinished") await this.#pause(step, outcome.detail, signal);
    else if (outcome.kind !== "stopped") await this.#happened(outcome, signal);
    if (cancelled !== undefined) await this.#happened(cancelled, signal);
    return "go-on";
  }

  /** The same step is begun again after it. */
  async #pause(step: WorkStep, detail: string, signal: AbortSignal): Promise<void> {
    this.#parts.log.warn("update.step-failed", { step, detail });
    await this.#parts.clock.sleep(RETRY_MS, signal);
  }

  /** Until the process or the system goes down. Where that is someone else's to do, or the vehicle must not be without it yet, an update can be given up meanwhile. */
  async #startAnew(record: UpdateRecord, signal: AbortSignal): Promise<"go-on" | "end"> {
    this.#parts.log.info("update.restart-wanted", { step: record.state.step, of: record.state.awaits });
    this.#wake = new AbortController();
    if (this.#cancelled !== undefined) this.#wake.abort();
    const either = AbortSignal.any([signal, this.#wake.signal]);
    if (await this.#parts.untilStart(record.state, either)) {
      if (record.state.awaits === "restart") {
        this.#parts.restart();
        return "end";
      }
      await this.#parts.reboot();
      await aborted(either);
    }
    const cancelled = this.#cancelled;
    this.#cancelled = undefined;
    if (cancelled !== undefined) await this.#happened(cancelled, signal);
    return "go-on";
  }

  async #idle(signal: AbortSignal): Promise<"go-on"> {
    this.#wake = new AbortController();
    await aborted(AbortSignal.any([signal, this.#wake.signal]));
    return "go-on";
  }

  /** A state that cannot be written is not acted on: the write is tried until it succeeds. */
  async #happened(event: UpdateEvent, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const record = this.current();
        if (record === undefined) return;
        const state = advance(record.state, event);
        if (state !== record.state) this.#save({ ...record, state });
        return;
      } catch (thrown) {
        if (!(thrown instanceof AgentError)) throw thrown;
        this.#parts.log.error("update.not-remembered", { code: thrown.code, what: thrown.message });
        await this.#parts.clock.sleep(RETRY_MS, signal);
      }
    }
  }

  #save(record: UpdateRecord): void {
    const { log, store } = this.#parts;
    const before = this.#record?.state;
    store.save(record);
    this.#record = record;
    this.#isLoaded = true;
    const { step, failure } = record.state;
    const facts = { step, digest: record.digest, reason: failure?.reason, detail: failure?.detail };
    const level = step === "rollback" || step === "failed" ? "warn" : "info";
    if (record.state !== before) log[level]("update.moved", facts);
    store.report();
    this.#change.notify();
  }
}
