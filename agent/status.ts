import { z } from "zod";
import { CLOCK_QUALITIES } from "./core/clock.ts";
import { FAULTS, type FaultCode } from "./core/errors.ts";
import type { StreamName } from "./ports.ts";

const count = z.number().nonnegative();

const busStatus = z
  .object({
    name: z.string(),
    state: z.enum(["up", "down", "absent", "error-passive", "bus-off"]),
    /** For people. */
    detail: z.string(),
    driver: z.enum(["native", "socketcan", "socketcand", "replay"]),
    receiveBuffer: z.object({ askedBytes: count, gotBytes: count }).readonly().optional(),
    timestamps: z.enum(["kernel", "remote", "log", "process"]),
    received: count,
    decoded: count,
    dropped: count.optional(),
    errorFrames: count,
    transmitted: count,
  })
  .readonly();

const faultCodes = Object.keys(FAULTS).filter((code): code is FaultCode => Object.hasOwn(FAULTS, code));

const fault = z.object({ code: z.enum(faultCodes), what: z.string(), remedy: z.string() }).readonly();

const linkStatus = z
  .object({
    state: z.enum(["offline", "connecting", "online"]),
    /** ms since this state began. */
    sinceMs: z.number(),
    fault: fault.optional(),
    connects: count,
    limits: z
      .object({
        receiveMaximum: count,
        maximumPacketBytes: count,
        topicAliasMaximum: count,
        retainAvailable: z.boolean(),
      })
      .readonly()
      .optional(),
    host: z.string(),
    port: count,
    /** Where the private key is, for people. */
    key: z.string(),
  })
  .readonly();

const streamStats = z
  .object({
    records: count,
    bytes: count,
    lastSeq: count,
    dead: count,
    lost: count,
    oldestUs: z.number().optional(),
  })
  .readonly();

const streams: Readonly<Record<StreamName, typeof streamStats>> = {
  control: streamStats,
  event: streamStats,
  telemetry: streamStats,
  capture: streamStats,
};

/** What the outbox holds, as `Outbox.stats` gives it. */
export const outboxStatus = z
  .object({
    epoch: count,
    records: count,
    bytes: count,
    maxBytes: count,
    streams: z.object(streams).readonly(),
    /** Why records are kept in memory alone for now. */
    fault: fault.optional(),
  })
  .readonly();

/** What the daemon says of itself on view.sock; `causeway status --json` prints it as it is. Counts are since start. */
export const statusSchema = z
  .object({
    schemaVersion: z.literal(1),
    version: z.string(),
    thing: z.string(),
    pid: z.int(),
    uptimeMs: count,
    bootId: z.string(),
    clockQuality: z.enum(CLOCK_QUALITIES),
    signalTable: z.object({ id: z.string(), messages: count, signals: count }).readonly(),
    buses: z.array(busStatus).readonly(),
    link: linkStatus,
    collected: z.object({ samples: count, records: count, payloadBytes: count, discardedSamples: count }).readonly(),
    outbox: outboxStatus,
    delivery: z
      .object({
        delivered: count,
        deliveredBytes: count,
        refused: count,
        retried: count,
        inFlight: count,
        /** From process start to the first PUBACK, ms; absent before it. */
        firstPubackMs: count.optional(),
      })
      .readonly(),
    rssBytes: count,
  })
  .readonly();

export type Status = z.infer<typeof statusSchema>;
