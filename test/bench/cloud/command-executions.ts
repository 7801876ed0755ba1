/** How a command execution stands at AWS IoT (Device Management, CommandExecutionStatus). */
export type ExecutionStatus = "CREATED" | "IN_PROGRESS" | "SUCCEEDED" | "FAILED" | "REJECTED" | "TIMED_OUT";

/** What a device may set. */
const DEVICE_STATUSES: ReadonlySet<string> = new Set(["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT"]);
const FINAL: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT"]);
/** statusReason.reasonCode, and its description without control characters (AWS IoT, StatusReason). */
const REASON_CODE = /^[A-Z0-9_-]{1,64}$/;
const DESCRIPTION = /^[^\p{C}]{0,1024}$/u;

/** One execution of a command. */
export type Execution = {
  readonly executionId: string;
  readonly thing: string;
  status: ExecutionStatus;
  /** By the service, because no answer came in time: not final, a device may still answer. */
  isServiceTimeout: boolean;
  reason: { readonly reasonCode: string; readonly reasonDescription?: string } | undefined;
  result: Readonly<Record<string, unknown>>;
  /** Every status it had, the first being CREATED. */
  readonly history: string[];
};

/** What the service says to an update. */
export type UpdateVerdict =
  | { readonly kind: "accepted" }
  | { readonly kind: "rejected"; readonly error: string; readonly errorMessage: string };

/** The executions of one account and the state machine of each. */
export class CommandExecutions {
  readonly #executions = new Map<string, Execution>();

  create(executionId: string, thing: string): Execution {
    const execution: Execution = {
      executionId,
      thing,
      status: "CREATED",
      isServiceTimeout: false,
      reason: undefined,
      result: {},
      history: ["CREATED"],
    };
    this.#executions.set(executionId, execution);
    return execution;
  }

  find(executionId: string): Execution | undefined {
    return this.#executions.get(executionId);
  }

  /** The service's own timer ran out. */
  timeOut(executionId: string): void {
    const execution = this.#executions.get(executionId);
    if (execution === undefined || isFinal(execution)) return;
    move(execution, "TIMED_OUT", true);
    execution.reason = { reasonCode: "$NO_RESPONSE_FROM_DEVICE" };
  }

  /** UpdateCommandExecution. */
  update(executionId: string, thing: string, body: unknown): UpdateVerdict {
    const execution = this.#executions.get(executionId);
    if (execution?.thing !== thing) return rejected("ResourceNotFound", `no execution ${executionId}`);
    const update = readUpdate(body);
    if (typeof update === "string") return rejected("InvalidRequest", update);
    if (isFinal(execution)) return rejected("TerminalStateReached", `it is ${execution.status}`);
    if (execution.status === "TIMED_OUT" && update.status === "IN_PROGRESS") {
      return rejected("InvalidStateTransition", "TIMED_OUT to IN_PROGRESS");
    }
    move(execution, update.status, false);
    execution.reason = update.reason;
    execution.result = { ...execution.result, ...update.result };
    return { kind: "accepted" };
  }
}

function isFinal({ status, isServiceTimeout }: Execution): boolean {
  return FINAL.has(status) && !isServiceTimeout;
}

function move(execution: Execution, status: ExecutionStatus, isServiceTimeout: boolean): void {
  execution.status = status;
  execution.isServiceTimeout = isServiceTimeout;
  execution.history.push(isServiceTimeout ? `${status} by the service` : status);
}

function rejected(error: string, errorMessage: string): UpdateVerdict {
  return { kind: "rejected", error, errorMessage };
}

type Update = {
  readonly status: ExecutionStatus;
  readonly reason: Execution["reason"];
  readonly result: Readonly<Record<string, unknown>>;
};

/** The update, or what is wrong with it. */
function readUpdate(body: unknown): Update | string {
  if (!isRecord(body)) return "not an object";
  const { status, statusReason, result = {} } = body;
  if (!isStatus(status)) return `status ${String(status)}`;
  const reason = readReason(statusReason);
  if (typeof reason === "string") return reason;
  const values = readResult(result, body.result !== undefined);
  return typeof values === "string" ? values : { status, reason: reason?.value, result: values };
}

function isStatus(value: unknown): value is ExecutionStatus {
  return typeof value === "string" && DEVICE_STATUSES.has(value);
}

function readReason(value: unknown): { readonly value: NonNullable<Execution["reason"]> } | undefined | string {
  if (value === undefined) return undefined;
  if (!isRecord(value)) return "statusReason is not an object";
  const { reasonCode, reasonDescription } = value;
  if (typeof reasonCode !== "string" || !REASON_CODE.test(reasonCode)) return `reasonCode ${String(reasonCode)}`;
  if (reasonDescription === undefined) return { value: { reasonCode } };
  if (typeof reasonDescription !== "string" || !DESCRIPTION.test(reasonDescription)) return "reasonDescription";
  return { value: { reasonCode, reasonDescription } };
}

/** Each value has exactly one key, in lower case over MQTT; a result that is there is not empty. */
function readResult(value: unknown, isGiven: boolean): Readonly<Record<string, unknown>> | string {
  if (!isRecord(value)) return "result is not an object";
  const entries = Object.entries(value);
  if (isGiven && entries.length === 0) return "result is empty";
  const bad = entries.find(
    ([, one]) => !isRecord(one) || Object.keys(one).length !== 1 || !["s", "b", "bin"].some((key) => key in one),
  );
  return bad === undefined ? value : `result ${bad[0]}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
