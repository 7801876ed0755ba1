/** States of an execution (AWS IoT Jobs). */
export type CloudJobStatus =
  | "QUEUED"
  | "IN_PROGRESS"
  | "SUCCEEDED"
  | "FAILED"
  | "REJECTED"
  | "TIMED_OUT"
  | "REMOVED"
  | "CANCELED";

/** One execution as the service keeps it. */
export type CloudExecution = {
  readonly jobId: string;
  readonly thing: string;
  readonly executionNumber: number;
  /** With placeholders for presigned URLs. */
  readonly document: unknown;
  status: CloudJobStatus;
  versionNumber: number;
  statusDetails: Readonly<Record<string, string>> | undefined;
  /** Each status it has had, with the details that came along. */
  readonly history: {
    readonly status: CloudJobStatus;
    readonly details: Readonly<Record<string, string>> | undefined;
  }[];
};

/** What a device asks for in an update. */
export type ExecutionChange = {
  readonly status: CloudJobStatus;
  readonly statusDetails?: Readonly<Record<string, string>> | undefined;
  readonly expectedVersion?: number | undefined;
};

/** Why an update is refused (AWS IoT Jobs, error codes). */
export type UpdateRejection = "InvalidRequest" | "VersionMismatch" | "InvalidStateTransition";

const DEVICE_STATES: ReadonlySet<string> = new Set(["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"]);
const KEY = /^[a-zA-Z0-9:_-]{1,128}$/;
const VALUE = /^[^\p{C}]{1,1024}$/u;

/** Whether nothing changes it any more. */
export function isTerminal({ status }: CloudExecution): boolean {
  return status !== "QUEUED" && status !== "IN_PROGRESS";
}

/** A device's update, with the service's rules: versions, transitions, limits of the details. Gives the rejection, or undefined when it is done. */
export function changeExecution(execution: CloudExecution, change: ExecutionChange): UpdateRejection | undefined {
  const { status, statusDetails, expectedVersion } = change;
  const pairs = Object.entries(statusDetails ?? {});
  const isFitting = pairs.length <= 10 && pairs.every(([key, value]) => KEY.test(key) && VALUE.test(value));
  if (!DEVICE_STATES.has(status) || !isFitting) return "InvalidRequest";
  if (isTerminal(execution)) return "InvalidStateTransition";
  if (expectedVersion !== undefined && expectedVersion !== execution.versionNumber) return "VersionMismatch";
  moveExecution(execution, status, statusDetails ?? execution.statusDetails);
  execution.versionNumber += 1;
  return undefined;
}

/** The service's own change: cancelled, timed out. */
export function moveExecution(
  execution: CloudExecution,
  status: CloudJobStatus,
  details: Readonly<Record<string, string>> | undefined = execution.statusDetails,
): void {
  execution.status = status;
  execution.statusDetails = details;
  execution.history.push({ status, details });
}
