import { type CanFrame, FRAME_FLAG } from "../ports/frame.ts";
import { formatCandumpLive, formatCandumpLog } from "../signals/log-formats/candump-text.ts";

/** How frames are written: as candump shows them live, as candump logs them, or one JSON object a line. */
export type FrameFormat = "live" | "log" | "json";

/** Time before each live frame, as candump's -t: absolute, with the date (in UTC), since the frame before, since the first one. */
export const TIME_STAMPS = ["a", "A", "d", "z"] as const;
export type TimeStamp = (typeof TIME_STAMPS)[number];

/** Writes a frame of a bus as one line, without its end. */
export type FrameLine = (bus: string, frame: CanFrame) => string;

/** Lines in `format`. `stamp` and `nameWidth`, to which the names of buses are filled up, count for live ones. */
export function frameLines(format: FrameFormat, nameWidth = 0, stamp?: TimeStamp): FrameLine {
  switch (format) {
    case "live": {
      const stampOf = stamp === undefined ? () => "" : stamper(stamp);
      return (bus, frame) => stampOf(frame.receivedAtUs) + formatCandumpLive(bus.padStart(nameWidth), frame);
    }
    case "log":
      return formatCandumpLog;
    case "json":
      return (bus, frame) => JSON.stringify(frameJson(bus, frame));
  }
}

/** As candump.c writes it in front of the two spaces before the name. */
function stamper(stamp: TimeStamp): (receivedAtUs: number) => string {
  let fromUs: number | undefined;
  return (receivedAtUs) => {
    const us = Math.floor(receivedAtUs);
    if (stamp === "a") return ` (${secondsText(us, 10)})`;
    if (stamp === "A") return ` (${dateText(us)})`;
    const sinceUs = Math.max(0, us - (fromUs ?? us));
    if (stamp === "d") fromUs = us;
    else fromUs ??= us;
    return ` (${secondsText(sinceUs, 3)})`;
  };
}

function secondsText(us: number, digits: number): string {
  const seconds = Math.floor(us / 1_000_000);
  return `${String(seconds).padStart(digits, "0")}.${String(us - seconds * 1_000_000).padStart(6, "0")}`;
}

function dateText(us: number): string {
  const [date, time] = new Date(Math.floor(us / 1000)).toISOString().split("T");
  return `${date} ${time.slice(0, 8)}.${String(us % 1_000_000).padStart(6, "0")}`;
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
