import { describe, expect, it } from "vitest";
import { summaries } from "../../../agent/local-api/status-summary.ts";
import { statusWith } from "../../fakes/daemon/status.ts";

describe("summaries", () => {
  it("gives one line with link, frame rates since the line before, and outbox", () => {
    const [bus] = statusWith().buses;
    const states = [
      statusWith({ uptimeMs: 10_000, buses: [{ ...bus, received: 20_000 }] }),
      statusWith({ uptimeMs: 15_000, buses: [{ ...bus, received: 24_000, dropped: 3 }] }),
    ];
    const next = summaries(() => states.shift() ?? statusWith());
    expect(next()).toMatch(/^online; can0 up, 2000 frames\/s.*; outbox \d+ records, \d+ bytes$/);
    expect(next()).toContain("can0 up, 800 frames/s, 3 dropped; outbox");
  });

  it("says that the disk is full, and what the broker refuses", () => {
    const { outbox, delivery } = statusWith();
    const disk = { freeBytes: 0, isFull: true, reserve: "none", reserveBytes: 0 } as const;
    const topic = {
      stream: "telemetry",
      topic: "t",
      reasonCode: 0x87,
      reason: "0x87 not authorized",
      count: 3,
    } as const;
    const state = statusWith({ outbox: { ...outbox, disk }, delivery: { ...delivery, refusedTopics: [topic] } });
    expect(summaries(() => state)()).toMatch(/ bytes, disk full; telemetry refused: 0x87 not authorized$/);
  });

  it("adds the job and the update while they are under way", () => {
    const versions = { versionFrom: "1.4.0", versionTo: "1.5.0" };
    const job = { jobId: "job-1", operation: "ota" };
    const states = [
      statusWith({ job, update: { ...versions, step: "download", isOver: false, percent: 40 } }),
      statusWith({ job, update: { ...versions, step: "wait", isOver: false, percent: 100, waitingFor: "Speed < 1" } }),
      statusWith({ update: { ...versions, step: "done", isOver: true } }),
    ];
    const next = summaries(() => states.shift() ?? statusWith());
    expect(next()).toMatch(/ bytes; job job-1 \(ota\); update to 1\.5\.0: download 40 %$/);
    expect(next()).toMatch(/ bytes; job job-1 \(ota\); update to 1\.5\.0: wait, waiting for Speed < 1$/);
    expect(next()).toMatch(/ bytes$/);
  });
});
