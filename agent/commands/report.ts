import { fullJitterMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { WakeSignal } from "../core/wake-signal.ts";
import type { Broker } from "../ports/broker.ts";
import type { PartialResult } from "./action.ts";
import type { Answer } from "./answer.ts";
import type { CommandLedger, LedgerEntry } from "./ledger.ts";
import type { CommandRequest, ReplyAddress } from "./request.ts";

/** Wait before an answer that could not be told is tried again, ms. */
const RETRY = { minMs: 500, maxMs: 60_000 };
/** A command that runs longer is said to be in progress; telling it of a shorter one would only delay its end. */
const PROGRESS_AFTER_MS = 1000;
/** Answers on their way at a time. */
const MAX_REPORTING = 8;
/** Untold answers that are looked at at a time. */
const LOOK_AHEAD = 256;

/** One way by which requests come and answers go. Calls never reject. */
export type ReplyChannel = {
  /** Says that the command is in progress; best effort. */
  progress(reply: ReplyAddress, signal: AbortSignal): Promise<void>;
  /** Tells a part of the result before its end; best effort. Absent where the channel has no form for it. */
  part?(reply: ReplyAddress, part: PartialResult): Promise<void>;
  /** Tells the one answer. "reported": it arrived, or nobody wants it any more; "later": try again. */
  report(reply: ReplyAddress, answer: Answer, signal: AbortSignal): Promise<"reported" | "later">;
};

/** `random` gives 0 <= x < 1. */
export type ReporterParts = {
  readonly ledger: CommandLedger;
  readonly channelOf: (reply: ReplyAddress) => ReplyChannel;
  readonly broker: Pick<Broker, "online">;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};

type Pause = { readonly untilMs: number; readonly attempt: number };

/**
 * Tells the answers. They wait in the ledger until whoever asked has them: offline, and across restarts. Answers that are not in the
 * ledger (to what could not even be read) are told once, at best.
 */
export class Reporter {
  readonly #parts: ReporterParts;
  readonly #wakeSignal: WakeSignal;
  readonly #reporting = new Set<string>();
  readonly #pauses = new Map<string, Pause>();
  readonly #stopping = new AbortController();

  constructor(parts: ReporterParts) {
    this.#parts = parts;
    this.#wakeSignal = new WakeSignal(parts.clock);
  }

  /** The answer is in the ledger: it goes out. Gives it back. */
  report(request: CommandRequest, answer: Answer): Answer {
    this.#pauses.delete(request.ledgerId);
    this.#wakeSignal.wake();
    return answer;
  }

  /** Answers what is not in the ledger. Gives the answer back. */
  reject({ reply }: { readonly reply: ReplyAddress }, answer: Answer): Answer {
    this.#parts.log.debug("command.not-remembered", { channel: reply.channel, reason: answer.reason?.code });
    if (this.#reporting.size < MAX_REPORTING) void this.#reportOnce(reply, answer);
    return answer;
  }

  /** The command runs: says so if it has not finished soon. */
  started({ reply }: CommandRequest, finished: AbortSignal): void {
    const { clock, channelOf, ledger } = this.#parts;
    void clock.sleep(PROGRESS_AFTER_MS, finished).then(async () => {
      if (finished.aborted) return;
      ledger.flushAudit();
      await channelOf(reply).progress(reply, this.#stopping.signal);
    });
  }

  /** A part of its result is known before the rest. */
  tell({ reply }: CommandRequest, part: PartialResult): void {
    void this.#parts.channelOf(reply).part?.(reply, part);
  }

  /** Tells what is to be told, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      this.#stopping.abort();
      this.#wakeSignal.wake();
    };
    signal.addEventListener("abort", stop, { once: true });
    while (!signal.aborted) {
      if ((await this.#parts.broker.online(signal)) === undefined) return;
      const nowMs = this.#parts.clock.monotonicMs();
      for (const entry of this.#due(nowMs)) void this.#reportEntry(entry);
      await this.#wakeSignal.until(this.#nextMs(nowMs));
    }
  }

  #due(nowMs: number): readonly LedgerEntry[] {
    const free = MAX_REPORTING - this.#reporting.size;
    if (free <= 0) return [];
    return this.#parts.ledger
      .unreported(LOOK_AHEAD)
      .filter(({ id, answer }) => answer !== undefined && !this.#reporting.has(id))
      .filter(({ id }) => (this.#pauses.get(id)?.untilMs ?? 0) <= nowMs)
      .slice(0, free);
  }

  #nextMs(nowMs: number): number {
    return Math.min(nowMs + RETRY.maxMs, ...[...this.#pauses.values()].map(({ untilMs }) => untilMs));
  }

  async #reportEntry({ id, reply, answer }: LedgerEntry): Promise<void> {
    if (answer === undefined) return;
    this.#reporting.add(id);
    const outcome = await this.#parts.channelOf(reply).report(reply, answer, this.#stopping.signal);
    this.#reporting.delete(id);
    if (outcome === "reported" && this.#noteReported(id)) this.#pauses.delete(id);
    else this.#pause(id);
    this.#wakeSignal.wake();
  }

  /** An answer that cannot be noted as told is told again: whoever asked knows it by its id. */
  #noteReported(id: string): boolean {
    try {
      this.#parts.ledger.markReported(id);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#parts.log.error("command.not-noted", { id, code: thrown.code, what: thrown.message });
      return false;
    }
  }

  #pause(id: string): void {
    const { clock, random } = this.#parts;
    const attempt = (this.#pauses.get(id)?.attempt ?? -1) + 1;
    const waitMs = RETRY.minMs + fullJitterMs(attempt, RETRY, random);
    this.#pauses.set(id, { untilMs: clock.monotonicMs() + waitMs, attempt });
  }

  async #reportOnce(reply: ReplyAddress, answer: Answer): Promise<void> {
    const id = `once:${JSON.stringify(reply)}`;
    this.#reporting.add(id);
    await this.#parts.channelOf(reply).report(reply, answer, this.#stopping.signal);
    this.#reporting.delete(id);
    this.#wakeSignal.wake();
  }
}
