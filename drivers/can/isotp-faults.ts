import { AgentError, errnoOf, type FaultCode, messageOf } from "../../agent/core/errors.ts";
import type { IsoTpSettings } from "../../agent/ports/isotp.ts";

/** What the kernel was at when it told an error. */
export type IsoTpWork = "reception" | "single" | "multiple";

type IsoTpFaultCode = Extract<FaultCode, `isotp.${string}`>;
type Meaning = { readonly code: IsoTpFaultCode | "bus.unavailable"; readonly problem: string; readonly remedy: string };

const LOOK =
  "check ids, addressing and bit rate, and that the control unit is awake; causeway isotp dump shows its frames";
const ACKNOWLEDGE = "check that another node acknowledges frames (bus-off, wiring, bit rate) or raise txqueuelen";
const BRING_UP = "see causeway bus list and bring the interface up";

/** Errors of a CAN_ISOTP socket while a PDU is received. The kernel's own N_Cr is a second. */
const RECEPTION: Readonly<Record<string, Meaning>> = {
  ETIMEDOUT: { code: "isotp.timeout-consecutive", problem: "no consecutive frame within 1000 ms", remedy: LOOK },
  EILSEQ: {
    code: "isotp.wrong-sequence",
    problem: "a consecutive frame out of turn",
    remedy:
      "frames are lost, or two senders use one id: ask for a separation time, and look at the bus for the other one",
  },
  EBADMSG: { code: "isotp.bad-frame", problem: "a frame that makes no sense", remedy: LOOK },
  ENOBUFS: { code: "isotp.overflow", problem: "a PDU is longer than what is taken", remedy: "raise the longest PDU" },
};

/** Errors of a CAN_ISOTP socket while a PDU is sent. */
const TRANSMISSION: Readonly<Record<string, Meaning>> = {
  EMSGSIZE: {
    code: "isotp.overflow",
    problem: "the PDU is too long for the other side",
    remedy: "send or ask for less at a time",
  },
  EBADMSG: { code: "isotp.bad-frame", problem: "a flow control that makes no sense", remedy: LOOK },
  EINVAL: {
    code: "isotp.unsupported",
    problem: "the PDU is too long for the kernel",
    remedy: "raise max_pdu_size of the kernel module can_isotp, or use driver: socketcan for the bus",
  },
  EAGAIN: { code: "isotp.timeout-send", problem: "the bus did not take a frame within 1000 ms", remedy: ACKNOWLEDGE },
  ENOBUFS: { code: "isotp.timeout-send", problem: "the bus did not take a frame within 1000 ms", remedy: ACKNOWLEDGE },
};

/** The kernel has one error for a flow control that does not come and for a frame that does not go out. */
const NO_FLOW_CONTROL: Meaning = {
  code: "isotp.timeout-flow-control",
  problem: "no flow control within 1000 ms",
  remedy: LOOK,
};
const NOT_SENT: Meaning = {
  code: "isotp.timeout-send",
  problem: "no frame went out within 2000 ms",
  remedy: ACKNOWLEDGE,
};

/** Errors of the interface. */
const LINK: Readonly<Record<string, Meaning>> = {
  ENETDOWN: { code: "bus.unavailable", problem: "the interface is down", remedy: BRING_UP },
  ENODEV: { code: "bus.unavailable", problem: "there is no such interface any more", remedy: BRING_UP },
  ENXIO: { code: "bus.unavailable", problem: "there is no such interface any more", remedy: BRING_UP },
  EADDRNOTAVAIL: { code: "bus.unavailable", problem: "there is no such interface any more", remedy: BRING_UP },
};

/** The fault that an errno of a CAN_ISOTP socket means; `where` names bus and ids. */
export function kernelIsoTpFault(errno: string, where: string, work: IsoTpWork): AgentError {
  const { code, problem, remedy } = meaningOf(errno, work);
  return new AgentError(code, { what: `${where}: ${problem}`, remedy, facts: { errno } });
}

function meaningOf(errno: string, work: IsoTpWork): Meaning {
  const ofLink = LINK[errno];
  if (ofLink !== undefined) return ofLink;
  if (errno === "ECOMM") return work === "single" ? NOT_SENT : NO_FLOW_CONTROL;
  const known = (work === "reception" ? RECEPTION : TRANSMISSION)[errno];
  return known ?? { code: "isotp.bad-frame", problem: `the kernel says ${errno}`, remedy: LOOK };
}

/** Why the kernel opens no such channel. */
export function openIsoTpFault(where: string, settings: IsoTpSettings, cause: unknown): AgentError {
  const fault = (code: FaultCode, problem: string, remedy: string): AgentError =>
    new AgentError(code, { what: `${where}: ${problem}`, remedy, cause });
  switch (errnoOf(cause)) {
    case "EPROTONOSUPPORT":
    case "EAFNOSUPPORT":
      return fault("bus.unsupported", "this kernel has no ISO-TP", "load the kernel module can_isotp");
    case "EPERM":
    case "EACCES":
      return fault(
        "bus.not-permitted",
        "an ISO-TP socket is not permitted",
        "allow AF_CAN in the sandbox of the service",
      );
    case "ENODEV":
    case "ENETDOWN":
      return fault("bus.unavailable", "there is no such interface", BRING_UP);
    case "EINVAL":
      return settings.fd
        ? fault("isotp.unsupported", "the interface carries no CAN FD", "set its MTU to 72, or use classic frames")
        : fault(
            "isotp.unsupported",
            "the kernel does not take these settings",
            "update the kernel, or use driver: socketcan",
          );
    default:
      return fault(
        "bus.unavailable",
        `no ISO-TP socket: ${messageOf(cause)}`,
        "see the limits of the service for open files",
      );
  }
}
