import { AgentError } from "../../core/errors.ts";
import { addressText, type ObdEcu } from "../../diagnostics/obd/ecu.ts";
import { type FailedOutcome, outcomeText } from "../../diagnostics/obd/outcome-text.ts";
import { withheldFault } from "./withheld.ts";

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
