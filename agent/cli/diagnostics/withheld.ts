import { AgentError } from "../../core/errors.ts";
import type { Withheld, WithheldReason } from "../../diagnostics/tester/tester-bus.ts";

const REMEDIES: Readonly<Record<WithheldReason, string>> = {
  off: "let the bus send: diagnostics.buses[].transmit and .technician of the configuration",
  "listen-only": "set listen-only off for the controller, and listenOnly of the bus to false",
  condition: "bring the vehicle into the state that diagnostics.buses[].transmit.condition asks for",
  "other-tester": "unplug the other tester, or wait until the silence for it is over: causeway status",
  rate: "wait a moment, or raise requestsPerSecond or busLoadShare of diagnostics.buses[].transmit",
  "backing-off": "wait, or look why the control unit does not answer",
  aborted: "give it more time with --timeout",
};

/** Why nothing was sent, as the fault that ends a verb. */
export function withheldFault({ reason, what }: Pick<Withheld, "reason" | "what">): AgentError {
  return new AgentError("ecu.withheld", { what: `nothing was sent: ${what}`, remedy: REMEDIES[reason] });
}
