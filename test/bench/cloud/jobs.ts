import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type Broker, publicationTo, type ReceivedPublish } from "../../../agent/ports/broker.ts";
import {
  type CloudExecution,
  changeExecution,
  isTerminal,
  moveExecution,
  type UpdateRejection,
} from "./job-executions.ts";

/** How a job is created. */
export type JobRequest = {
  readonly jobId: string;
  readonly thing: string;
  readonly document: unknown;
  /** inProgressTimeoutInMinutes, in ms for a bench. */
  readonly inProgressTimeoutMs?: number;
};

/** What is done to the next request instead. "mismatch": the version is moved on first, as by another writer. */
export type JobDisturbance = "silent" | "throttled" | "mismatch";

const PRESIGNED = /\$\{aws:iot:s3-presigned-url:https:\/\/[^}]*\/([^/}]+)\}/g;

const request = z.object({
  clientToken: z.string().optional(),
  status: z.string().optional(),
  statusDetails: z.record(z.string(), z.string()).optional(),
  expectedVersion: z.coerce.number().optional(),
  executionNumber: z.int().optional(),
  includeJobDocument: z.boolean().optional(),
  stepTimeoutInMinutes: z.int().min(-1).max(10_080).optional(),
});
type JobsRequest = z.infer<typeof request>;

/** The AWS side of Jobs, on a session of the bench's cloud. `presign` makes the URL for a key whenever a document is asked for. */
export class CloudJobs {
  readonly executions: CloudExecution[] = [];
  readonly #session: Broker;
  readonly #presign: (key: string) => string;
  readonly #disturbances: JobDisturbance[] = [];
  readonly #ended = new AbortController();
  readonly #timeouts = new Map<CloudExecution, number>();
  /** Ends the step timer that runs. */
  readonly #steps = new Map<CloudExecution, AbortController>();
  readonly #minuteMs: number;

  /** `minuteMs` is how long a minute of the step timer is. */
  constructor(session: Broker, presign: (key: string) => string, minuteMs = 60_000) {
    this.#session = session;
    this.#presign = presign;
    this.#minuteMs = minuteMs;
  }

  async start(): Promise<void> {
    // Exact filters: a wider one would hear our own answers.
    for (const filter of ["start-next", "get", "+/get", "+/update"]) {
      await this.#session.subscribe(`$aws/things/+/jobs/${filter}`, (message) => void this.#take(message));
    }
  }

  stop(): void {
    this.#ended.abort();
  }

  /** The next requests are treated so, one after the other. */
  disturb(...disturbances: readonly JobDisturbance[]): void {
    this.#disturbances.push(...disturbances);
  }

  /** CreateJob for one thing. */
  async create({ jobId, thing, document, inProgressTimeoutMs }: JobRequest): Promise<CloudExecution> {
    const earlier = this.executions.filter((execution) => execution.jobId === jobId && execution.thing === thing);
    const execution: CloudExecution = {
      jobId,
      thing,
      executionNumber: earlier.length + 1,
      document,
      status: "QUEUED",
      versionNumber: 1,
      statusDetails: undefined,
      history: [],
    };
    this.executions.push(execution);
    if (inProgressTimeoutMs !== undefined) this.#timeouts.set(execution, inProgressTimeoutMs);
    await this.#notify(thing);
    return execution;
  }

  /** CancelJobExecution; one in progress only by force. */
  async cancel(execution: CloudExecution, force = false): Promise<boolean> {
    if (isTerminal(execution) || (execution.status === "IN_PROGRESS" && !force)) return false;
    moveExecution(execution, "CANCELED");
    await this.#notify(execution.thing);
    return true;
  }

