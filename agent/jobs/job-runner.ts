import { z } from "zod";
import { describeReply, isRetryable } from "../cloud/request-client.ts";
import { fullJitterMs } from "../core/backoff.ts";
import { ChangeSignal } from "../core/change-signal.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError, errnoOf, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Broker } from "../ports/broker.ts";
import type { Journal } from "../ports/journal.ts";
import { type AwsJobs, documentOf, type JobExecution } from "./aws-jobs.ts";
import { ExecutionMemory } from "./execution-memory.ts";
import {
  type ExecutionId,
  ended,
  isSameExecution,
  type Job,
  type JobDetails,
  type JobHandler,
  type JobOutcome,
} from "./job.ts";
import { type JobOperation, operationOf } from "./job-operation.ts";
import { reportOutcome } from "./outcome-report.ts";
import { ProgressReporter } from "./progress-reporter.ts";

const RETRY = { minMs: 1000, maxMs: 60_000 } as const;
/** After an answer that no retry mends, ms. */
const GIVE_WAY_MS = 300_000;

/** An execution that was begun; with its outcome when that is to be reported. */
const begun = z.object({
  outcome: z
    .object({ status: z.enum(["SUCCEEDED", "FAILED", "REJECTED"]), details: z.record(z.string(), z.string()) })
    .optional(),
});

/** The execution that is worked on, as people see it. */
export type CurrentJob = ExecutionId & {
  /** Of its document; "steps" for one that has steps instead. */
  readonly operation: string;
  readonly details: JobDetails;
};

/** How executions ended; "withdrawn": the service or a technician gave them up. */
export type EndedJobs = Readonly<Record<"succeeded" | "failed" | "rejected" | "withdrawn", number>>;

const ENDS = { SUCCEEDED: "succeeded", FAILED: "failed", REJECTED: "rejected" } as const;

/** `handlers` are by the operation of the document; "steps" for one that has steps instead. */
export type JobRunnerParts = {
  readonly jobs: Pick<AwsJobs, "startNext" | "describe" | "update">;
  readonly handlers: Readonly<Record<string, JobHandler>>;
  readonly broker: Pick<Broker, "online" | "status">;
  readonly journal: Pick<Journal, "get" | "put">;
  readonly environment: {
    readonly clock: Clock;
    readonly log: Log;
    readonly random: () => number;
    /** Between two reports of one job, ms. */
    readonly reportMs: number;
    /** What has not changed is reported again after this, so that the service does not take the vehicle for lost, ms; undefined for never. */
    readonly repeatMs: number | undefined;
    /** The service has ended an execution while nobody listened: what it began is to stop. Called again after the system's error. */
    readonly abandon: (job: ExecutionId) => void;
  };
};

type Work = {
  readonly execution: JobExecution;
  readonly operation: string;
  readonly reporter: ProgressReporter;
  readonly withdrawn: AbortController;
};

/**
 * Works on the jobs of this thing, one at a time, over restarts. An outcome is in the journal before it is reported, and reported until
 * the service has it or has ended the execution by itself; so no job is carried out twice, and none is stuck.
 */
export class JobRunner {
  readonly #parts: JobRunnerParts;
  readonly #memory: ExecutionMemory<z.infer<typeof begun>>;
  readonly #listChange = new ChangeSignal();
  #work: Work | undefined;
  readonly #ended = { succeeded: 0, failed: 0, rejected: 0, withdrawn: 0 };

  constructor(parts: JobRunnerParts) {
    this.#parts = parts;
    this.#memory = new ExecutionMemory(parts.journal, "current", begun);
  }

