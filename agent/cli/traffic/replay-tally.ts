import { AgentError } from "../../core/errors.ts";
import { formatCounted } from "../../core/quantity.ts";
import type { CanBus } from "../../ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG, paddedToFdLength } from "../../ports/frame.ts";
import { type CliContext, note, printJson } from "../context.ts";

/** What became of the frames and lines of a log. */
export type ReplayTally = {
  sent: number;
  malformedLines: number;
  /** Error frames cannot be sent. */
  errorFrames: number;
  /** Remote frames that the bus does not take. */
  remoteFrames: number;
  /** FD frames that were filled up to a length that CAN FD has. */
  padded: number;
  stepsBack: number;
  gapsSkipped: number;
};

/** Of a replay that has not begun. */
export function noTally(): ReplayTally {
  return {
    sent: 0,
    malformedLines: 0,
    errorFrames: 0,
    remoteFrames: 0,
    padded: 0,
    stepsBack: 0,
    gapsSkipped: 0,
  };
}

/** Sends a frame of the log as far as the bus takes such frames, and counts what became of it. Gives whether it was sent. */
export async function replayFrame(bus: CanBus, logged: CanFrame, tally: ReplayTally): Promise<boolean> {
  if ((logged.flags & FRAME_FLAG.error) !== 0) {
    tally.errorFrames += 1;
    return false;
  }
  const frame = paddedToFdLength(logged);
  try {
    await bus.send(frame);
  } catch (thrown) {
    const isRemote = (frame.flags & FRAME_FLAG.remote) !== 0;
    if (!isRemote || !(thrown instanceof AgentError) || thrown.code !== "bus.unsupported") throw thrown;
    tally.remoteFrames += 1;
    return false;
  }
  tally.sent += 1;
  if (frame !== logged) tally.padded += 1;
  return true;
}

/** Tells what became of the log. */
export function reportReplay(context: CliContext, bus: string, tally: ReplayTally): void {
  if (context.options().json) return printJson(context, { schemaVersion: 1, bus, ...tally });
  const also = [
    [tally.errorFrames, "error frames skipped"],
    [tally.remoteFrames, `remote frames skipped, which ${bus} does not take`],
    [tally.padded, "FD frames padded"],
    [tally.stepsBack, "steps back in time"],
    [tally.gapsSkipped, "gaps skipped"],
  ] as const;
  const remarks = also.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
  note(
    context,
    `${formatCounted(tally.sent, "frame")} sent, ${formatCounted(tally.malformedLines, "line")} malformed${remarks.join("")}`,
  );
}
