import { describe, expect, it } from "vitest";
import { AgentCounters, type AgentStatus } from "../../bench/agent/agent-counters.ts";

function status(pid: number, received: number, parts: { dropped?: number; firstPubackMs?: number } = {}): AgentStatus {
  const { dropped, firstPubackMs } = parts;
  return {
    pid,
    uptimeMs: 1000,
    buses: [{ state: "up", received, decoded: received, ...(dropped === undefined ? {} : { dropped }) }],
    link: { state: "online", connects: 1 },
    collected: { samples: received * 5, records: received / 10, discardedSamples: 0 },
    outbox: { epoch: 1, records: 0, bytes: 0 },
    delivery: { delivered: 0, inFlight: 0, retried: 0, ...(firstPubackMs === undefined ? {} : { firstPubackMs }) },
  };
}

describe("the counts of an agent that is started again", () => {
  it("adds up what each process said last", () => {
    const counters = new AgentCounters();
    counters.note(status(10, 100, { dropped: 1 }));
    counters.note(status(10, 300, { dropped: 2 }));
    counters.note(status(11, 50, { dropped: 4 }));
    expect(counters.totals()).toMatchObject({
      framesReceived: 350,
      framesDropped: 6,
      samples: 1750,
      recordsStored: 35,
    });
  });

  it("keeps the first PUBACK of the first process that had one", () => {
    const counters = new AgentCounters();
    counters.note(status(10, 1));
    counters.note(status(10, 2, { firstPubackMs: 210 }));
    counters.note(status(11, 2, { firstPubackMs: 900 }));
    expect(counters.firstPubackMs).toBe(210);
  });
});
