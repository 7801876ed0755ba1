import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Reply, ServiceRequest } from "../../../agent/cloud/request-client.ts";
import { AwsJobs, documentOf } from "../../../agent/jobs/aws-jobs.ts";
import { type CloudExecution, changeExecution } from "../../bench/cloud/job-executions.ts";

const EXECUTION = { jobId: "job-1", executionNumber: 2, versionNumber: 3, status: "IN_PROGRESS" };
const never = new AbortController().signal;

function asked(stepTimeoutMinutes?: number) {
  const exchanges: ServiceRequest<unknown>[] = [];
  const request = async <T>(exchange: ServiceRequest<T>): Promise<Reply<T>> => {
    exchanges.push(exchange);
    return { kind: "timeout" };
  };
  const requestClient = { request, listen: async () => undefined };
  const jobs = new AwsJobs({
    thing: "veh-1",
    broker: { subscribe: async () => undefined },
    requestClient,
    stepTimeoutMinutes,
  });
  return { jobs, exchanges };
}

describe("AwsJobs", () => {
  it("updates one execution by its number and version", async () => {
    const { jobs, exchanges } = asked();
    await jobs.update(EXECUTION, "FAILED", { reason: "no space" }, never);
    expect(exchanges[0]).toMatchObject({
      topic: "$aws/things/veh-1/jobs/job-1/update",
      body: { status: "FAILED", statusDetails: { reason: "no space" }, expectedVersion: 3, executionNumber: 2 },
    });
  });

  it("sets the step timer with what it begins and reports, and not with an end", async () => {
    const { jobs, exchanges } = asked(30);
    await jobs.startNext(never);
    await jobs.update(EXECUTION, "IN_PROGRESS", {}, never);
    await jobs.update(EXECUTION, "SUCCEEDED", {}, never);
    expect(exchanges.map(({ body }) => body.stepTimeoutInMinutes)).toEqual([30, 30, undefined]);
    const without = asked();
    await without.jobs.startNext(never);
    expect(without.exchanges[0].body).toEqual({});
  });

  it("keeps every details within the limits of the service, whatever they hold", async () => {
    const anyDetails = fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary", maxLength: 2000 }), {
      maxKeys: 14,
    });
    await fc.assert(
      fc.asyncProperty(anyDetails, async (details) => {
        const { jobs, exchanges } = asked();
        await jobs.update(EXECUTION, "IN_PROGRESS", details, never);
        const execution: CloudExecution = {
          jobId: "job-1",
          thing: "veh-1",
          executionNumber: 2,
          document: {},
          status: "IN_PROGRESS",
          versionNumber: 3,
          statusDetails: undefined,
          history: [],
        };
        const { statusDetails } = exchanges[0].body;
        const pairs = typeof statusDetails === "object" && statusDetails !== null ? Object.entries(statusDetails) : [];
        const given = Object.fromEntries(pairs.map(([key, value]) => [key, String(value)]));
        expect(changeExecution(execution, { status: "IN_PROGRESS", statusDetails: given })).toBeUndefined();
      }),
      { seed: 5, numRuns: 300 },
    );
  });
});

describe("what the service is told", () => {
  it("never ends in half a character, which the service refuses", async () => {
    const { jobs, exchanges } = asked();
    await jobs.update(EXECUTION, "FAILED", { reason: `${"x".repeat(1023)}\u{1f69a}` }, never);
    expect(exchanges[0].body.statusDetails).toEqual({ reason: `${"x".repeat(1023)} ` });
  });

  it("takes an execution whatever its document is: the runner judges it", async () => {
    const { jobs, exchanges } = asked();
    await jobs.startNext(never);
    for (const jobDocument of [[1, 2], 5, null, true, "text", { operation: "ota" }]) {
      const execution = { ...EXECUTION, statusDetails: { a: 1 }, jobDocument };
      expect(exchanges[0].accepted.safeParse({ execution }).success).toBe(true);
    }
  });
});

describe("documentOf", () => {
  it.each([
    ["a map", { operation: "ota" }, { operation: "ota" }],
    ["text", '{"operation":"ota"}', { operation: "ota" }],
    ["text that is no JSON", "{", undefined],
  ])("takes %s", (_name, jobDocument, expected) => {
    expect(documentOf({ ...EXECUTION, jobDocument })).toEqual(expected);
  });
});
