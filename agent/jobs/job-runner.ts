import { z } from "zod";
import { describeReply, isRetryable, type Reply } from "../cloud/request-client.ts";
import { fullJitterMs } from "../core/backoff.ts";
import type { Json } from "../core/canonical-json.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Broker } from "../ports/broker.ts";
import type { Journal } from "../ports/journal.ts";
import { type AwsJobs, documentOf, type JobExecution, type JobStatus } from "./aws-jobs.ts";

const SPACE = "job";
const KEY = "current";
const RETRY = { minMs: 1000, maxMs: 60_000 } as const;
/** Of a reason that is told again after it was refused; letters. */
const MAX_PLAIN_REASON = 256;
/** After an answer that no retry mends, ms. */
const GIVE_WAY_MS = 300_000;
/** States that an execution does not leave (AWS IoT Jobs). */
const TERMINAL: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "TIMED_OUT", "REJECTED", "REMOVED", "CANCELED"]);

const details = z.record(z.string(), z.string());
const jobRecord = z.object({
  jobId: z.string(),
  executionNumber: z.int(),
  outcome: z.object({ status: z.enum(["SUCCEEDED", "FAILED", "REJECTED"]), details }).optional(),
});
type JobRecord = z.infer<typeof jobRecord>;

/** How a job ended on the vehicle; the details go to the cloud. REJECTED: the document is unknown or unsafe, and nothing was begun. */
export type JobOutcome = {
  readonly status: Exclude<JobStatus, "IN_PROGRESS">;
  readonly details: Readonly<Record<string, string>>;
};

/** What names an execution. */
export type ExecutionId = { readonly jobId: string; readonly executionNumber: number };

/** Whether both name the same execution. */
export function isSameExecution(left: ExecutionId, right: ExecutionId): boolean {
  return left.jobId === right.jobId && left.executionNumber === right.executionNumber;
}

/** One execution as a handler sees it. */
export type Job = ExecutionId & {
  /** What has been reached; sent when it has changed, and not too often. */
  report(details: Readonly<Record<string, string>>): void;
  /** Aborted with "cancelled" or "timed-out" when the cloud has taken the job back, with "given-up" when a technician has. */
  readonly withdrawn: AbortSignal;
};

/** The execution that is worked on, as people see it. */
export type CurrentJob = ExecutionId & {
  /** Of its document; "steps" for one that has steps instead. */
  readonly operation: string;
  readonly details: Readonly<Record<string, string>>;
};

/** What a withdrawn job was given up by, for people. */
export function withdrawnBy({ withdrawn }: Pick<Job, "withdrawn">): string {
  return withdrawn.reason === "given-up" ? "by causeway jobs cancel" : "by the cloud";
}

/** Carries out the documents of one operation. May be called again with the same execution after a restart, and then goes on. "stopped" when `signal` aborts. */
export type JobHandler = (document: unknown, job: Job, signal: AbortSignal) => Promise<JobOutcome | "stopped">;

/** What the runner is made of. `handlers` are by the operation of the document; "steps" for one that has steps instead. */
export type JobRunnerParts = {
  readonly jobs: Pick<AwsJobs, "startNext" | "describe" | "update">;
  readonly handlers: Readonly<Record<string, JobHandler>>;
  readonly broker: Pick<Broker, "online" | "status">;
  readonly journal: Pick<Journal, "get" | "put">;
  readonly environment: {
    readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
    readonly log: Log;
    readonly random: () => number;
    /** Between two reports of one job, ms. */
    readonly reportMs: number;
    /** What has not changed is reported again after this, so that the service does not take the vehicle for lost, ms; undefined for never. */
    readonly repeatMs: number | undefined;
    /** The service has ended an execution while nobody listened: what it began is to stop. */
    readonly abandon: (job: ExecutionId) => void;
  };
};

/**
 * Works on the jobs of this thing, one at a time, over restarts. An outcome is in the journal before it is told, and told until the
 * service has it or has ended the execution by itself; so no job is carried out twice, and none is stuck.
 */
