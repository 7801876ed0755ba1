import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";
import { pgnOf } from "../../signals/pgn.ts";
import { GROUP, requestedGroup } from "../j1939/groups.ts";
import type { TesterBus, Withheld } from "./tester-bus.ts";

/** What someone at the vehicle may do beside reading, where the configuration says so. */
export type TechnicianRight = "clear" | "reset" | "routines" | "write";

/** Services that read, or that keep a session; the rest changes the vehicle (ISO 14229-1, SAE J1979). */
const READING = new Set([0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x09, 0x0a, 0x10, 0x19, 0x22, 0x23, 0x24, 0x2a, 0x3e]);
/** Rights of which any one lets a service out; what is not here is "write". */
const NEEDS: ReadonlyMap<number, readonly TechnicianRight[]> = new Map([
  [0x04, ["clear"]],
  [0x14, ["clear"]],
  [0x11, ["reset"]],
  [0x08, ["routines"]],
  [0x2f, ["routines"]],
  [0x31, ["routines"]],
  // Security access and authentication open what the others need.
  [0x27, ["routines", "write"]],
  [0x29, ["routines", "write"]],
]);
const SESSION_CONTROL = 0x10;
const PROGRAMMING_SESSION = 0x02;

/** DM3 and DM11 clear trouble codes when they are asked for (SAE J1939-73). */
const CLEARING_GROUPS = [65_228, 65_235];
/** Of TP.CM: clear to send, end of message, abort; the others begin a message of our own (SAE J1939-21). */
const STEERING = [17, 19, 255];

/** The tester as someone at the vehicle has it: what changes the vehicle goes out only where `rights` name it. */
export function forTechnician(tester: TesterBus, rights: readonly TechnicianRight[]): TesterBus {
  const refused = (needs: readonly TechnicianRight[], what: string): Withheld | undefined => {
    if (needs.length === 0 || needs.some((right) => rights.includes(right))) return undefined;
    const named = needs.join(" or ");
    return {
      kind: "withheld",
      reason: "off",
      what: `${what} changes the vehicle: diagnostics.buses[].technician of bus ${tester.bus} must list ${named}`,
    };
  };
  const ofPdu = (pdu: Uint8Array): Withheld | undefined => refused(rightsForPdu(pdu), `service ${hex(pdu[0])}`);
  return {
    bus: tester.bus,
    ask: async (ask, signal) => ofPdu(ask.pdu) ?? (await tester.ask(ask, signal)),
    askAll: async (functional, pdu, windowMs, who, signal) =>
      ofPdu(pdu) ?? (await tester.askAll(functional, pdu, windowMs, who, signal)),
    sendFrame: async (frame, who, signal) =>
      refused(rightsForFrame(frame), `frame ${hex(frame.id)}`) ?? (await tester.sendFrame(frame, who, signal)),
    state: () => tester.state(),
  };
}

/** Rights of which one is needed for a request; none for one that only reads. */
export function rightsForPdu(pdu: Uint8Array): readonly TechnicianRight[] {
  const [service, sub = 0] = pdu;
  if (service === SESSION_CONTROL && (sub & 0x7f) === PROGRAMMING_SESSION) return ["write"];
  return READING.has(service) ? [] : (NEEDS.get(service) ?? ["write"]);
}

function rightsForFrame({ id, flags, data }: CanFrame): readonly TechnicianRight[] {
  if ((flags & FRAME_FLAG.extended) === 0) return ["write"];
  switch (pgnOf(id)) {
    case GROUP.addressClaim:
    case GROUP.acknowledgement:
      return [];
    case GROUP.transferControl:
      return STEERING.includes(data[0]) ? [] : ["write"];
    case GROUP.request: {
      const asked = requestedGroup(data);
      if (asked === undefined) return ["write"];
      return CLEARING_GROUPS.includes(asked) ? ["clear"] : [];
    }
    default:
      return ["write"];
  }
}

function hex(value = 0): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}
