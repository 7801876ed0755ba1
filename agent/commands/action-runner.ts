import type { Clock } from "../core/clock.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Action, Outcome, Prepared } from "./action.ts";
import type { ActionSlots } from "./action-slots.ts";
import type { Reporter } from "./report.ts";
import type { CommandRequest } from "./request.ts";

/** What is to be done for a request that may be done. */
export type PreparedCommand = { readonly kind: "plan"; readonly action: Action; readonly prepared: Prepared };

/** Between two looks whether a turn has come, ms. */
const TURN_POLL_MS = 20;

export type ActionRunnerParts = {
  readonly slots: ActionSlots;
  /** Of commands that wait for their turn. */
  readonly queue: ActionSlots;
  readonly reporter: Pick<Reporter, "started" | "tell">;
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

  /** Why a command cannot begin now: what it uses alone is in use, too much runs, or others wait before it; undefined where it can. */
  busy(action: Action, { ledgerId }: Pick<CommandRequest, "ledgerId">): string | undefined {
    const { slots, queue } = this.#parts;
    const full = slots.fullOf(action);
    const before = action.queues === true ? queue.before(ledgerId).rivalOf(action) : undefined;
    const rival = slots.rivalOf(action) ?? before;
    if (rival !== undefined) return `${rival.name} is running`;
    return full === undefined ? undefined : `${full} are running`;
  }

  /** Whether a command that cannot begin now may wait for its turn. */
  mayQueue(action: Action): boolean {
    return action.queues === true && this.#parts.queue.fullOf(action) === undefined;
  }

  /** Waits until it is the turn of a command, `isOver` says that it came too late, or `signal` aborts. Its place is kept until `leave`. */
  async turn(action: Action, request: CommandRequest, isOver: () => boolean, signal: AbortSignal): Promise<void> {
    const { queue, reporter, clock } = this.#parts;
    const ended = new AbortController();
    queue.take(request.ledgerId, action);
    reporter.started(request, ended.signal);
    while (this.busy(action, request) !== undefined && !isOver() && !signal.aborted) {
      await clock.sleep(TURN_POLL_MS, signal);
    }
    ended.abort();
  }

  /** A command waits no more. Where it begins, its place among those that run is held. */
  leave(action: Action, { ledgerId }: CommandRequest, begins: boolean): void {
    const { slots, queue } = this.#parts;
    queue.release(ledgerId);
    if (begins) slots.take(ledgerId, action);
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
      return await prepared.run(AbortSignal.any([signal, late.signal]), (part) => reporter.tell(request, part));
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
