import { z } from "zod";

/** What a publisher is started with: vehicles with a certificate each, and where the broker is. */
export const publisherConfig = z.strictObject({
  port: z.int(),
  caFile: z.string(),
  things: z.array(z.strictObject({ name: z.string(), certificateFile: z.string(), keyFile: z.string() })).min(1),
  /** Epoch of the first vehicle; the others count on. */
  epoch: z.int(),
  /** Frames that one record holds, ms. */
  recordMs: z.int(),
});
export type PublisherConfig = z.infer<typeof publisherConfig>;

/** `perSecond`: records of all vehicles together; absent: as fast as the broker takes them. `seconds` or `records` (of each vehicle) end it. */
export const publisherCommand = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("publish"),
    perSecond: z.number().optional(),
    seconds: z.number().optional(),
    records: z.int().optional(),
  }),
]);
export type PublisherCommand = z.infer<typeof publisherCommand>;

/** What was published of one stream of a vehicle since the start: seq 1 up to the number of `samples`, which has the samples of each. */
const publishedStream = z.strictObject({
  thing: z.string(),
  epoch: z.int(),
  stream: z.string(),
  samples: z.array(z.int()),
});
export type PublishedStream = z.infer<typeof publishedStream>;

export const publisherReport = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("ready") }),
  z.strictObject({
    kind: z.literal("published"),
    streams: z.array(publishedStream),
    /** As on the wire, of all records of samples. */
    payloadBytes: z.int(),
    /** From the first to the last PUBACK of this command. */
    seconds: z.number(),
  }),
  z.strictObject({ kind: z.literal("failed"), what: z.string() }),
]);
export type PublisherReport = z.infer<typeof publisherReport>;
