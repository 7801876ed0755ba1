import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { WakeSignal } from "../core/wake-signal.ts";
import type { Broker } from "../ports/broker.ts";
import type { AwsJobs, JobExecution } from "./aws-jobs.ts";
import { adoptVersion, isTerminal, statusIn } from "./execution-answer.ts";
import type { JobDetails } from "./job.ts";

/** What progress is reported with. */
export type ProgressReporterParts = {
  readonly jobs: Pick<AwsJobs, "describe" | "update">;
  readonly broker: Pick<Broker, "status">;
  readonly clock: Clock;
  readonly log: Log;
  /** Between two reports of one job, ms. */
  readonly reportMs: number;
  /** What has not changed is reported again after this, so that the service does not take the vehicle for lost, ms; undefined for never. */
  readonly repeatMs: number | undefined;
};

/** Tells the cloud how one execution goes on, and learns from its answers whether it has taken the job back: `withdrawn` aborts then. */
export class ProgressReporter {
  readonly #parts: ProgressReporterParts;
  readonly #execution: JobExecution;
  readonly #withdrawn: AbortController;
  readonly #wakeSignal: WakeSignal;
  #read: (() => JobDetails) | undefined;
  #mayBeWithdrawn = false;
  /** The connection that was there at the last look, by its number. */
  #connection: number;
  /** The details that the service has, or would reject again. */
  #sent = "";
  #sentAtMs: number;

  constructor(parts: ProgressReporterParts, execution: JobExecution, withdrawn: AbortController) {
    this.#parts = parts;
    this.#execution = execution;
    this.#withdrawn = withdrawn;
    this.#wakeSignal = new WakeSignal(parts.clock);
    this.#connection = parts.broker.status().connects;
    this.#sentAtMs = parts.clock.monotonicMs();
  }

  /** What has been reached is what `read` gives when it is asked. */
  reportFrom(read: () => JobDetails): void {
    this.#read = read;
  }

  latest(): JobDetails {
    return this.#read?.() ?? {};
  }

  /** The list of jobs has changed: whether this one is still in it is asked at once. */
  listChanged(): void {
    this.#mayBeWithdrawn = true;
    this.#wakeSignal.wake();
  }

  /** Until `signal` aborts or the job has been taken back. That a report is due only time can tell. */
  async run(signal: AbortSignal): Promise<void> {
    const { broker, clock, reportMs } = this.#parts;
    const over = AbortSignal.any([signal, this.#withdrawn.signal]);
    over.addEventListener("abort", () => this.#wakeSignal.wake(), { once: true });
    while (!over.aborted) {
      await this.#wakeSignal.until(clock.monotonicMs() + reportMs);
      const { state, connects } = broker.status();
      if (over.aborted || state !== "online") continue;
      // What was said to an earlier connection may not have been heard.
      if (this.#mayBeWithdrawn || connects !== this.#connection) await this.#ask(signal);
      if (!over.aborted) await this.#send(signal);
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { jobId, executionNumber } = this.#execution;
    this.#mayBeWithdrawn = false;
    this.#connection = this.#parts.broker.status().connects;
    const reply = await this.#parts.jobs.describe(jobId, executionNumber, signal);
    if (reply.kind === "accepted") this.#judge(reply.body.execution?.status ?? "REMOVED");
    else if (reply.kind === "rejected" && !reply.rejection.isRetryable) this.#judge(statusIn(reply) ?? "REMOVED");
  }

  async #send(signal: AbortSignal): Promise<void> {
    const { jobs, clock, repeatMs = Number.POSITIVE_INFINITY } = this.#parts;
    const latest = this.latest();
    const text = JSON.stringify(latest);
    const isNew = this.#read !== undefined && text !== this.#sent;
    if (!isNew && clock.monotonicMs() - this.#sentAtMs < repeatMs) return;
    const reply = await jobs.update(this.#execution, "IN_PROGRESS", latest, signal);
    if (reply.kind === "accepted") {
      this.#sent = text;
      this.#sentAtMs = clock.monotonicMs();
      this.#execution.versionNumber += 1;
      return;
    }
    if (adoptVersion(this.#execution, reply)) return;
    if (reply.kind !== "rejected" || reply.rejection.isRetryable) return;
    // The same again would be rejected again.
    this.#sent = text;
    this.#judge(statusIn(reply) ?? "IN_PROGRESS");
  }

  #judge(status: string): void {
    if (!isTerminal(status)) return;
    this.#parts.log.warn("job.withdrawn", { jobId: this.#execution.jobId, status });
    this.#withdrawn.abort(status === "TIMED_OUT" ? "timed-out" : "cancelled");
  }
}