export class JobRunner {
  readonly #parts: JobRunnerParts;
  #change = Promise.withResolvers<void>();
  #working:
    | {
        readonly execution: JobExecution;
        readonly operation: string;
        readonly reporter: ProgressReporter;
        readonly withdrawn: AbortController;
      }
    | undefined;

  constructor(parts: JobRunnerParts) {
    this.#parts = parts;
  }

  /** The execution that is worked on; undefined when there is none. */
  current(): CurrentJob | undefined {
    if (this.#working === undefined) return undefined;
    const { execution, operation, reporter } = this.#working;
    const { jobId, executionNumber } = execution;
    return { jobId, executionNumber, operation, details: reporter.latest() };
  }

  /** Gives the execution up that is worked on, where that is still possible; how it ends is told to the cloud. False when there is none. */
  giveUp(): boolean {
    this.#working?.withdrawn.abort("given-up");
    return this.#working !== undefined;
  }

  /** The operation of a document, or why it is not taken. */
  operationOf(document: unknown): { readonly operation: string } | { readonly refusal: string } {
    if (document === undefined) return { refusal: "malformed: the job has no document" };
    if (typeof document !== "object" || document === null || Array.isArray(document)) {
      return { refusal: "malformed: the document is no object" };
    }
    const named = "operation" in document && typeof document.operation === "string" ? document.operation : undefined;
    const operation = named ?? ("steps" in document ? "steps" : undefined);
    if (operation === undefined) return { refusal: "unsupported: the document names no operation" };
    return Object.hasOwn(this.#parts.handlers, operation)
      ? { operation }
      : { refusal: `unsupported: operation ${operation}` };
  }

  /** The list of jobs has changed. */
  changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { broker, environment } = this.#parts;
    for (let failures = 0; !signal.aborted; ) {
      if ((await broker.online(signal)) === undefined) return;
      const pauseMs = await this.#turn(failures, signal);
      failures = pauseMs === undefined ? 0 : failures + 1;
      if (pauseMs !== undefined) await environment.clock.sleep(pauseMs, signal);
    }
  }

  /** One execution from its start to its end, or the wait for one. Gives the pause before the next turn when it failed. */
  async #turn(failures: number, signal: AbortSignal): Promise<number | undefined> {
    const { jobs, broker, environment } = this.#parts;
    const { connects } = broker.status();
    const change = this.#change.promise;
    const reply = await jobs.startNext(signal);
    if (reply.kind !== "accepted") {
      environment.log.warn("job.not-asked", { problem: describeReply(reply) });
      return isRetryable(reply) ? fullJitterMs(failures, RETRY, environment.random) : GIVE_WAY_MS;
    }
    try {
      const { execution } = reply.body;
      const known = this.#known(execution);
      if (execution === undefined) await this.#idle(change, connects, signal);
      else await this.#carry(execution, known, signal);
      return undefined;
    } catch (thrown) {
      // Without the journal nothing may be begun; the service gives the same execution again.
      if (!(thrown instanceof AgentError)) throw thrown;
      environment.log.error("job.not-remembered", { code: thrown.code, what: thrown.message });
      return RETRY.maxMs;
    }
  }

  /** Until the list has changed, or a new connection may have missed that. */
  async #idle(change: Promise<void>, connects: number, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const either = AbortSignal.any([signal, done.signal]);
    await Promise.race([change, this.#parts.broker.online(either, connects)]);
    done.abort();
  }

  async #carry(execution: JobExecution, known: JobRecord | undefined, signal: AbortSignal): Promise<void> {
    const { jobId, executionNumber } = execution;
    const { log } = this.#parts.environment;
    if (known === undefined) this.#remember({ jobId, executionNumber });
    const outcome = known?.outcome ?? (await this.#perform(execution, signal));
    if (outcome === "stopped") return;
    if (outcome !== "withdrawn") {
      this.#remember({ jobId, executionNumber, outcome: { status: outcome.status, details: { ...outcome.details } } });
      log.info("job.ended", { jobId, status: outcome.status, reason: outcome.details.reason });
      await this.#tell(execution, outcome, signal);
      if (signal.aborted) return;
    }
    this.#remember(undefined);
  }

  /** What is known of the execution from before a restart. Another one that is known is over for the service: it comes first while it is not. */
  #known(execution: JobExecution | undefined): JobRecord | undefined {
    const value = this.#parts.journal.get(SPACE, KEY);
    if (value === undefined) return undefined;
    const record = jobRecord.parse(value);
    if (execution !== undefined && isSameExecution(record, execution)) return record;
    this.#parts.environment.log.warn("job.abandoned", { jobId: record.jobId });
    this.#parts.environment.abandon(record);
    this.#remember(undefined);
    return undefined;
  }

