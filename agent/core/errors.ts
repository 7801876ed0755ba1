/**
 * Exit codes of every verb (shared by the daemon and the CLI; sysexits.h where a code exists there).
 */
export const EXIT = {
  ok: 0,
  failed: 1,
  nothingToDo: 2,
  degraded: 3,
  rebootRequired: 4,
  usage: 64,
  badInput: 65,
  unavailable: 69,
  temporary: 75,
  permission: 77,
  configuration: 78,
  interrupted: 130,
} as const;

/**
 * Every way the agent can fail, with what the caller may do about it.
 *
 * `retry`: "never" needs a person or a new input; "backoff" may heal by itself; "slow" may heal, but trying harder
 * than every five minutes cannot help. `exit` is the code a CLI verb ends with when this fault ends it.
 */
export const FAULTS = {
  "usage.invalid": { retry: "never", exit: EXIT.usage },
  "input.malformed": { retry: "never", exit: EXIT.badInput },
  "input.missing": { retry: "never", exit: EXIT.badInput },
  "input.refused": { retry: "never", exit: EXIT.permission },
  "input.unavailable": { retry: "backoff", exit: EXIT.temporary },
  "output.refused": { retry: "never", exit: EXIT.permission },
  "output.unwritable": { retry: "never", exit: EXIT.failed },
  "config.invalid": { retry: "never", exit: EXIT.configuration },
  "config.missing": { retry: "never", exit: EXIT.configuration },
  "dbc.invalid": { retry: "never", exit: EXIT.badInput },
  "bus.unknown": { retry: "never", exit: EXIT.unavailable },
  "bus.unavailable": { retry: "backoff", exit: EXIT.unavailable },
  "bus.not-permitted": { retry: "never", exit: EXIT.permission },
  "bus.unsupported": { retry: "never", exit: EXIT.unavailable },
  "bus.transmit-failed": { retry: "backoff", exit: EXIT.unavailable },
  "bus.transmit-forbidden": { retry: "never", exit: EXIT.permission },
  "isotp.timeout-send": { retry: "backoff", exit: EXIT.unavailable },
  "isotp.timeout-flow-control": { retry: "backoff", exit: EXIT.unavailable },
  "isotp.timeout-flow-control-send": { retry: "backoff", exit: EXIT.unavailable },
  "isotp.timeout-consecutive": { retry: "backoff", exit: EXIT.unavailable },
  "isotp.wrong-sequence": { retry: "backoff", exit: EXIT.unavailable },
  "isotp.interrupted": { retry: "backoff", exit: EXIT.unavailable },
  "isotp.overflow": { retry: "never", exit: EXIT.unavailable },
  "isotp.too-many-waits": { retry: "backoff", exit: EXIT.unavailable },
  "isotp.bad-frame": { retry: "backoff", exit: EXIT.unavailable },
  "isotp.busy": { retry: "backoff", exit: EXIT.temporary },
  "isotp.aborted": { retry: "backoff", exit: EXIT.temporary },
  "isotp.unsupported": { retry: "never", exit: EXIT.usage },
  "ecu.silent": { retry: "backoff", exit: EXIT.unavailable },
  "ecu.refused": { retry: "never", exit: EXIT.failed },
  "ecu.malformed": { retry: "never", exit: EXIT.failed },
  "ecu.withheld": { retry: "backoff", exit: EXIT.temporary },
  "broker.unreachable": { retry: "backoff", exit: EXIT.unavailable },
  "broker.refused": { retry: "backoff", exit: EXIT.unavailable },
  "broker.unfit": { retry: "slow", exit: EXIT.unavailable },
  "broker.not-authorised": { retry: "slow", exit: EXIT.unavailable },
  "broker.session-contested": { retry: "slow", exit: EXIT.unavailable },
  "broker.tls-failed": { retry: "backoff", exit: EXIT.unavailable },
  "broker.certificate-untrusted": { retry: "slow", exit: EXIT.unavailable },
  "broker.certificate-expired": { retry: "slow", exit: EXIT.unavailable },
  "broker.name-mismatch": { retry: "slow", exit: EXIT.unavailable },
  "proxy.unreachable": { retry: "backoff", exit: EXIT.unavailable },
  "proxy.bad-gateway": { retry: "backoff", exit: EXIT.unavailable },
  "proxy.refused": { retry: "slow", exit: EXIT.unavailable },
  "proxy.authentication-wanted": { retry: "slow", exit: EXIT.unavailable },
  "proxy.credentials-missing": { retry: "slow", exit: EXIT.configuration },
  "proxy.credentials-exposed": { retry: "slow", exit: EXIT.permission },
  "identity.certificate-revoked": { retry: "slow", exit: EXIT.unavailable },
  "identity.certificate-refused": { retry: "slow", exit: EXIT.unavailable },
  "identity.certificate-mismatch": { retry: "never", exit: EXIT.badInput },
  "identity.certificate-unfit": { retry: "never", exit: EXIT.badInput },
  "identity.certificate-expired": { retry: "slow", exit: EXIT.unavailable },
  "identity.certificate-not-yet-valid": { retry: "slow", exit: EXIT.unavailable },
  "identity.clock-unset": { retry: "backoff", exit: EXIT.temporary },
  "identity.certificate-missing": { retry: "never", exit: EXIT.configuration },
  "identity.ca-missing": { retry: "never", exit: EXIT.configuration },
  "identity.module-missing": { retry: "never", exit: EXIT.configuration },
  "identity.tpm-absent": { retry: "backoff", exit: EXIT.unavailable },
  "identity.tpm-timeout": { retry: "backoff", exit: EXIT.temporary },
  "identity.tpm-lockout": { retry: "slow", exit: EXIT.temporary },
  "identity.tpm-auth-refused": { retry: "never", exit: EXIT.permission },
  "identity.not-permitted": { retry: "never", exit: EXIT.permission },
  "identity.store-exposed": { retry: "never", exit: EXIT.permission },
  "identity.store-unfit": { retry: "never", exit: EXIT.configuration },
  "identity.state-damaged": { retry: "never", exit: EXIT.configuration },
  "identity.claim-missing": { retry: "never", exit: EXIT.configuration },
  "identity.claim-exposed": { retry: "never", exit: EXIT.permission },
  "identity.enrolment-refused": { retry: "slow", exit: EXIT.unavailable },
  "identity.renewal-busy": { retry: "backoff", exit: EXIT.temporary },
  "identity.renewal-unfinished": { retry: "backoff", exit: EXIT.temporary },
  "identity.enrolment-unanswered": { retry: "backoff", exit: EXIT.temporary },
  "identity.token-missing": { retry: "slow", exit: EXIT.configuration },
  "identity.key-missing": { retry: "slow", exit: EXIT.configuration },
  "identity.key-ambiguous": { retry: "slow", exit: EXIT.configuration },
  "identity.key-exists": { retry: "never", exit: EXIT.failed },
  "identity.key-in-use": { retry: "never", exit: EXIT.failed },
  "identity.key-unfit": { retry: "never", exit: EXIT.failed },
  "identity.pin-missing": { retry: "never", exit: EXIT.configuration },
  "identity.pin-exposed": { retry: "never", exit: EXIT.permission },
  "identity.pin-wrong": { retry: "never", exit: EXIT.permission },
  "store.unavailable": { retry: "backoff", exit: EXIT.unavailable },
  "program.unknown": { retry: "never", exit: EXIT.permission },
  "program.not-allowed": { retry: "never", exit: EXIT.permission },
  "program.no-command": { retry: "never", exit: EXIT.failed },
  "program.too-long": { retry: "never", exit: EXIT.badInput },
  "program.busy": { retry: "backoff", exit: EXIT.temporary },
  "program.full": { retry: "backoff", exit: EXIT.temporary },
  "program.not-stored": { retry: "backoff", exit: EXIT.temporary },
  "outbox.full": { retry: "backoff", exit: EXIT.unavailable },
  "outbox.unavailable": { retry: "backoff", exit: EXIT.unavailable },
  "outbox.key-unavailable": { retry: "backoff", exit: EXIT.unavailable },
  "outbox.key-exposed": { retry: "never", exit: EXIT.permission },
  "outbox.key-lost": { retry: "never", exit: EXIT.unavailable },
  "journal.full": { retry: "backoff", exit: EXIT.unavailable },
  "journal.unavailable": { retry: "never", exit: EXIT.unavailable },
  "log.unavailable": { retry: "never", exit: EXIT.unavailable },
  "log.not-permitted": { retry: "never", exit: EXIT.permission },
  "dbus.unavailable": { retry: "backoff", exit: EXIT.unavailable },
  "dbus.refused": { retry: "slow", exit: EXIT.permission },
  "dbus.failed": { retry: "backoff", exit: EXIT.failed },
  "power.unavailable": { retry: "backoff", exit: EXIT.unavailable },
  "power.denied": { retry: "slow", exit: EXIT.permission },
  "alarm.unavailable": { retry: "slow", exit: EXIT.unavailable },
  "system.restart-refused": { retry: "never", exit: EXIT.permission },
  "upload.refused": { retry: "never", exit: EXIT.failed },
  "update.refused": { retry: "never", exit: EXIT.failed },
  "update.busy": { retry: "backoff", exit: EXIT.temporary },
  "update.restart-wanted": { retry: "backoff", exit: EXIT.temporary },
  "update.installer-failed": { retry: "never", exit: EXIT.failed },
  "update.unfit": { retry: "never", exit: EXIT.badInput },
  "upload.credentials-refused": { retry: "slow", exit: EXIT.unavailable },
  "upload.credentials-unfit": { retry: "slow", exit: EXIT.unavailable },
  "upload.credentials-unavailable": { retry: "backoff", exit: EXIT.unavailable },
  "agent.not-running": { retry: "backoff", exit: EXIT.degraded },
  "agent.not-permitted": { retry: "never", exit: EXIT.permission },
  "agent.already-running": { retry: "never", exit: EXIT.unavailable },
  "internal.bug": { retry: "never", exit: EXIT.failed },
} as const;

