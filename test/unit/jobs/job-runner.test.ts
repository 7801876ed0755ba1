import { describe, expect, it } from "vitest";
import type { Reply } from "../../../agent/cloud/request-client.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { JobExecution, JobStatus } from "../../../agent/jobs/aws-jobs.ts";
import type { JobHandler } from "../../../agent/jobs/job.ts";
import { JobRunner } from "../../../agent/jobs/job-runner.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const LIMITS = { receiveMaximum: 100, maximumPacketBytes: 149_504, topicAliasMaximum: 8, retainAvailable: true };

/** A service with one execution, whose answers to updates a test can choose, and a runner that works on it. */
function setUp(handler: JobHandler, repeatMs?: number, jobDocument: unknown = { operation: "work" }) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const journal = new FakeJournal({ clock });
  const updates: { readonly status: JobStatus; readonly version: number }[] = [];
  const told: Readonly<Record<string, string>>[] = [];
  const answers: Reply<unknown>[] = [];
  const during: (() => void)[] = [];
  const asked: number[] = [];
  let execution: JobExecution | undefined = {
    jobId: "job-1",
    executionNumber: 1,
    versionNumber: 2,
    status: "IN_PROGRESS",
    jobDocument,
  };
  const jobs = {
    startNext: async () => ({ kind: "accepted", body: { execution: execution && { ...execution } } }) as const,
    describe: async () => {
      asked.push(clock.monotonicMs());
      return { kind: "accepted", body: { execution } } as const;
    },
    update: async (
      { versionNumber }: { readonly versionNumber: number },
      status: JobStatus,
      details: Readonly<Record<string, string>>,
    ) => {
      updates.push({ status, version: versionNumber });
      told.push(details);
      during.shift()?.();
      const answer = answers.shift() ?? ({ kind: "accepted", body: {} } as const);
      if (answer.kind === "accepted" && status !== "IN_PROGRESS") execution = undefined;
      return answer;
    },
  };
  const broker = {
    online: (signal: AbortSignal, after = 0) =>
      after > 0 ? clock.sleep(1e9, signal).then(() => undefined) : Promise.resolve(LIMITS),
    status: () => ({ state: "online", sinceMs: 0, fault: undefined, connects: 1, limits: LIMITS }) as const,
  };
  const abandoned: string[] = [];
  const refusals: Error[] = [];
  const abandon = ({ jobId }: { readonly jobId: string }): void => {
    const refusal = refusals.shift();
    if (refusal !== undefined) throw refusal;
    abandoned.push(jobId);
  };
  const environment = { clock, log, random: () => 1, reportMs: 1000, repeatMs, abandon };
  const process = () => new JobRunner({ jobs, handlers: { work: handler }, broker, journal, environment });
  const cancel = (): void => {
    execution = undefined;
  };
  const ends = { abandoned, refusals };
  return { clock, log, journal, updates, told, answers, during, asked, cancel, ends, process };
}

const rejected = (code: string, status: string, versionNumber: number): Reply<unknown> => ({
  kind: "rejected",
  rejection: { code, message: "", isRetryable: false, executionState: { status, versionNumber } },
});
const succeed: JobHandler = async () => ({ status: "SUCCEEDED", details: {} });

