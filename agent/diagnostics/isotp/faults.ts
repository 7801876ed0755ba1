import { AgentError, type FaultCode } from "../../core/errors.ts";

/** Codes of faults of this room. */
export type IsoTpFaultCode = Extract<FaultCode, `isotp.${string}`>;

/** What N_As, N_Ar, N_Bs and N_Cr are (ISO 15765-2:2016, table 21), ms. */
export const ISOTP_TIMEOUT_MS = 1000;

const CONVERSATION_REMEDY =
  "check ids, addressing and bit rate, and that the control unit is awake; causeway isotp dump shows its frames";

const REMEDIES: Readonly<Record<IsoTpFaultCode, string>> = {
  "isotp.timeout-send": "check that another node acknowledges frames (bus-off, wiring, bit rate)",
  "isotp.timeout-flow-control": CONVERSATION_REMEDY,
  "isotp.timeout-flow-control-send": "check that another node acknowledges frames (bus-off, wiring, bit rate)",
  "isotp.timeout-consecutive": CONVERSATION_REMEDY,
  "isotp.wrong-sequence":
    "frames are lost, or two senders use one id: ask for a separation time, and look at the bus for the other one",
  "isotp.interrupted": "look for another tester on the bus; two conversations must not share ids",
  "isotp.overflow": "send or ask for less at a time; for an answer of the control unit raise the longest PDU",
  "isotp.too-many-waits": "try again when the control unit is not so busy, or allow more wait frames",
  "isotp.bad-frame": CONVERSATION_REMEDY,
  "isotp.busy": "wait for the end of what is sent",
  "isotp.aborted": "try again",
  "isotp.unsupported": "correct the settings or the request",
};

/** A fault of one conversation; `where` names bus and ids, `problem` says what was seen. */
export function isoTpFault(code: IsoTpFaultCode, where: string, problem: string): AgentError {
  return new AgentError(code, { what: `${where}: ${problem}`, remedy: REMEDIES[code] });
}
