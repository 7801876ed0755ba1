import { z } from "zod";

/** State of a job execution, as the jobs service tells it together with a rejection. */
const executionState = z.object({
  status: z.string(),
  statusDetails: z.record(z.string(), z.string()).optional(),
  versionNumber: z.int(),
});

/**
 * The bodies that the services reject with: provisioning (`errorCode`), commands (`error`), streams (`o`, `m`), Defender
 * (`statusDetails`), jobs and shadow (`code`).
 */
const rejectionBody = z.object({
  code: z.union([z.string(), z.int()]).optional(),
  message: z.string().optional(),
  statusCode: z.int().optional(),
  errorCode: z.string().optional(),
  errorMessage: z.string().optional(),
  error: z.string().optional(),
  o: z.string().optional(),
  m: z.string().optional(),
  statusDetails: z
    .object({
      ErrorCode: z.string().optional(),
      ErrorMessage: z.string().optional(),
      errorCode: z.string().optional(),
      errorMessage: z.string().optional(),
    })
    .optional(),
  executionState: executionState.optional(),
});

/** Why a service did not do what it was asked for. */
export type ServiceRejection = {
  /** "VersionMismatch", "404" */
  readonly code: string;
  /** For people: no control characters, at most 300 characters. */
  readonly message: string;
  /** Whether the same request may succeed later. */
  readonly isRetryable: boolean;
  /** Present for VersionMismatch and InvalidStateTransition of a job. */
  readonly executionState: z.infer<typeof executionState> | undefined;
};

/** Codes of the services that ask for another try (jobs, commands, provisioning). */
const RETRYABLE_CODES: ReadonlySet<string> = new Set([
  "InternalError",
  "InternalFailure",
  "RequestThrottled",
  "Throttled",
  "ThrottlingException",
  "ServiceUnavailable",
  "DataConflict",
]);

/** Reads the body of a rejection. One that cannot be understood is not to be tried again. */
export function rejectionOf(body: unknown): ServiceRejection {
  const parsed = rejectionBody.safeParse(body);
  if (!parsed.success) return rejection("unknown", "the rejection could not be read", undefined, undefined);
  const { data } = parsed;
  const { code, statusCode, statusDetails: details, executionState } = data;
  const name = firstOf(data.errorCode, data.error, data.o, details?.ErrorCode, details?.errorCode, code, statusCode);
  const text = firstOf(data.message, data.errorMessage, data.m, details?.ErrorMessage, details?.errorMessage);
  const status = statusCode ?? (typeof code === "number" ? code : undefined);
  return rejection(String(name ?? "unknown"), text ?? "", status, executionState);
}

/** The first of these that a body has. */
function firstOf<T>(...values: readonly (T | undefined)[]): T | undefined {
  return values.find((value) => value !== undefined);
}

function rejection(
  code: string,
  message: string,
  status: number | undefined,
  executionState: ServiceRejection["executionState"],
): ServiceRejection {
  const isBusy = status !== undefined && (status === 429 || status >= 500);
  return {
    code: printable(code, 100),
    message: printable(message, 300),
    isRetryable: isBusy || RETRYABLE_CODES.has(code),
    executionState,
  };
}

/** What comes from the cloud goes to logs and terminals. */
function printable(text: string, length: number): string {
  return text.replace(/\p{C}/gu, " ").slice(0, length);
}
