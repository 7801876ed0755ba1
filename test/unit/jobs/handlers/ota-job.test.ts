import { describe, expect, it } from "vitest";
import type { Reply } from "../../../../agent/cloud/request-client.ts";
import type { JobExecution } from "../../../../agent/jobs/aws-jobs.ts";
import { renewSource } from "../../../../agent/jobs/handlers/ota-job.ts";
import type { UpdateRecord } from "../../../../agent/updates/update-record.ts";
import { FIRST_STATE } from "../../../../agent/updates/update-state.ts";
import { DIGEST, REQUEST } from "../../../fakes/updates/update-vehicle.ts";

const NAME = "agent.tar.gz";
const OLD = "https://s3.example/agent.tar.gz?signature=old";
const FRESH = "https://s3.example/agent.tar.gz?signature=fresh";
const RECORD: UpdateRecord = {
  digest: DIGEST,
  versionFrom: "1.3.0",
  request: {
    ...REQUEST,
    origin: { kind: "job", jobId: "job-1", executionNumber: 2 },
    sources: { [NAME]: { kind: "url", url: OLD } },
  },
  state: FIRST_STATE,
};

type Described = Reply<{ readonly execution?: JobExecution | undefined }>;

const renewed = (reply: Described, record = RECORD) =>
  renewSource({ describe: async () => reply }, record, NAME, new AbortController().signal);

function described(url: string): Described {
  const { manifest, signatures } = REQUEST;
  const jobDocument = { version: "1.0", operation: "ota", manifest, signatures, artifacts: { [NAME]: { url } } };
  const execution = { jobId: "job-1", executionNumber: 2, versionNumber: 3, status: "IN_PROGRESS", jobDocument };
  return { kind: "accepted", body: { execution } };
}

function rejected(code: string, isRetryable: boolean): Described {
  return { kind: "rejected", rejection: { code, message: "", isRetryable, executionState: undefined } };
}

describe("renewSource", () => {
  it("gives the URL that is in the document when the job is described anew", async () => {
    expect(await renewed(described(FRESH))).toEqual({ kind: "url", url: FRESH });
  });

  it.each<[string, Described]>([
    ["there is no link", { kind: "offline" }],
    ["nobody answers", { kind: "timeout" }],
    ["the service is busy", rejected("RequestThrottled", true)],
  ])("says later when %s", async (_name, reply) => {
    expect(await renewed(reply)).toBe("later");
  });

  it.each<[string, Described]>([
    ["the job is gone", rejected("ResourceNotFound", false)],
    ["the URL is the one that was refused", described(OLD)],
    ["the document is another one", { kind: "accepted", body: {} }],
  ])("gives none when %s", async (_name, reply) => {
    expect(await renewed(reply)).toBeUndefined();
  });

  it("gives none for an update that no job asked for", async () => {
    const local: UpdateRecord = { ...RECORD, request: { ...RECORD.request, origin: { kind: "local" } } };
    expect(await renewed(described(FRESH), local)).toBeUndefined();
  });
});
