import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { J1939Node, NoAddress } from "./node.ts";
import type { GroupReply } from "./request-group.ts";

/** A group that is asked for again and again; `to` 255 asks all. */
export type GroupPoll = { readonly pgn: number; readonly to: number; readonly everySeconds: number };

export type GroupPollParts = {
  readonly bus: string;
  readonly node: Pick<J1939Node, "request">;
  readonly polls: readonly GroupPoll[];
  readonly clock: Clock;
  readonly log: Log;
};

/** Counts since start. */
export type GroupPollCounts = {
  readonly answered: number;
  readonly unanswered: number;
  /** Asked for what the node does not have, or may not be asked. */
  readonly refused: number;
  readonly withheld: number;
};

/** A node that does not answer is asked ever more rarely, up to this. */
const LONGEST_MS = 3_600_000;

/**
 * Asks for groups that nodes send on request only. What is answered is nothing of its own: it decodes on the data line as any message,
 * and codes are heard as such.
 */
export class GroupPolls {
  readonly #parts: GroupPollParts;
  readonly #counts = { answered: 0, unanswered: 0, refused: 0, withheld: 0 };

  constructor(parts: GroupPollParts) {
    this.#parts = parts;
  }

  get counts(): GroupPollCounts {
    return { ...this.#counts };
  }

  /** Asks until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#parts.polls.map((poll) => this.#repeat(poll, signal)));
  }

  async #repeat(poll: GroupPoll, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const everyMs = poll.everySeconds * 1000;
    let pauseMs = everyMs;
    while (!signal.aborted) {
      const beganMs = clock.monotonicMs();
      const became = await this.#ask(poll, signal);
      const isWell = became === "answered" || became === "withheld";
      if (!isWell && pauseMs === everyMs && !signal.aborted) this.#warn(poll, became);
      pauseMs = isWell ? everyMs : Math.max(everyMs, Math.min(LONGEST_MS, pauseMs * 2));
      await clock.sleep(Math.max(1, beganMs + pauseMs - clock.monotonicMs()), signal);
    }
  }

  async #ask({ pgn, to }: GroupPoll, signal: AbortSignal): Promise<keyof GroupPollCounts> {
    const became = outcomeOf(await this.#parts.node.request(pgn, to, "poll", signal));
    this.#counts[became] += 1;
    return became;
  }

  #warn({ pgn, to }: GroupPoll, became: string): void {
    this.#parts.log.warn("j1939.request-unanswered", { bus: this.#parts.bus, pgn, to, became });
  }
}

function outcomeOf(reply: GroupReply | NoAddress): keyof GroupPollCounts {
  if (reply.kind === "withheld") return "withheld";
  if (reply.kind !== "answers") return "unanswered";
  if (reply.answers.length > 0) return "answered";
  // One that is busy is asked again at its time.
  return reply.remarks.some(({ meaning }) => meaning !== "busy") ? "refused" : "unanswered";
}
