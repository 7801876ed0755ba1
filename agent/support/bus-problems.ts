import { formatCount, formatCounted, formatDuration } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import { isReceiving } from "../telemetry/health.ts";
import type { Problem } from "./check.ts";

type Bus = Status["buses"][number];

/** A bus that is up has this long to bring its first frame, and may be quiet for as long. */
const QUIET_MS = 60_000;

/** What to look at where a bus brings errors. */
export const WIRING = "check the bit rate (ip -details link show), CAN high and low, and termination";

/** Whether control units have answered on a bus. */
export function isAnswered(bus: string, { diagnostics }: Pick<Status, "diagnostics">): boolean {
  const counts = diagnostics?.buses.find((asked) => asked.bus === bus)?.counts;
  return counts !== undefined && counts.answers + counts.negatives > 0;
}

/**
 * Frames on the bus that no DBC file names: those that came through, and those that the filters held back. While these hold back others too,
 * it is not known how many.
 */
export function otherFrames({ unknown = 0, filtered = 0, narrowed }: Bus): number {
  return unknown + (narrowed === true ? 0 : filtered);
}

/** Frames on the bus that nobody wants, where they can be of the DBC files: those that came through, and those that were held back. */
export function unwantedFrames({ unwanted = 0, filtered = 0, narrowed }: Bus): number {
  return unwanted + (narrowed === true ? filtered : 0);
}

/**
 * Why a bus that receives brings nothing, told apart: a silent bus, a wrong bit rate, DBC files of another vehicle. Undefined when it
 * brings frames, has not been up for a minute, or does not receive, which is for its health to say. `uptimeMs` is the agent's. Where
 * control units have answered requests (`answered`), the bus is right, and their answers are in no DBC file: a gateway may let nothing
 * else through.
 */
export function busProblem(bus: Bus, uptimeMs: number, answered = false): Problem | undefined {
  if (!isReceiving(bus)) return undefined;
  const quietMs = bus.quietMs ?? uptimeMs;
  const decoded = bus.decoded + (bus.multiPacket?.frames ?? 0);
  if (decoded === 0 && unwantedFrames(bus) === 0 && otherFrames(bus) > 0) {
    if (answered) return undefined;
    return {
      what: `bus ${bus.name}: none of its ${formatCounted(otherFrames(bus), "frame")} is in its DBC files`,
      remedy: `compare causeway can dump ${bus.name} with causeway dbc list; check dbc in the configuration`,
    };
  }
  // A bus with frames that nobody wants is not silent, and when the last of them was is not known.
  if (quietMs < QUIET_MS || unwantedFrames(bus) > 0) return undefined;
  if (bus.received > 0) {
    return {
      what: `bus ${bus.name} has brought nothing for ${formatDuration(quietMs)}`,
      remedy: "is the ignition on? causeway can dump shows what is on the bus",
    };
  }
  if (bus.errorFrames > 0) {
    return {
      what: `bus ${bus.name} brings error frames alone, ${formatCount(bus.errorFrames)} so far`,
      remedy: WIRING,
    };
  }
  return {
    what: `bus ${bus.name} is ${bus.state} and silent: no frame for ${formatDuration(quietMs)}`,
    remedy: "is the ignition on, and the connector in? check the bit rate (ip -details link show)",
  };
}
