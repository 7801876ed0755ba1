import type { ExecutionId } from "../job.ts";

/** No id of a job has a colon. */
const SHADOW = "shadow:";

/** Names the attempt of settings that a shadow desires, by their digest; it is none of a job. */
export function attemptOfShadow(digest: string): ExecutionId {
  return { jobId: `${SHADOW}${digest}`, executionNumber: 0 };
}

/** The digest of the settings that a shadow desires; undefined for the attempt of a job. */
export function digestOfShadow({ jobId }: ExecutionId): string | undefined {
  return jobId.startsWith(SHADOW) ? jobId.slice(SHADOW.length) : undefined;
}
