import type { Clock } from "../core/clock.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Action, Outcome, Prepared } from "./action.ts";
import type { ActionSlots } from "./action-slots.ts";
import type { Reporter } from "./report.ts";
import type { CommandRequest } from "./request.ts";

/** What is to be done for a request that may be done. */
export type PreparedCommand = { readonly kind: "plan"; readonly action: Action; readonly prepared: Prepared };

export type ActionRunnerParts = {
  readonly slots: ActionSlots;
  readonly reporter: Pick<Reporter, "started">;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
};

/** Runs actions, each within its time, and says so to whoever asked when it takes long. */
export class ActionRunner {
  readonly #parts: ActionRunnerParts;

  constructor(parts: ActionRunnerParts) {
    this.#parts = parts;
  }

  /** Those that run. */
  get slots(): ActionSlots {
    return this.#parts.slots;
  }

  /** Never rejects: a bug that a request brings out costs that request, or the next process would be sent it again. */
  async run({ action, prepared }: PreparedCommand, request: CommandRequest, signal: AbortSignal): Promise<Outcome> {
    const { slots, reporter, clock, log } = this.#parts;
    const finished = new AbortController();
    const late = new AbortController();
    void clock.sleep(action.timeoutMs, finished.signal).then(() => late.abort());
    slots.take(request.ledgerId, action);
    reporter.started(request, finished.signal);
    try {
      return await prepared.run(AbortSignal.any([signal, late.signal]));
    } catch (thrown) {
      const code = thrown instanceof AgentError ? thrown.code : "internal.bug";
      log.error("command.failed", { action: action.name, code, what: messageOf(thrown) });
      return { kind: "failed", code: "INTERNAL_ERROR", description: messageOf(thrown) };
    } finally {
      slots.release(request.ledgerId);
      finished.abort();
    }
  }
}
