import { describe, expect, it } from "vitest";
import type { Reply } from "../../../agent/cloud/request-client.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { JobExecution, PendingJobs } from "../../../agent/jobs/aws-jobs.ts";
import { type JobsParts, jobsHandlers } from "../../../agent/local-api/jobs-handlers.ts";
import { servedOn } from "../../../agent/local-api/verb.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const CURRENT = { jobId: "job-1", executionNumber: 2, operation: "ota", details: { step: "download" } };
const QUEUED = { jobId: "job-2", executionNumber: 1, versionNumber: 1 };
const OVER = {
  kind: "rejected",
  rejection: { code: "ResourceNotFound", message: "", isRetryable: false, executionState: undefined },
} as const;
const ONLINE = { state: "online", sinceMs: 0, fault: undefined, connects: 1, limits: undefined } as const;

/** The verbs of an agent that works on job-1, with `change` over its parts. */
function agent(change: Partial<JobsParts> = {}, described: Reply<{ execution?: JobExecution }> = OVER) {
  const log = new MemoryLog();
  const pending: Reply<PendingJobs> = {
    kind: "accepted",
    body: { inProgressJobs: [{ ...QUEUED, jobId: "job-1", executionNumber: 2 }], queuedJobs: [QUEUED] },
  };
  const parts: JobsParts = {
    jobs: { pending: async () => pending, describe: async () => described },
    runner: {
      current: () => CURRENT,
      ended: () => ({ succeeded: 0, failed: 0, rejected: 0, withdrawn: 0 }),
      giveUp: () => true,
      operationOf: (document) => (document === "ota" ? { operation: "ota" } : { rejection: "unsupported" }),
    },
    broker: { status: () => ONLINE },
    problems: {},
    log,
    ...change,
  };
  const verbs = servedOn("admin", jobsHandlers(parts));
  const ask = async (verb: string, request: object = {}): Promise<unknown> =>
    verbs[verb]?.({ verb, ...request }, new AbortController().signal);
  return { ask, log };
}

describe("the verbs of jobs", () => {
  it("list what is in progress and in the queue", async () => {
    expect(await agent().ask("jobs.list")).toMatchObject({
      current: CURRENT,
      jobs: [
        { jobId: "job-1", executionNumber: 2, status: "IN_PROGRESS" },
        { jobId: "job-2", executionNumber: 1, status: "QUEUED" },
      ],
    });
  });

  it("say that the cloud cannot be asked, with the link's own fault", async () => {
    const fault = { code: "broker.refused", what: "0x87", remedy: "allow it" } as const;
    const offline = { broker: { status: () => ({ ...ONLINE, state: "offline", fault }) as const } };
    await expect(agent(offline).ask("jobs.list")).rejects.toMatchObject({ code: "broker.refused", message: "0x87" });
    const silent = { broker: { status: () => ({ ...ONLINE, state: "connecting" }) as const } };
    const thrown: unknown = await agent(silent)
      .ask("jobs.list")
      .catch((error: unknown) => error);
    expect(thrown instanceof AgentError && thrown.code).toBe("broker.unreachable");
  });

  it("show the job that is worked on without asking the cloud, and another one as it describes it", async () => {
    const offline = { broker: { status: () => ({ ...ONLINE, state: "offline" }) as const } };
    expect(await agent(offline).ask("jobs.show")).toEqual({
      schemaVersion: 1,
      job: { ...CURRENT, status: "IN_PROGRESS" },
    });
    const execution = { ...QUEUED, status: "QUEUED", jobDocument: {} };
    expect(await agent({}, { kind: "accepted", body: { execution } }).ask("jobs.show", { jobId: "job-2" })).toEqual({
      schemaVersion: 1,
      job: { jobId: "job-2", executionNumber: 1, status: "QUEUED", details: {} },
    });
    expect(await agent().ask("jobs.show", { jobId: "job-0" })).toEqual({ schemaVersion: 1, job: undefined });
  });

  it("say what would become of a document: by its operation, and by what that says of it", async () => {
    expect(await agent().ask("jobs.check", { document: "ota" })).toMatchObject({ kind: "possible", operation: "ota" });
    const problems = { ota: async () => "no manifest" };
    expect(await agent({ problems }).ask("jobs.check", { document: "ota" })).toMatchObject({ reason: "no manifest" });
    expect(await agent().ask("jobs.check", { document: "?" })).toMatchObject({ reason: "unsupported" });
  });

  it("give up the job that is worked on, with a line in the log", async () => {
    const { ask, log } = agent();
    expect(await ask("jobs.cancel")).toEqual({ schemaVersion: 1, jobId: "job-1" });
    expect(log.of("admin.job-cancel-requested")[0].facts).toEqual({ jobId: "job-1" });
  });
});
