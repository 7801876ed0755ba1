import { printable } from "../../core/plain-text.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** The job and the update under way; nothing where there is none. */
export function updateLines({ job, update }: Status, colors: Colors): readonly string[] {
  const ofJob = job === undefined ? [] : [`job        ${printable(job.jobId)} (${printable(job.operation)})`];
  if (update === undefined) return ofJob;
  const { step, versionFrom, versionTo, percent, waitingFor, failure } = update;
  const reached = step === "download" && percent !== undefined ? ` ${percent} %` : "";
  const wait = waitingFor === undefined ? "" : `, waiting for ${printable(waitingFor)}`;
  const why = failure === undefined ? "" : colors.red(`, ${failure.reason}: ${printable(failure.detail)}`);
  return [...ofJob, `update     ${printable(versionFrom)} to ${printable(versionTo)}: ${step}${reached}${wait}${why}`];
}
