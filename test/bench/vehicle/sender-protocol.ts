import { z } from "zod";
import { benchBus } from "./bench-bus.ts";

/** What the vehicle and the replayer read at their start. */
export const senderConfig = z.object({
  bus: benchBus,
  dbcFile: z.string(),
  seed: z.int(),
  rate: z.number().positive(),
  /** For the replayer: the log, how many times faster than recorded (0: as fast as the bus takes it), and whether to begin again. */
  replay: z.object({ logFile: z.string(), speed: z.number().min(0), loop: z.boolean() }).optional(),
});
export type SenderConfig = z.infer<typeof senderConfig>;

/** "start" names the wall time of the first frame, µs since the Unix epoch; "stop" ends sending. */
export const senderCommand = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("start"), startUs: z.number() }),
  z.object({ kind: z.literal("stop") }),
]);

/** What they write. `frames` counts from the start; "stopped" comes when the bus has taken the last one. */
export const senderReport = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready") }),
  z.object({ kind: z.literal("sent"), frames: z.number() }),
  z.object({ kind: z.literal("stopped"), frames: z.number() }),
  z.object({ kind: z.literal("failed"), what: z.string() }),
]);
