import { AgentError } from "../../core/errors.ts";
import { addressText, type ObdEcu } from "../../diagnostics/obd/ecu.ts";
import { type FailedOutcome, outcomeText } from "../../diagnostics/obd/outcome-text.ts";
import type { WithheldReason } from "../../diagnostics/tester/tester-bus.ts";

/** What kept an ECU from telling `asked`, as a fault with its remedy. */
export function outcomeFault(outcome: FailedOutcome, ecu: ObdEcu, asked: string): AgentError {
  if (outcome.kind === "withheld") return withheldFault(outcome);
  if (outcome.kind === "fault") return outcome.fault;
  const { code, remedy } = FAILED[outcome.kind];
  return new AgentError(code, { what: `${ecu.name} (${addressText(ecu)}) ${outcomeText(outcome)}: ${asked}`, remedy });
}

const FAILED = {
  silent: {
    code: "ecu.silent",
    remedy: "switch the ignition on, and look who answers with: causeway obd scan",
  },
  negative: { code: "ecu.refused", remedy: "see what it has with: causeway obd scan" },
  malformed: { code: "ecu.malformed", remedy: "look at its frames with: causeway isotp dump" },
} as const;

const REMEDIES: Readonly<Record<WithheldReason, string>> = {
  off: "allow requests with diagnostics.buses[].transmit in the configuration",
  "listen-only": "take a bus that may be sent on",
  condition: "bring the vehicle into the state of diagnostics.buses[].transmit.condition",
  "other-tester": "unplug the other tester, or wait until the silence for it is over: causeway status",
  rate: "try again in a moment",
  "backing-off": "try again in a moment",
  aborted: "try again with a longer --timeout",
};

/** Why nothing was sent, as a fault with its remedy. */
export function withheldFault({
  reason,
  what,
}: {
  readonly reason: WithheldReason;
  readonly what: string;
}): AgentError {
  return new AgentError("ecu.withheld", { what: `nothing was sent: ${what}`, remedy: REMEDIES[reason] });
}
