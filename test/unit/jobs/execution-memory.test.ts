import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ExecutionMemory } from "../../../agent/jobs/execution-memory.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const JOB = { jobId: "job-1", executionNumber: 1 };

describe("ExecutionMemory", () => {
  it("remembers one execution at a time, over restarts, under its own key", () => {
    const journal = new FakeJournal({ clock: new ManualClock() });
    const process = (key: string) => new ExecutionMemory(journal, key, z.object({ step: z.string() }));
    process("steps").remember(JOB, { step: "tidy" });
    expect(process("steps").of(JOB)).toEqual({ step: "tidy" });
    expect(process("steps").latest()).toEqual(JOB);
    expect(process("other").of(JOB)).toBeUndefined();
    expect(process("steps").of({ ...JOB, executionNumber: 2 })).toBeUndefined();
    expect(journal.get("job", "steps")).toEqual({ ...JOB, step: "tidy" });
    process("steps").forget();
    expect([process("steps").of(JOB), process("steps").latest()]).toEqual([undefined, undefined]);
  });

  it("knows nothing by what another version of the agent has written in another form", () => {
    const journal = new FakeJournal({ clock: new ManualClock() });
    journal.put([{ space: "job", key: "steps", value: { ...JOB, at: 5 } }]);
    const memory = new ExecutionMemory(journal, "steps", z.object({ step: z.string() }));
    expect([memory.of(JOB), memory.latest()]).toEqual([undefined, JOB]);
  });
});