describe("JobRunner", () => {
  it("tells an outcome again after a restart, and does not do the work again", async () => {
    let runs = 0;
    const { clock, updates, answers, process } = setUp(async () => {
      runs += 1;
      return { status: "SUCCEEDED", details: {} };
    });
    answers.push({ kind: "timeout" });
    const stop = new AbortController();
    const before = process();
    const first = before.run(stop.signal);
    await clock.run(0);
    stop.abort();
    await first;
    const again = new AbortController();
    const after = process();
    const second = after.run(again.signal);
    await clock.run(0);
    again.abort();
    await second;
    expect(updates.map(({ status }) => status)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
    expect(runs).toBe(1);
    expect([before.ended().succeeded, after.ended().succeeded]).toEqual([1, 0]);
  });

  it("ends a job whose document brings out a bug, and goes on", async () => {
    const { clock, log, updates, told, process } = setUp(() => Promise.reject(new TypeError("no such field")));
    const stop = new AbortController();
    const running = process().run(stop.signal);
    await clock.run(0);
    stop.abort();
    await running;
    expect(updates.map(({ status }) => status)).toEqual(["FAILED"]);
    expect(told).toEqual([{ reason: "internal: no such field" }]);
    expect(log.of("job.failed")).toHaveLength(1);
  });

  it("says which job it works on, and only while it does", async () => {
    const seen: unknown[] = [];
    const { clock, process } = setUp(async () => {
      seen.push(runner.current());
      return { status: "SUCCEEDED", details: {} };
    });
    const runner = process();
    const stop = new AbortController();
    const running = runner.run(stop.signal);
    await clock.run(0);
    expect(seen).toMatchObject([{ jobId: "job-1", operation: "work" }]);
    expect(runner.current()).toBeUndefined();
    stop.abort();
    await running;
  });

  it("takes the version over that the service has, and leaves what has ended there", async () => {
    const { clock, updates, answers, journal, process } = setUp(succeed);
    answers.push(rejected("VersionMismatch", "IN_PROGRESS", 7), rejected("InvalidStateTransition", "CANCELED", 8));
    const stop = new AbortController();
    const running = process().run(stop.signal);
    await clock.run(0);
    expect(updates.slice(0, 2)).toEqual([
      { status: "SUCCEEDED", version: 2 },
      { status: "SUCCEEDED", version: 7 },
    ]);
    expect(journal.get("job", "current")).toBeUndefined();
    stop.abort();
    await running;
  });

  it("tells the status alone when the service does not take the details, and does not do the work again", async () => {
    let runs = 0;
    const { clock, updates, told, answers, process } = setUp(async () => {
      runs += 1;
      return { status: "FAILED", details: { reason: "what the service refuses" } };
    });
    answers.push(rejected("InvalidRequest", "IN_PROGRESS", 2));
    const stop = new AbortController();
    const running = process().run(stop.signal);
    await clock.run(60_000);
    expect(updates.map(({ status }) => status)).toEqual(["FAILED", "FAILED"]);
    expect(told).toEqual([{ reason: "what the service refuses" }, {}]);
    expect(runs).toBe(1);
    stop.abort();
    await running;
  });

  it("tells the reason in plain letters, and at once, when the service does not take the details as they are", async () => {
    const details = { phase: "failed", reason: "größer als erlaubt" };
    const { clock, told, answers, process } = setUp(async () => ({ status: "FAILED", details }));
    answers.push(rejected("InvalidRequest", "IN_PROGRESS", 2));
    const stop = new AbortController();
    const running = process().run(stop.signal);
    await clock.run(0);
    expect(told).toEqual([details, { reason: "gr??er als erlaubt" }]);
    stop.abort();
    await running;
  });

  it.each([[[1]], [5], [null], ["no JSON"], ["[]"]])(
    "rejects a job whose document is %j, so that the next one comes",
    async (document) => {
      const { clock, updates, told, process } = setUp(succeed, undefined, document);
      const stop = new AbortController();
      const running = process().run(stop.signal);
      await clock.run(0);
      expect(updates.map(({ status }) => status)).toEqual(["REJECTED"]);
      expect(told[0].reason).toMatch(/^malformed: /);
      stop.abort();
      await running;
    },
  );

  it("does not send a report again that the service has refused", async () => {
    const { clock, told, answers, process } = setUp(async (_document, job, signal) => {
      job.report({ phase: "refused" });
      await clock.sleep(30_000, signal);
      job.report({ phase: "taken" });
      await clock.sleep(30_000, signal);
      return "stopped";
    });
    answers.push(rejected("InvalidRequest", "IN_PROGRESS", 2));
    const stop = new AbortController();
    const running = process().run(stop.signal);
    await clock.run(55_000);
    expect(told).toEqual([{ phase: "refused" }, { phase: "taken" }]);
    stop.abort();
    await running;
  });

  it("abandons again what the system kept from being taken back", async () => {
    const { clock, journal, ends, process } = setUp(succeed);
    journal.put([{ space: "job", key: "current", value: { jobId: "job-0", executionNumber: 1 } }]);
    ends.refusals.push(Object.assign(new Error("i/o error"), { code: "EIO" }));
    const stop = new AbortController();
    const running = process().run(stop.signal);
    await clock.run(0);
    expect([ends.refusals, ends.abandoned]).toEqual([[], []]);
    await clock.run(60_000);
    expect(ends.abandoned).toEqual(["job-0"]);
    stop.abort();
    await running;
  });

  it("begins nothing that it cannot remember, and tries again", async () => {
    let runs = 0;
    const { clock, log, journal, process } = setUp(async () => {
      runs += 1;
      return { status: "SUCCEEDED", details: {} };
    });
    journal.failNext(new AgentError("journal.full", { what: "disk full", remedy: "make room" }));
    const stop = new AbortController();
    const running = process().run(stop.signal);
    await clock.run(0);
    expect(runs).toBe(0);
    expect(log.entries.map(({ event }) => event)).toContain("job.not-remembered");
    await clock.run(60_000);
    expect(runs).toBe(1);
    stop.abort();
    await running;
  });

  it.each([
    [undefined, 1],
    [60_000, 10],
  ])(
    "reports what has not changed again when the service would not wait for ever: after %s ms",
    async (repeatMs, reports) => {
      const { clock, updates, process } = setUp(async (_document, job, signal) => {
        job.report({ phase: "wait" });
        await clock.sleep(1e9, signal);
        return "stopped";
      }, repeatMs);
      const stop = new AbortController();
      const running = process().run(stop.signal);
      await clock.run(599_000);
      expect(updates.filter(({ status }) => status === "IN_PROGRESS")).toHaveLength(reports);
      stop.abort();
      await running;
    },
  );

  it("asks what a job has reached only when a report is due, and tells people meanwhile", async () => {
    let bytes = 0;
    const { clock, told, process } = setUp(async (_document, job, signal) => {
      job.reportFrom(() => ({ bytes: String((bytes += 1)) }));
      await clock.sleep(1e9, signal);
      return "stopped";
    });
    const runner = process();
    const stop = new AbortController();
    const running = runner.run(stop.signal);
    await clock.run(3500);
    expect(told).toEqual([{ bytes: "1" }, { bytes: "2" }, { bytes: "3" }]);
    expect(runner.current()?.details).toEqual({ bytes: "4" });
    stop.abort();
    await running;
  });

  it("asks whether the job is still wanted at once when the list has changed, and not again", async () => {
    const { clock, asked, process } = setUp(async (_document, _job, signal) => {
      await clock.sleep(1e9, signal);
      return "stopped";
    });
    const runner = process();
    const stop = new AbortController();
    const running = runner.run(stop.signal);
    await clock.run(2500);
    const changedMs = clock.monotonicMs();
    runner.changed();
    await clock.run(10_000);
    expect(asked).toEqual([changedMs]);
    stop.abort();
    await running;
  });

  it("withdraws the job when the list changes while a report of it is under way", async () => {
    const reasons: unknown[] = [];
    const { clock, during, cancel, process } = setUp(async (_document, job, signal) => {
      job.report({ phase: "wait" });
      await clock.sleep(1e9, AbortSignal.any([job.withdrawn, signal]));
      reasons.push(job.withdrawn.reason);
      return "stopped";
    });
    during.push(() => {
      cancel();
      runner.changed();
    });
    const runner = process();
    const stop = new AbortController();
    const running = runner.run(stop.signal);
    await clock.run(1000);
    expect(reasons).toEqual(["cancelled"]);
    stop.abort();
    await running;
  });

  it("withdraws the job from its handler when a report is refused because it has ended", async () => {
    const reasons: unknown[] = [];
    const { clock, answers, updates, process } = setUp(async (_document, job, signal) => {
      job.report({ phase: "wait" });
      const either = AbortSignal.any([job.withdrawn, signal]);
      await new Promise((resolve) => either.addEventListener("abort", resolve));
      if (signal.aborted) return "stopped";
      reasons.push(job.withdrawn.reason);
      return { status: "FAILED", details: {} };
    });
    answers.push(rejected("InvalidStateTransition", "TIMED_OUT", 9));
    const stop = new AbortController();
    const running = process().run(stop.signal);
    await clock.run(1000);
    expect(updates.slice(0, 1)).toEqual([{ status: "IN_PROGRESS", version: 2 }]);
    expect(updates.filter(({ status }) => status === "FAILED")).toEqual([]);
    expect(reasons).toEqual(["timed-out"]);
    stop.abort();
    await running;
  });
});
