import { z } from "zod";

const count = z.number().nonnegative();

const multiPacket = z
  .object({
    frames: count,
    assembled: count,
    timedOut: count,
    replaced: count,
    aborted: count,
    missed: count,
    conflicting: count,
    evicted: count,
    malformed: count,
    tooLong: count,
  })
  .readonly();

/** A bus: its state, and what became of its frames since start. */
export const busStatus = z
  .object({
    name: z.string(),
    state: z.enum(["up", "down", "absent", "error-passive", "bus-off"]),
    /** For people. */
    detail: z.string(),
    /** How often each state has begun; absent before the first. */
    changes: z.record(z.string(), count).optional(),
    driver: z.enum(["native", "socketcan", "socketcand", "replay"]),
    receiveBuffer: z.object({ askedBytes: count, gotBytes: count }).readonly().optional(),
    timestamps: z.enum(["kernel", "remote", "log", "process"]),
    received: count,
    decoded: count,
    /** Received data frames whose id no DBC file of the bus names. */
    unknown: count.optional(),
    /** Received data frames of messages of which nobody wants a signal; absent where there were none. */
    unwanted: count.optional(),
    /** Messages that come in several frames, see `AssemblyCounters`, and the frames that carried them; absent where the DBC files have none. */
    multiPacket: multiPacket.optional(),
    /** Frames on the bus that the receive filters held back: all but those that somebody wants. Absent where the driver cannot know. */
    filtered: count.optional(),
    /** Whether `filtered` counts frames that the DBC files name too, as nobody wanted their signals for a time. */
    narrowed: z.literal(true).optional(),
    /** ms since the last frame that came through; absent before the first. */
    quietMs: count.optional(),
    dropped: count.optional(),
    /** Where they were lost, see `BusLosses`; absent where the driver cannot tell. */
    losses: z.object({ interface: count, socket: count, ring: count }).readonly().optional(),
    /** How long the bus was busy at most, and part of the time of late, see `BusLoad`; absent without a bit rate. */
    busyMs: count.optional(),
    load: count.optional(),
    errorFrames: count,
    transmitted: count,
  })
  .readonly();
