import type { SecurityConfig } from "../../config/security.ts";
import type { ReasonCode } from "../commands/answer.ts";
import type { RejectionBudgetParts } from "../commands/rejection-budget.ts";
import { type Clock, isBelievable } from "../core/clock.ts";
import { AgentError, type FaultCode } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import type { Journal } from "../ports/journal.ts";
import type { SecurityEventName } from "../telemetry/record/encode/security-event.ts";
import { type Occurrence, SecurityEvents } from "../telemetry/security-events.ts";
import { noteEnd, noteStart } from "../telemetry/security-memory.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import type { DataLine, LinkFaultTaker, Runtime, SecurityLine } from "./parts.ts";

/** DISCONNECT "Session taken over" (MQTT 5.0, table 2-6). */
const SESSION_TAKEN_OVER = 0x8e;

/** Faults of the link that say that somebody is not who they should be, or that a secret was tried in vain. */
const LINK_EVENTS: Readonly<Partial<Record<FaultCode, readonly [event: SecurityEventName, reason: string]>>> = {
  "broker.session-contested": ["session-takeover", "contested"],
  "broker.certificate-untrusted": ["broker-untrusted", "untrusted"],
  "broker.certificate-expired": ["broker-untrusted", "expired"],
  "broker.name-mismatch": ["broker-untrusted", "name-mismatch"],
  "identity.certificate-revoked": ["certificate-refused", "revoked"],
  "identity.certificate-refused": ["certificate-refused", "refused"],
  "identity.certificate-expired": ["certificate-refused", "expired"],
  "identity.pin-wrong": ["pin-refused", "token"],
  "identity.tpm-auth-refused": ["pin-refused", "hierarchy"],
  "identity.tpm-lockout": ["tpm-lockout", ""],
};

/** Reasons that say something of who asks; the others are of the state of vehicle and agent. */
const COMMAND_EVENTS: Readonly<Partial<Record<ReasonCode, SecurityEventName>>> = {
  SIGNATURE_INVALID: "signature-failed",
  KEY_UNKNOWN: "signature-failed",
  KEY_REVOKED: "signature-failed",
  COUNTER_REPLAYED: "signature-failed",
  SIGNATURE_MISSING: "command-refused",
  ACCESS_DENIED: "command-refused",
  WRONG_THING: "command-refused",
  RATE_LIMITED: "command-refused",
  ID_REUSED: "command-refused",
  EXPIRY_MISSING: "command-refused",
  EXPIRY_TOO_LATE: "command-refused",
  COMMAND_REQUEST_PARSING_FAILED: "command-refused",
  NO_COMMAND_DISPATCHER_FOUND: "command-refused",
  TOO_LARGE: "command-refused",
};

/** The events of this process, before there is a link or a line. */
export function openSecurityEvents({ windowSeconds }: SecurityConfig, clock: Clock): SecurityEvents {
  return new SecurityEvents(clock, windowSeconds * 1000);
}

/** Takes faults of the link, of which some are events. `reasonCode` is that of the broker's DISCONNECT. */
export function linkFaultsTo(events: Pick<SecurityEvents, "note">): LinkFaultTaker {
  return ({ code, what }, reasonCode) => {
    const found = reasonCode === SESSION_TAKEN_OVER ? (["session-takeover", "disconnect"] as const) : LINK_EVENTS[code];
    if (found !== undefined) events.note({ event: found[0], reason: found[1], source: "", detail: what });
  };
}

export type SecurityParts = {
  readonly settings: SecurityConfig;
  readonly loaded: Pick<DaemonConfig, "snapshot"> & { readonly config: Pick<DaemonConfig["config"], "time"> };
  readonly line: {
    readonly records: Pick<DataLine["records"], "securityEvents">;
    readonly vehicle: Pick<DataLine["vehicle"], "steps" | "clock">;
  };
  readonly journal: Journal | undefined;
  readonly events: SecurityEvents;
};

/** The part of the composition root for what is told of who tries what. */
export function composeSecurity(parts: SecurityParts, { bootId, log }: Pick<Runtime, "bootId" | "log">): SecurityLine {
  const { line, events } = parts;
  events.tellTo((event) => {
    const { event: what, reason, source, count, detail, untold } = event;
    log.warn("security.event-told", { what, reason, source, count, detail, untold });
    line.records.securityEvents.handOver([event]);
  });
  const onRejected: RejectionBudgetParts["onRejected"] = (channel, reason) => {
    const event = COMMAND_EVENTS[reason];
    if (event !== undefined) events.note({ event, reason, source: channel, detail: "" });
  };
  return { onRejected, service: securityService(parts, bootId, log), status: () => events.counters() };
}

/** Looks at what the last start left, and from then on at the clock. It stops when nothing happens any more. */
function securityService(
  { settings, loaded, line, journal, events }: SecurityParts,
  bootId: string,
  log: Log,
): Service {
  const files = loaded.snapshot && new Map(loaded.snapshot.files.map(({ from, sha256 }) => [from, sha256]));
  const stops: (() => void)[] = [];
  const remember = <T>(work: (journal: Journal) => T): T | undefined => {
    try {
      return journal && work(journal);
    } catch (thrown) {
      if (!(thrown instanceof AgentError && thrown.code.startsWith("journal."))) throw thrown;
      log.warn("security.not-remembered", { code: thrown.code, what: thrown.message });
      return undefined;
    }
  };
  return {
    name: "security events",
    start: async () => {
      stops.push(events.start());
      for (const found of remember((kept) => noteStart(kept, { bootId, files })) ?? []) events.note(found);
      // With the section `time`, records of changes of the clock say it.
      if (loaded.config.time === undefined) stops.push(watchSteps(settings, line.vehicle, events));
    },
    stop: async () => {
      if (stops.length === 0) return;
      for (const stop of stops.splice(0)) stop();
      remember((kept) => noteEnd(kept, bootId));
    },
  };
}

/** Notes large steps of a clock that could be believed; the first time that a boot gets is none. Gives what ends that. */
function watchSteps(
  { clockStepSeconds }: SecurityConfig,
  { steps, clock }: SecurityParts["line"]["vehicle"],
  events: SecurityEvents,
): () => void {
  let wasBelieved = isBelievable(clock.quality());
  return steps.onLook(({ steppedMs }) => {
    if (wasBelieved && Math.abs(steppedMs) >= clockStepSeconds * 1000) events.note(stepOf(steppedMs));
    wasBelieved = isBelievable(clock.quality());
  });
}

function stepOf(steppedMs: number): Occurrence {
  const reason = steppedMs > 0 ? "forward" : "back";
  const detail = `the wall clock was set ${reason} by ${(Math.abs(steppedMs) / 1000).toFixed(1)} s`;
  return { event: "clock-step", reason, source: "", detail };
}
