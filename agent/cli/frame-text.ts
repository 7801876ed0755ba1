import { formatCandumpLive, formatCandumpLog } from "../data/candump-text.ts";
import { type CanFrame, FRAME_FLAG, type FrameBatch } from "../data/frame.ts";

/** How frames are written: as candump shows them live, as candump logs them, or one JSON object a line. */
export type FrameFormat = "live" | "log" | "json";

/** Lines with their line ends for the first `count` frames of a batch. */
export function formatBatch(format: FrameFormat, bus: string, batch: FrameBatch, count: number): string {
  let text = "";
  for (let index = 0; index < count; index += 1) text += `${formatFrame(format, bus, batch.frame(index))}\n`;
  return text;
}

function formatFrame(format: FrameFormat, bus: string, frame: CanFrame): string {
  switch (format) {
    case "live":
      return formatCandumpLive(bus, frame);
    case "log":
      return formatCandumpLog(bus, frame);
    case "json":
      return JSON.stringify(frameJson(bus, frame));
  }
}

/** `t` in seconds since the Unix epoch as in `signals decode --json`; flags only where they are set. */
function frameJson(bus: string, { id, flags, data, receivedAtUs }: CanFrame): unknown {
  const set = (flag: number): true | undefined => ((flags & flag) === 0 ? undefined : true);
  return {
    schemaVersion: 1,
    t: Math.floor(receivedAtUs) / 1e6,
    bus,
    id,
    ext: (flags & FRAME_FLAG.extended) !== 0,
    length: data.length,
    data: Buffer.from(data.buffer, data.byteOffset, data.length).toString("hex"),
    remote: set(FRAME_FLAG.remote),
    error: set(FRAME_FLAG.error),
    fd: set(FRAME_FLAG.fd),
    brs: set(FRAME_FLAG.bitRateSwitch),
    esi: set(FRAME_FLAG.errorStateIndicator),
  };
}
