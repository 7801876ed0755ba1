import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { CurrentData } from "./current-data.ts";
import { hexByte } from "./malformed.ts";
import type { ObdClient, ObdOutcome } from "./obd-client.ts";
import type { ObdValues } from "./obd-values.ts";
import type { Poll } from "./poll-plan.ts";
import { isRefusedForGood } from "./refusal.ts";

export type ValuePollParts = {
  readonly client: ObdClient;
  readonly polls: readonly Poll[];
  readonly values: ObdValues;
  readonly clock: Clock;
  readonly log: Log;
};

/** Counts since start. */
export type PollCounters = {
  /** Answers with values, and the PIDs in them. */
  readonly answers: number;
  readonly pids: number;
  /** Requests that gave nothing: refused, not answered, not as SAE J1979 says, or not sent. */
  readonly refused: number;
  readonly silent: number;
  readonly malformed: number;
  readonly withheld: number;
};

/** Answers in a row that make no sense before several PIDs are asked for one by one: a length may be another than the table says. */
const MOST_MALFORMED = 3;

/** `malformed`: answers in a row. */
type Due = { readonly poll: Poll; atMs: number; malformed: number };

/**
 * The live data of one ECU: each request as often as it is due, one after the other. One that comes late is not made up for. An ECU that
 * refuses several PIDs in one request is asked for each alone from then on; a PID that it refuses alone is not asked for again.
 */
export class ValuePolls {
  readonly #parts: ValuePollParts;
  readonly #counters = { answers: 0, pids: 0, refused: 0, silent: 0, malformed: 0, withheld: 0 };
  #due: Due[];

  constructor(parts: ValuePollParts) {
    this.#parts = parts;
    this.#due = parts.polls.map((poll) => ({ poll, atMs: parts.clock.monotonicMs(), malformed: 0 }));
  }

  async run(signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#parts;
    while (!signal.aborted && this.#due.length > 0) {
      const next = this.#due.reduce((first, one) => (one.atMs < first.atMs ? one : first));
      const waitMs = next.atMs - clock.monotonicMs();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      if (signal.aborted) return;
      const outcome = await client.currentData(next.poll.pids, signal);
      const { everyMs } = next.poll;
      next.atMs += Math.max(1, Math.ceil((clock.monotonicMs() - next.atMs) / everyMs)) * everyMs;
      this.#take(next, outcome);
    }
  }

  counters(): PollCounters {
    return { ...this.#counters };
  }

  #take(due: Due, outcome: ObdOutcome<CurrentData>): void {
    const { client, values } = this.#parts;
    switch (outcome.kind) {
      case "done":
        this.#counters.answers += 1;
        due.malformed = 0;
        for (const value of outcome.value.values) {
          this.#counters.pids += 1;
          values.take(client.ecu.name, value, outcome.receivedAtUs);
        }
        return;
      case "negative":
        this.#counters.refused += 1;
        if (isRefusedForGood(outcome.code)) this.#lessen(due);
        return;
      case "malformed":
        this.#counters.malformed += 1;
        due.malformed += 1;
        if (due.poll.pids.length > 1 && due.malformed >= MOST_MALFORMED) this.#lessen(due);
        return;
      case "silent":
        this.#counters.silent += 1;
        return;
      case "fault":
      case "withheld":
        this.#counters.withheld += 1;
    }
  }

  /** Asks for each PID alone, or for a single one no more. */
  #lessen(due: Due): void {
    const { client, log } = this.#parts;
    const { pids, everyMs } = due.poll;
    const alone = pids.length === 1 ? [] : pids.map((pid) => ({ pids: [pid], everyMs }));
    const single = alone.map((poll) => ({ poll, atMs: due.atMs, malformed: 0 }));
    this.#due = [...this.#due.filter((one) => one !== due), ...single];
    const event = single.length === 0 ? "obd.pid-refused" : "obd.request-split";
    log.info(event, { ecu: client.ecu.name, pids: pids.map(hexByte).join(" ") });
  }
}
