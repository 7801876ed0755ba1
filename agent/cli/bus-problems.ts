import { formatCount, formatDuration } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Problem } from "./delivery-problems.ts";

type Bus = Status["buses"][number];

/** A bus that is up has this long to bring its first frame, and may be quiet for as long. */
const QUIET_MS = 60_000;

/** Frames on the bus that no DBC file names: those that came through, and those that the filters held back. */
export function otherFrames({ unknown = 0, filtered = 0 }: Bus): number {
  return unknown + filtered;
}

/** Whether the controller takes part on the bus. */
export function isReceiving({ state }: Bus): boolean {
  return state === "up" || state === "error-passive";
}

/**
 * Why a bus brings nothing, told apart: the interface, an error state, a silent bus, a wrong bit rate, DBC files of another vehicle.
 * Undefined when it brings frames, or has not been up for a minute. `uptimeMs` is the agent's.
 */
export function busProblem(bus: Bus, uptimeMs: number): Problem | undefined {
  if (!isReceiving(bus)) {
    return {
      what: `bus ${bus.name} is ${bus.state}${bus.detail === "" ? "" : `: ${bus.detail}`}`,
      remedy:
        bus.state === "bus-off"
          ? "check bitrate, wiring and termination"
          : "causeway bus list shows the interfaces; bring it up with ip link set",
    };
  }
  const quietMs = bus.quietMs ?? uptimeMs;
  if (bus.decoded === 0 && otherFrames(bus) > 0) {
    return {
      what: `bus ${bus.name}: none of its ${formatCount(otherFrames(bus))} frames is in its DBC files`,
      remedy: `compare causeway can dump ${bus.name} with causeway dbc list; check dbc in the configuration`,
    };
  }
  if (quietMs < QUIET_MS) return undefined;
  if (bus.received > 0) {
    return {
      what: `bus ${bus.name} has brought nothing for ${formatDuration(quietMs)}`,
      remedy: "is the ignition on? causeway can dump shows what is on the bus",
    };
  }
  if (bus.errorFrames > 0) {
    return {
      what: `bus ${bus.name} brings error frames alone, ${formatCount(bus.errorFrames)} so far`,
      remedy: "check the bit rate (ip -details link show), CAN high and low, and termination",
    };
  }
  return {
    what: `bus ${bus.name} is ${bus.state} and silent: no frame for ${formatDuration(quietMs)}`,
    remedy: "is the ignition on, and the connector in? check the bit rate (ip -details link show)",
  };
}
