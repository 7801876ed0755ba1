import { z } from "zod";

/** What the bench reads of the daemon's status (agent/local-api/status-schema.ts). */
export const agentStatus = z.object({
  pid: z.int(),
  uptimeMs: z.number(),
  buses: z.array(
    z.object({
      state: z.string(),
      received: z.number(),
      dropped: z.number().optional(),
      decoded: z.number(),
      unknown: z.number().optional(),
      filtered: z.number().optional(),
    }),
  ),
  link: z.object({ state: z.string(), connects: z.number(), fault: z.object({ what: z.string() }).optional() }),
  collected: z.object({ samples: z.number(), records: z.number(), discardedSamples: z.number() }),
  outbox: z.object({ epoch: z.number(), records: z.number(), bytes: z.number() }),
  delivery: z.object({
    delivered: z.number(),
    inFlight: z.number(),
    retried: z.number(),
    firstPubackMs: z.number().optional(),
  }),
});
export type AgentStatus = z.infer<typeof agentStatus>;

/** Counts over all agent processes of one run. */
export type AgentTotals = {
  readonly framesReceived: number;
  /** By the drivers that can know. */
  readonly framesDropped: number;
  /** On the bus and in no message of the DBC files, as far as the drivers can know. */
  readonly framesOther: number;
  readonly samples: number;
  readonly recordsStored: number;
  readonly discardedSamples: number;
};

const NONE: AgentTotals = {
  framesReceived: 0,
  framesDropped: 0,
  framesOther: 0,
  samples: 0,
  recordsStored: 0,
  discardedSamples: 0,
};

/** Adds up the counts of one agent process after another. What a killed one counted after its last status is not in it. */
export class AgentCounters {
  #before = NONE;
  #current = NONE;
  #pid: number | undefined;
  firstPubackMs: number | undefined;

  note(status: AgentStatus): void {
    if (status.pid !== this.#pid) {
      this.#before = sum(this.#before, this.#current);
      this.#pid = status.pid;
    }
    this.#current = totalsOf(status);
    this.firstPubackMs ??= status.delivery.firstPubackMs;
  }

  totals(): AgentTotals {
    return sum(this.#before, this.#current);
  }
}

function totalsOf(status: AgentStatus): AgentTotals {
  return {
    framesReceived: status.buses.reduce((total, { received }) => total + received, 0),
    framesDropped: status.buses.reduce((total, { dropped }) => total + (dropped ?? 0), 0),
    framesOther: status.buses.reduce((total, { unknown = 0, filtered = 0 }) => total + unknown + filtered, 0),
    samples: status.collected.samples,
    recordsStored: status.collected.records,
    discardedSamples: status.collected.discardedSamples,
  };
}

function sum(a: AgentTotals, b: AgentTotals): AgentTotals {
  return {
    framesReceived: a.framesReceived + b.framesReceived,
    framesDropped: a.framesDropped + b.framesDropped,
    framesOther: a.framesOther + b.framesOther,
    samples: a.samples + b.samples,
    recordsStored: a.recordsStored + b.recordsStored,
    discardedSamples: a.discardedSamples + b.discardedSamples,
  };
}