  async #take({ topic, payload }: ReceivedPublish): Promise<void> {
    const [, , thing = "", , ...verb] = topic.split("/");
    const asked = request.parse(JSON.parse(new TextDecoder().decode(payload)));
    const disturbance = this.#disturbances.shift();
    if (disturbance === "silent") return;
    if (disturbance === "throttled") return await this.#reject(topic, asked, "RequestThrottled");
    if (verb[0] === "start-next") return await this.#startNext(topic, thing, asked);
    if (verb[0] === "get") return await this.#answer(topic, asked, this.#pending(thing));
    const execution = this.#find(thing, verb[0] ?? "", asked.executionNumber);
    if (execution === undefined) return await this.#reject(topic, asked, "ResourceNotFound");
    if (disturbance === "mismatch") execution.versionNumber += 1;
    if (verb[1] === "get") return await this.#answer(topic, asked, { execution: this.#shown(execution) });
    await this.#update(topic, execution, asked);
  }

  /** GetPendingJobExecutions. */
  #pending(thing: string) {
    const of = (status: string) =>
      this.executions.filter((one) => one.thing === thing && one.status === status).map(summaryOf);
    return { inProgressJobs: of("IN_PROGRESS"), queuedJobs: of("QUEUED") };
  }

  async #startNext(topic: string, thing: string, asked: JobsRequest): Promise<void> {
    const next = this.#next(thing);
    if (next?.status === "QUEUED") {
      moveExecution(next, "IN_PROGRESS", asked.statusDetails);
      next.versionNumber += 1;
      this.#startTimer(next, this.#timeouts.get(next), this.#ended.signal);
      this.#setStepTimer(next, asked);
    }
    await this.#answer(topic, asked, next === undefined ? {} : { execution: this.#shown(next) });
  }

  async #update(topic: string, execution: CloudExecution, asked: JobsRequest): Promise<void> {
    const status = z
      .enum(["QUEUED", "IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "REMOVED", "CANCELED"])
      .parse(asked.status);
    const rejection = changeExecution(execution, { ...asked, status });
    if (rejection !== undefined) return await this.#reject(topic, asked, rejection, execution);
    this.#setStepTimer(execution, asked);
    await this.#answer(topic, asked, {});
    if (isTerminal(execution)) await this.#notify(execution.thing);
  }

  /** An update that carries the time sets the timer anew, -1 ends it, one without it leaves it as it is. */
  #setStepTimer(execution: CloudExecution, { stepTimeoutInMinutes: minutes }: JobsRequest): void {
    if (minutes === undefined) return;
    this.#steps.get(execution)?.abort();
    const step = new AbortController();
    this.#steps.set(execution, step);
    const lifeMs = minutes === -1 ? undefined : minutes * this.#minuteMs;
    this.#startTimer(execution, lifeMs, AbortSignal.any([this.#ended.signal, step.signal]));
  }

  #startTimer(execution: CloudExecution, lifeMs: number | undefined, signal: AbortSignal): void {
    if (lifeMs === undefined) return;
    void sleep(lifeMs, undefined, { signal, ref: false }).then(
      async () => {
        if (isTerminal(execution)) return;
        moveExecution(execution, "TIMED_OUT");
        await this.#notify(execution.thing);
      },
      () => undefined,
    );
  }

  #find(thing: string, jobId: string, executionNumber: number | undefined): CloudExecution | undefined {
    if (jobId === "$next") return this.#next(thing);
    return this.executions.findLast(
      (execution) =>
        execution.thing === thing &&
        execution.jobId === jobId &&
        (executionNumber === undefined || execution.executionNumber === executionNumber),
    );
  }

  /** What is in progress comes first, then the oldest. */
  #next(thing: string): CloudExecution | undefined {
    const pending = this.executions.filter((execution) => execution.thing === thing && !isTerminal(execution));
    return pending.find(({ status }) => status === "IN_PROGRESS") ?? pending[0];
  }

  #shown(execution: CloudExecution) {
    const { jobId, thing, executionNumber, versionNumber, status, statusDetails, document } = execution;
    const text = JSON.stringify(document).replaceAll(PRESIGNED, (_whole, key: string) => this.#presign(key));
    const jobDocument: unknown = JSON.parse(text);
    const times = { queuedAt: seconds(), lastUpdatedAt: seconds() };
    return { jobId, thingName: thing, executionNumber, versionNumber, status, statusDetails, jobDocument, ...times };
  }

  async #notify(thing: string): Promise<void> {
    const pending = this.executions.filter((execution) => execution.thing === thing && !isTerminal(execution));
    const jobs = Object.groupBy(pending.map(summaryOf), ({ status }) => status);
    await this.#publish(`$aws/things/${thing}/jobs/notify`, { timestamp: seconds(), jobs });
    const next = this.#next(thing);
    const execution = next === undefined ? {} : { execution: this.#shown(next) };
    await this.#publish(`$aws/things/${thing}/jobs/notify-next`, { timestamp: seconds(), ...execution });
  }

  async #answer(topic: string, { clientToken }: JobsRequest, body: object): Promise<void> {
    await this.#publish(`${topic}/accepted`, { ...body, clientToken, timestamp: seconds() });
  }

  async #reject(
    topic: string,
    { clientToken }: JobsRequest,
    code: UpdateRejection | "RequestThrottled" | "ResourceNotFound",
    execution?: CloudExecution,
  ): Promise<void> {
    const { status, statusDetails, versionNumber } = execution ?? {};
    const executionState = execution === undefined ? undefined : { status, statusDetails, versionNumber };
    const body = { code, message: "refused by the bench", clientToken, timestamp: seconds(), executionState };
    await this.#publish(`${topic}/rejected`, body);
  }

  async #publish(topic: string, body: object): Promise<void> {
    await this.#session.publish(
      publicationTo(topic, new TextEncoder().encode(JSON.stringify(body)), "application/json"),
    );
  }
}

function summaryOf({ jobId, executionNumber, versionNumber, status }: CloudExecution) {
  return { jobId, executionNumber, versionNumber, status, queuedAt: seconds(), lastUpdatedAt: seconds() };
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
