import { describe, expect, it } from "vitest";
import { ReportMemory } from "../../../../agent/metrics/defender/report-memory.ts";
import { ManualClock, type ManualClockStart } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";

const START_S = 1_767_225_600;

function memoryOf(journal: FakeJournal | undefined, start: ManualClockStart = {}) {
  const clock = new ManualClock(start);
  return { clock, memory: new ReportMemory({ journal, clock, log: new MemoryLog() }) };
}

describe("ids of reports", () => {
  it("are seconds of a clock that can be believed, and grow where two come in one", () => {
    const { clock, memory } = memoryOf(undefined);
    expect([memory.next(), memory.next()]).toEqual([START_S, START_S + 1]);
    clock.advance(5000);
    expect(memory.next()).toBe(START_S + 5);
  });

  it("grow over restarts, also where the clock went back or is not believed", () => {
    const journal = new FakeJournal({ clock: new ManualClock() });
    const first = memoryOf(journal).memory;
    const ids = [first.next()];
    const starts: readonly ManualClockStart[] = [
      { wallUs: 1_000_000, quality: "unsynchronised" },
      { wallUs: (START_S - 86_400) * 1_000_000 },
      { wallUs: (START_S + 900) * 1_000_000, quality: "saved" },
      { wallUs: (START_S + 900) * 1_000_000 },
    ];
    for (const start of starts) ids.push(memoryOf(journal, start).memory.next());
    expect(ids).toEqual([START_S, START_S + 1, START_S + 2, START_S + 3, START_S + 900]);
  });

  it("know how long ago the last report was, where the clock says so", () => {
    const journal = new FakeJournal({ clock: new ManualClock() });
    memoryOf(journal).memory.next();
    const later = { wallUs: (START_S + 120) * 1_000_000 };
    expect(memoryOf(journal, later).memory.sinceLastMs()).toBe(120_000);
    expect(memoryOf(journal, { ...later, quality: "saved" }).memory.sinceLastMs()).toBeUndefined();
    expect(memoryOf(journal, { wallUs: (START_S - 1) * 1_000_000 }).memory.sinceLastMs()).toBeUndefined();
    expect(memoryOf(undefined).memory.sinceLastMs()).toBeUndefined();
  });
});
