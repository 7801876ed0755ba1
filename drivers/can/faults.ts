import { AgentError } from "../../agent/core/errors.ts";
import { isArbitrationId } from "../../agent/ports/arbitration-id.ts";
import { type CanFrame, FRAME_FLAG, isDataLength } from "../../agent/ports/frame.ts";

/** The kernel has no CAN sockets, or the process may not have any. */
export function kernelWithoutCan(interfaceName: string, cause: unknown): AgentError {
  return new AgentError("bus.unsupported", {
    what: `${interfaceName}: this kernel has no CAN sockets (AF_CAN)`,
    remedy:
      "load the kernel module can_raw (modprobe can_raw), allow AF_CAN in RestrictAddressFamilies of the unit, or use driver: socketcand",
    cause,
  });
}

/** The process may not open CAN sockets. */
export function notPermitted(interfaceName: string, cause: unknown): AgentError {
  return new AgentError("bus.not-permitted", {
    what: `${interfaceName}: opening a CAN socket is not permitted`,
    remedy: "allow AF_CAN in RestrictAddressFamilies and in the sandbox or security module of the service",
    cause,
  });
}

/** An interface of another kind (Ethernet, loopback) was named. */
export function notCan(interfaceName: string, cause?: unknown): AgentError {
  return new AgentError("bus.unsupported", {
    what: `${interfaceName} is not a CAN interface`,
    remedy: "name a CAN interface; causeway bus list shows them",
    cause,
  });
}

/** An addon that npm or node-gyp should have built is missing or does not load. */
export function addonMissing(addon: string, remedy: string, cause: unknown): AgentError {
  return new AgentError("bus.unsupported", { what: `${addon} does not load`, remedy, cause });
}

/** A frame that could not be handed to the bus. */
export function transmitFailed(bus: string, why: string, remedy: string, cause?: unknown): AgentError {
  return new AgentError("bus.transmit-failed", { what: `${bus}: ${why}`, remedy, cause });
}

/** The controller has left the bus: a frame would wait until it is restarted, and go out when nobody expects it any more. */
export function busOff(bus: string): AgentError {
  return transmitFailed(
    bus,
    "the controller is bus-off, nothing is sent until it is restarted",
    "check bit rate, wiring and termination; ip link set DEVICE type can restart, or restart-ms",
  );
}

/** This driver has no way to send, or not such a frame. */
export function cannotTransmit(bus: string, why: string): AgentError {
  return new AgentError("bus.unsupported", {
    what: `${bus}: ${why}`,
    remedy: "send on a bus with driver native or socketcan",
  });
}

/** Throws `bus.transmit-failed` for a frame that no CAN controller could send. */
export function checkFrame(bus: string, frame: CanFrame): void {
  const problem = frameProblem(frame);
  if (problem !== undefined) throw transmitFailed(bus, problem, "correct the frame");
}

function frameProblem({ id, flags, data }: CanFrame): string | undefined {
  const isFd = (flags & FRAME_FLAG.fd) !== 0;
  if ((flags & FRAME_FLAG.error) !== 0) return "an error frame cannot be sent";
  const extended = (flags & FRAME_FLAG.extended) !== 0;
  if (!isArbitrationId(id, extended)) return `id 0x${id.toString(16)} does not fit into ${extended ? 29 : 11} bits`;
  if (isFd && (flags & FRAME_FLAG.remote) !== 0) return "CAN FD has no remote frames";
  if (isDataLength(data.length, isFd)) return undefined;
  const { length } = data;
  return isFd ? `no CAN FD frame has ${length} data bytes` : `a classic frame has at most 8 data bytes, not ${length}`;
}