  #remember(record: JobRecord | undefined): void {
    const value = record === undefined ? undefined : asJson(record);
    this.#parts.journal.put([{ space: SPACE, key: KEY, value }]);
  }

  async #perform(execution: JobExecution, signal: AbortSignal): Promise<JobOutcome | "stopped" | "withdrawn"> {
    const { jobId, executionNumber } = execution;
    const document = documentOf(execution);
    const found = this.operationOf(document);
    if ("refusal" in found) return { status: "REJECTED", details: { reason: found.refusal } };
    const handler = this.#parts.handlers[found.operation];
    const withdrawn = new AbortController();
    const ended = new AbortController();
    const reporter = new ProgressReporter(this.#parts, execution, withdrawn);
    const report = (given: Readonly<Record<string, string>>): void => reporter.report(given);
    const reporting = reporter.run(() => this.#change.promise, AbortSignal.any([signal, ended.signal]));
    const job = { jobId, executionNumber, report, withdrawn: withdrawn.signal };
    this.#working = { execution, operation: found.operation, reporter, withdrawn };
    try {
      const outcome = await handler(document, job, signal);
      const isOver = withdrawn.signal.aborted && withdrawn.signal.reason !== "given-up";
      return isOver && outcome !== "stopped" ? "withdrawn" : outcome;
    } catch (thrown) {
      if (thrown instanceof AgentError) throw thrown;
      // A bug that a document brings out costs its job: the service would give the same one to every next process.
      this.#parts.environment.log.error("job.failed", { jobId, code: "internal.bug", what: messageOf(thrown) });
      return { status: "FAILED", details: { reason: `internal: ${messageOf(thrown)}` } };
    } finally {
      this.#working = undefined;
      ended.abort();
      await reporting;
    }
  }

  /** Until the service has the outcome, or says that it does not want it any more. */
  async #tell(execution: JobExecution, { status, details: all }: JobOutcome, signal: AbortSignal): Promise<void> {
    const { jobs, broker, environment } = this.#parts;
    let told = all;
    for (let failures = 0; !signal.aborted; failures++) {
      await broker.online(signal);
      const reply = await jobs.update(execution, status, told, signal);
      if (reply.kind === "accepted") return;
      if (adopted(execution, reply)) continue;
      if (reply.kind === "rejected" && !reply.rejection.isRetryable) {
        environment.log.warn("job.outcome-refused", { jobId: execution.jobId, status, problem: describeReply(reply) });
        if (TERMINAL.has(stateOf(reply) ?? "")) return;
        // It may be the details that do not fit. The status is what frees the next job; the reason goes along while it can.
        const shorter = shortened(told);
        if (shorter !== undefined) {
          told = shorter;
          continue;
        }
      }
      const pauseMs = isRetryable(reply) ? fullJitterMs(failures, RETRY, environment.random) : RETRY.maxMs;
      await environment.clock.sleep(pauseMs, signal);
    }
  }
}

/** Tells the cloud how a job goes on, and learns from its answers when the job has been taken back. */
class ProgressReporter {
  readonly #parts: JobRunnerParts;
  readonly #execution: JobExecution;
  readonly #withdrawn: AbortController;
  #latest: Readonly<Record<string, string>> | undefined;
  #sent = "";
  #sentAtMs: number;

  constructor(parts: JobRunnerParts, execution: JobExecution, withdrawn: AbortController) {
    this.#parts = parts;
    this.#execution = execution;
    this.#withdrawn = withdrawn;
    this.#sentAtMs = parts.environment.clock.monotonicMs();
  }

  report(given: Readonly<Record<string, string>>): void {
    this.#latest = given;
  }

  latest(): Readonly<Record<string, string>> {
    return this.#latest ?? {};
  }

