import { z } from "zod";
import type { Reply, RequestClient } from "../cloud/request-client.ts";
import { plainText } from "../core/plain-text.ts";
import type { Broker } from "../ports/broker.ts";

/** What a device may make of an execution (AWS IoT Jobs, JobExecution status). */
export type JobStatus = "IN_PROGRESS" | "SUCCEEDED" | "FAILED" | "REJECTED";

/** At most so many pairs, and characters of a key and a value (AWS IoT Jobs limits, statusDetails). */
const DETAILS = { pairs: 10, keyCharacters: 128, valueCharacters: 1024 } as const;

const jobExecution = z.object({
  jobId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  executionNumber: z.int(),
  versionNumber: z.int(),
  status: z.string(),
  statusDetails: z.record(z.string(), z.string()).optional().catch(undefined),
  // The documentation types it as text; on the wire it is the document, which may be anything: whoever works on the job judges it.
  jobDocument: z.unknown(),
});
export type JobExecution = z.infer<typeof jobExecution>;

const summary = z.object({ jobId: z.string(), executionNumber: z.int(), versionNumber: z.int() });
const pending = z.object({ inProgressJobs: z.array(summary).default([]), queuedJobs: z.array(summary).default([]) });
/** The executions that are not over, without their documents. */
export type PendingJobs = z.infer<typeof pending>;

const withExecution = z.object({ execution: jobExecution.optional() });
const updated = z.object({});

export type AwsJobsParts = {
  readonly thing: string;
  readonly broker: Pick<Broker, "subscribe">;
  readonly requestClient: Pick<RequestClient, "listen" | "request">;
  /** The service ends an execution of which it has heard nothing for so long (stepTimeoutInMinutes); undefined for never. */
  readonly stepTimeoutMinutes: number | undefined;
};

/** AWS IoT Jobs over MQTT: the requests of one thing on `$aws/things/<thing>/jobs/...`. */
export class AwsJobs {
  readonly #parts: AwsJobsParts;
  readonly #base: string;

  constructor(parts: AwsJobsParts) {
    this.#parts = parts;
    this.#base = `$aws/things/${parts.thing}/jobs`;
  }

  /** Listens for answers, and calls `onChange` when the list of jobs has changed. Throws `broker.refused`. */
  async open(onChange: () => void): Promise<void> {
    const base = this.#base;
    await this.#parts.requestClient.listen([
      `${base}/start-next/+`,
      `${base}/get/+`,
      `${base}/+/get/+`,
      `${base}/+/update/+`,
    ]);
    await this.#parts.broker.subscribe(`${base}/notify`, onChange);
    await this.#parts.broker.subscribe(`${base}/notify-next`, onChange);
  }

  /** The execution to work on: the one in progress, or else the next in the queue, which is in progress from now on. */
  startNext(signal: AbortSignal): Promise<Reply<{ readonly execution?: JobExecution | undefined }>> {
    return this.#ask("start-next", this.#timer(), withExecution, signal);
  }

  /** What is in progress and in the queue. */
  pending(signal: AbortSignal): Promise<Reply<PendingJobs>> {
    return this.#ask("get", {}, pending, signal);
  }

  /** One execution (the last one of the job without a number) with its document, in which presigned URLs are fresh. */
  describe(
    jobId: string,
    executionNumber: number | undefined,
    signal: AbortSignal,
  ): Promise<Reply<{ readonly execution?: JobExecution | undefined }>> {
    return this.#ask(`${jobId}/get`, { executionNumber, includeJobDocument: true }, withExecution, signal);
  }

  /** Details beyond the service's limits are cut. */
  update(
    { jobId, executionNumber, versionNumber }: Pick<JobExecution, "jobId" | "executionNumber" | "versionNumber">,
    status: JobStatus,
    details: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Reply<unknown>> {
    const timer = status === "IN_PROGRESS" ? this.#timer() : {};
    const body = { status, statusDetails: fitting(details), expectedVersion: versionNumber, executionNumber, ...timer };
    return this.#ask(`${jobId}/update`, body, updated, signal);
  }

  /** Each update that carries it sets the timer anew (AWS IoT Jobs, step timer). */
  #timer(): { readonly stepTimeoutInMinutes?: number } {
    const { stepTimeoutMinutes: minutes } = this.#parts;
    return minutes === undefined ? {} : { stepTimeoutInMinutes: minutes };
  }

  #ask<T>(
    place: string,
    body: Readonly<Record<string, unknown>>,
    accepted: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<Reply<T>> {
    const topic = `${this.#base}/${place}`;
    return this.#parts.requestClient.request({ topic, format: "json", body, correlate: "token", accepted }, signal);
  }
}

/** The document of an execution, whichever way it came; undefined when it is none. */
export function documentOf({ jobDocument }: JobExecution): unknown {
  if (typeof jobDocument !== "string") return jobDocument;
  try {
    const parsed: unknown = JSON.parse(jobDocument);
    return parsed;
  } catch {
    // Not JSON: the job is rejected as one without a document.
    return undefined;
  }
}

/** Values have 1 to 1024 characters and no control character; keys `[a-zA-Z0-9:_-]+`; ten pairs. */
function fitting(details: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(details).map(([key, value]): [string, string] => [
    key.replace(/[^A-Za-z0-9:_-]/g, "_").slice(0, DETAILS.keyCharacters),
    plainText(value, DETAILS.valueCharacters),
  ]);
  return Object.fromEntries(pairs.filter(([key, value]) => key !== "" && value !== "").slice(0, DETAILS.pairs));
}
