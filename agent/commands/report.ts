import { fullJitterMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { Doze } from "../core/doze.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Broker } from "../ports/broker.ts";
import type { Answer } from "./answer.ts";
import type { CommandLedger, LedgerEntry } from "./ledger.ts";
import type { ReplyAddress, Request } from "./request.ts";

/** Wait before an answer that could not be told is tried again, ms. */
const RETRY = { minMs: 500, maxMs: 60_000 };
/** A command that runs longer is said to be in progress; telling it of a shorter one would only delay its end. */
const PROGRESS_AFTER_MS = 1000;
/** Answers on their way at a time. */
const MAX_TELLING = 8;
/** Untold answers that are looked at at a time. */
const LOOK_AHEAD = 256;

/** One way by which requests come and answers go. Calls never reject. */
export type Door = {
  /** Says that the command is in progress; best effort. */
  progress(reply: ReplyAddress, signal: AbortSignal): Promise<void>;
  /** Tells the one answer. "told": it arrived, or nobody wants it any more; "later": try again. */
  tell(reply: ReplyAddress, answer: Answer, signal: AbortSignal): Promise<"told" | "later">;
};

/** What a reporter is made of. `random` gives 0 <= x < 1. */
export type ReporterParts = {
  readonly ledger: CommandLedger;
  readonly doorOf: (reply: ReplyAddress) => Door;
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
  readonly #doze: Doze;
  readonly #telling = new Set<string>();
  readonly #pauses = new Map<string, Pause>();
  readonly #stopping = new AbortController();

  constructor(parts: ReporterParts) {
    this.#parts = parts;
    this.#doze = new Doze(parts.clock);
  }

  /** The answer is in the ledger: it goes out. Gives it back. */
  tell(request: Request, answer: Answer): Answer {
    this.#pauses.delete(request.ledgerId);
    this.#doze.wake();
    return answer;
  }

  /** Answers what is not in the ledger. Gives the answer back. */
  turnAway({ reply }: { readonly reply: ReplyAddress }, answer: Answer): Answer {
    this.#parts.log.debug("command.not-remembered", { door: reply.door, reason: answer.reason?.code });
    if (this.#telling.size < MAX_TELLING) void this.#tellOnce(reply, answer);
    return answer;
  }

  /** The command runs: says so if it has not finished soon. */
  started({ reply }: Request, finished: AbortSignal): void {
    const { clock, doorOf, ledger } = this.#parts;
    void clock.sleep(PROGRESS_AFTER_MS, finished).then(async () => {
      if (finished.aborted) return;
      ledger.flushAudit();
      await doorOf(reply).progress(reply, this.#stopping.signal);
    });
  }

  /** Tells what is to be told, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      this.#stopping.abort();
      this.#doze.wake();
    };
    signal.addEventListener("abort", stop, { once: true });
    while (!signal.aborted) {
      if ((await this.#parts.broker.online(signal)) === undefined) return;
      const nowMs = this.#parts.clock.monotonicMs();
      for (const entry of this.#due(nowMs)) void this.#tellEntry(entry);
      await this.#doze.until(this.#nextMs(nowMs));
    }
  }

  #due(nowMs: number): readonly LedgerEntry[] {
    const free = MAX_TELLING - this.#telling.size;
    if (free <= 0) return [];
    return this.#parts.ledger
      .untold(LOOK_AHEAD)
      .filter(({ id, answer }) => answer !== undefined && !this.#telling.has(id))
      .filter(({ id }) => (this.#pauses.get(id)?.untilMs ?? 0) <= nowMs)
      .slice(0, free);
  }

  #nextMs(nowMs: number): number {
    return Math.min(nowMs + RETRY.maxMs, ...[...this.#pauses.values()].map(({ untilMs }) => untilMs));
  }

  async #tellEntry({ id, reply, answer }: LedgerEntry): Promise<void> {
    if (answer === undefined) return;
    this.#telling.add(id);
    const outcome = await this.#parts.doorOf(reply).tell(reply, answer, this.#stopping.signal);
    this.#telling.delete(id);
    if (outcome === "told" && this.#noteTold(id)) this.#pauses.delete(id);
    else this.#pause(id);
    this.#doze.wake();
  }

  /** An answer that cannot be noted as told is told again: whoever asked knows it by its id. */
  #noteTold(id: string): boolean {
    try {
      this.#parts.ledger.told(id);
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

  async #tellOnce(reply: ReplyAddress, answer: Answer): Promise<void> {
    const id = `once:${JSON.stringify(reply)}`;
    this.#telling.add(id);
    await this.#parts.doorOf(reply).tell(reply, answer, this.#stopping.signal);
    this.#telling.delete(id);
    this.#doze.wake();
  }
}