/** The code of one fault; see `FAULTS`. */
export type FaultCode = keyof typeof FAULTS;

/** `what` names the thing and the value; `remedy` says what to do about it; `facts` carry the rest to the log. */
export type FaultDetail = {
  /** Names the thing and the value: "/etc/causeway/agent.yaml:3:5 outbox.maxByte: unknown key". */
  readonly what: string;
  /** What the reader can do about it, as an instruction. */
  readonly remedy: string;
  /** Further facts for the log; never a secret. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: unknown;
};

/** A fault with its code from `FAULTS`, what happened and what to do about it. Expected outcomes are return values instead. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly code: FaultCode;
  readonly remedy: string;
  readonly facts: Readonly<Record<string, string | number | boolean>>;

  constructor(code: FaultCode, detail: FaultDetail) {
    super(detail.what, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.remedy = detail.remedy;
    this.facts = detail.facts ?? {};
  }
}

/** One line about any thrown value, without a stack and without a secret of ours. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The remedy where another user than the service's started a verb: the identity stays whose it is. */
export const AS_SERVICE_USER =
  "run it as the user of the service: runuser -u causeway -- causeway ...; causeway doctor asks the running agent where this user may not look";

/** The `code` property that Node's system errors carry ("ENOENT"); undefined for other values. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
