import type { Reply, TesterCounts, TesterState, WithheldReason } from "./tester-bus.ts";

/** Counts that grow. */
export type GrowingCounts = { -readonly [Count in keyof TesterCounts]: TesterCounts[Count] };
export type WithheldCounts = { -readonly [Reason in WithheldReason]: number };

export function noCounts(): GrowingCounts {
  return { requests: 0, answers: 0, negatives: 0, silent: 0, faults: 0, pendings: 0, strays: 0, silences: 0 };
}

export function noneWithheld(): WithheldCounts {
  return {
    off: 0,
    "listen-only": 0,
    condition: 0,
    "other-tester": 0,
    rate: 0,
    "backing-off": 0,
    aborted: 0,
  };
}

/** The state of a tester that has done nothing. */
export function emptyState(bus: string): TesterState {
  return { bus, counts: noCounts(), withheldCounts: noneWithheld(), waiting: 0, pending: [], backingOff: [] };
}

/** Counts what became of a request. */
export function countReply(reply: Reply, counts: GrowingCounts, withheld: WithheldCounts): void {
  switch (reply.kind) {
    case "answer":
      counts.answers += 1;
      return;
    case "negative":
      counts.negatives += 1;
      return;
    case "silent":
      counts.silent += 1;
      return;
    case "fault":
      counts.faults += 1;
      return;
    case "withheld":
      withheld[reply.reason] += 1;
  }
}
