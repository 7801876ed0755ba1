import { AgentError } from "../../agent/core/errors.ts";
import { type CanFrame, FD_LENGTHS, FRAME_FLAG } from "../../agent/ports/frame.ts";

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
  const extended = (frame.flags & FRAME_FLAG.extended) !== 0;
  const isFd = (frame.flags & FRAME_FLAG.fd) !== 0;
  const idLimit = extended ? 0x1fff_ffff : 0x7ff;
  const why = ((): string | undefined => {
    if ((frame.flags & FRAME_FLAG.error) !== 0) return "an error frame cannot be sent";
    if (!Number.isInteger(frame.id) || frame.id < 0 || frame.id > idLimit) {
      return `id 0x${frame.id.toString(16)} does not fit into ${extended ? 29 : 11} bits`;
    }
    if (isFd && (frame.flags & FRAME_FLAG.remote) !== 0) return "CAN FD has no remote frames";
    if (isFd && !FD_LENGTHS.includes(frame.data.length)) return `no CAN FD frame has ${frame.data.length} data bytes`;
    if (!isFd && frame.data.length > 8) return `a classic frame has at most 8 data bytes, not ${frame.data.length}`;
    return undefined;
  })();
  if (why !== undefined) throw transmitFailed(bus, why, "correct the frame");
}