  async run(change: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { broker, environment } = this.#parts;
    let { connects } = broker.status();
    while (!signal.aborted && !this.#withdrawn.signal.aborted) {
      const pause = new AbortController();
      const notice = change().then(() => "changed" as const);
      const timer = environment.clock.sleep(environment.reportMs, AbortSignal.any([signal, pause.signal]));
      const woken = await Promise.race([notice, timer.then(() => "due" as const)]);
      pause.abort();
      if (signal.aborted || broker.status().state !== "online") continue;
      const isNewConnection = broker.status().connects !== connects;
      connects = broker.status().connects;
      // What was said to an earlier connection may not have been heard.
      if (woken === "changed" || isNewConnection) await this.#ask(signal);
      await this.#send(signal);
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { jobId, executionNumber } = this.#execution;
    const reply = await this.#parts.jobs.describe(jobId, executionNumber, signal);
    if (reply.kind === "accepted") this.#judge(reply.body.execution?.status ?? "REMOVED");
    else if (reply.kind === "rejected" && !reply.rejection.isRetryable) this.#judge(stateOf(reply) ?? "REMOVED");
  }

  async #send(signal: AbortSignal): Promise<void> {
    const { clock, repeatMs = Number.POSITIVE_INFINITY } = this.#parts.environment;
    const isNew = this.#latest !== undefined && JSON.stringify(this.#latest) !== this.#sent;
    const isDue = clock.monotonicMs() - this.#sentAtMs >= repeatMs;
    if (this.#withdrawn.signal.aborted || !(isNew || isDue)) return;
    const latest = this.latest();
    const reply = await this.#parts.jobs.update(this.#execution, "IN_PROGRESS", latest, signal);
    if (reply.kind === "accepted") {
      this.#sent = JSON.stringify(latest);
      this.#sentAtMs = clock.monotonicMs();
      this.#execution.versionNumber += 1;
      return;
    }
    if (adopted(this.#execution, reply)) return;
    if (reply.kind !== "rejected" || reply.rejection.isRetryable) return;
    // The same again would be refused again.
    this.#sent = JSON.stringify(latest);
    this.#judge(stateOf(reply) ?? "IN_PROGRESS");
  }

  #judge(status: string): void {
    if (!TERMINAL.has(status)) return;
    this.#parts.environment.log.warn("job.withdrawn", { jobId: this.#execution.jobId, status });
    this.#withdrawn.abort(status === "TIMED_OUT" ? "timed-out" : "cancelled");
  }
}

/** What is tried in place of details that the service refuses: the reason in plain letters, then nothing; undefined when there is nothing less. */
function shortened(details: JobOutcome["details"]): JobOutcome["details"] | undefined {
  const { reason } = details;
  const plain = reason?.replace(/[^ -~]/g, "?").slice(0, MAX_PLAIN_REASON);
  if (plain !== undefined && (plain !== reason || Object.keys(details).length > 1)) return { reason: plain };
  return Object.keys(details).length > 0 ? {} : undefined;
}

function asJson({ jobId, executionNumber, outcome }: JobRecord): Json {
  if (outcome === undefined) return { jobId, executionNumber };
  return { jobId, executionNumber, outcome: { status: outcome.status, details: outcome.details } };
}

function stateOf(reply: Reply<unknown>): string | undefined {
  if (reply.kind !== "rejected") return undefined;
  const { code, executionState } = reply.rejection;
  // Without its state: one that is over, or that is not there any more.
  return (
    executionState?.status ??
    (/^(TerminalStateReached|ResourceNotFound|InvalidStateTransition)$/.test(code) ? "REMOVED" : undefined)
  );
}

/** Whether the service has another version of an execution that still runs: ours is then brought up to it. */
function adopted(execution: JobExecution, reply: Reply<unknown>): boolean {
  if (reply.kind !== "rejected" || reply.rejection.code !== "VersionMismatch") return false;
  const { executionState } = reply.rejection;
  if (executionState === undefined || TERMINAL.has(executionState.status)) return false;
  const isOther = execution.versionNumber !== executionState.versionNumber;
  execution.versionNumber = executionState.versionNumber;
  return isOther;
}