  /** The execution that is worked on; undefined when there is none. */
  current(): CurrentJob | undefined {
    if (this.#work === undefined) return undefined;
    const { execution, operation, reporter } = this.#work;
    const { jobId, executionNumber } = execution;
    return { jobId, executionNumber, operation, details: reporter.latest() };
  }

  /** Executions that this process brought to their end. */
  ended(): EndedJobs {
    return { ...this.#ended };
  }

  /** Gives the execution up that is worked on, where that is still possible; how it ends is reported to the cloud. False when there is none. */
  giveUp(): boolean {
    this.#work?.withdrawn.abort("given-up");
    return this.#work !== undefined;
  }

  /** The operation of a document, or why it is not taken. */
  operationOf(document: unknown): JobOperation {
    return operationOf(document, this.#parts.handlers);
  }

  /** The list of jobs has changed. */
  changed(): void {
    this.#listChange.notify();
    this.#work?.reporter.listChanged();
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
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    // A change that comes while the service is asked is not missed.
    const change = this.#listChange.next(either);
    try {
      const reply = await jobs.startNext(signal);
      if (reply.kind !== "accepted") {
        environment.log.warn("job.not-asked", { problem: describeReply(reply) });
        return isRetryable(reply) ? fullJitterMs(failures, RETRY, environment.random) : GIVE_WAY_MS;
      }
      const { execution } = reply.body;
      this.#leaveOther(execution);
      // A new connection may have missed a change.
      if (execution === undefined) await Promise.race([change, broker.online(either, connects)]);
      else await this.#carryOut(execution, signal);
      return undefined;
    } catch (thrown) {
      // Without the journal nothing may be begun; the service gives the same execution again.
      // The same goes for what the system keeps from being taken back.
      if (!(thrown instanceof AgentError) && errnoOf(thrown) === undefined) throw thrown;
      const code = thrown instanceof AgentError ? thrown.code : undefined;
      environment.log.error("job.not-remembered", { code, what: messageOf(thrown) });
      return RETRY.maxMs;
    } finally {
      over.abort();
    }
  }

  /** Another execution that is remembered is over for the service: it comes first while it is not. */
  #leaveOther(execution: JobExecution | undefined): void {
    const other = this.#memory.latest();
    if (other === undefined || (execution !== undefined && isSameExecution(other, execution))) return;
    const { log, abandon } = this.#parts.environment;
    log.warn("job.abandoned", { jobId: other.jobId });
    abandon(other);
    this.#memory.forget();
  }

  async #carryOut(execution: JobExecution, signal: AbortSignal): Promise<void> {
    const { jobs, broker, environment } = this.#parts;
    const { clock, log, random } = environment;
    const known = this.#memory.of(execution);
    if (known === undefined) this.#memory.remember(execution, {});
    const outcome = known?.outcome ?? (await this.#perform(execution, signal));
    if (outcome === "stopped") return;
    if (known?.outcome === undefined) this.#ended[outcome === "withdrawn" ? outcome : ENDS[outcome.status]] += 1;
    if (outcome !== "withdrawn") {
      const { status, details } = outcome;
      this.#memory.remember(execution, { outcome: { status, details: { ...details } } });
      log.info("job.ended", { jobId: execution.jobId, status, reason: details.reason });
      await reportOutcome({ jobs, broker, clock, log, random }, execution, outcome, signal);
      if (signal.aborted) return;
    }
    this.#memory.forget();
  }

  async #perform(execution: JobExecution, signal: AbortSignal): Promise<JobOutcome | "stopped" | "withdrawn"> {
    const document = documentOf(execution);
    const found = this.operationOf(document);
    if ("rejection" in found) return ended("REJECTED", found.rejection);
    const { jobs, broker, handlers, environment } = this.#parts;
    const { clock, log, reportMs, repeatMs } = environment;
    const withdrawn = new AbortController();
    const reporter = new ProgressReporter({ jobs, broker, clock, log, reportMs, repeatMs }, execution, withdrawn);
    const over = new AbortController();
    const reporting = reporter.run(AbortSignal.any([signal, over.signal]));
    this.#work = { execution, operation: found.operation, reporter, withdrawn };
    try {
      const outcome = await handlers[found.operation](document, jobOf(this.#work), signal);
      const isOver = withdrawn.signal.aborted && withdrawn.signal.reason !== "given-up";
      return isOver && outcome !== "stopped" ? "withdrawn" : outcome;
    } catch (thrown) {
      if (thrown instanceof AgentError) throw thrown;
      // A bug that a document brings out costs its job: the service would give the same one to every next process.
      const { jobId } = execution;
      log.error("job.failed", { jobId, code: "internal.bug", what: messageOf(thrown) });
      return ended("FAILED", `internal: ${messageOf(thrown)}`);
    } finally {
      this.#work = undefined;
      over.abort();
      await reporting;
    }
  }
}

function jobOf({ execution, reporter, withdrawn }: Work): Job {
  const { jobId, executionNumber } = execution;
  return {
    jobId,
    executionNumber,
    report: (details) => reporter.reportFrom(() => details),
    reportFrom: (read) => reporter.reportFrom(read),
    withdrawn: withdrawn.signal,
  };
}
