import { z } from "zod";
import { RECORD_STATES, STREAMS } from "../ports/outbox.ts";
import { outboxStatus } from "./status-schema.ts";
import { streamVerb, verb } from "./verb.ts";

/** Longest time a flush waits or a drop goes on, ms; the client may give up earlier. */
const MAX_WAIT_MS = 3_600_000;
/** Records of one answer. */
export const MAX_LISTED = 10_000;

const waitMs = z.int().min(0).max(MAX_WAIT_MS);

/** What the outbox holds. */
export const bufferStats = verb({
  name: "buffer.stats",
  socket: "view",
  request: z.object({}),
  answer: z.object({ schemaVersion: z.literal(1), ...outboxStatus.unwrap().shape }),
});

/** Stored records without their payload, oldest first. */
export const bufferList = verb({
  name: "buffer.list",
  socket: "view",
  request: z.object({ stream: z.enum(STREAMS).optional(), limit: z.int().min(1).max(MAX_LISTED).default(50) }),
  answer: z.object({
    schemaVersion: z.literal(1),
    records: z
      .array(
        z.object({
          row: z.int(),
          epoch: z.int(),
          stream: z.enum(STREAMS),
          seq: z.int(),
          bytes: z.int(),
          encoding: z.string(),
          storedAtUs: z.number(),
          dead: z.boolean(),
        }),
      )
      .readonly(),
  }),
});

/** Records with their payload, those that wait or the dead ones, of one stream after the other, oldest first, up to those that are stored when it is asked. Payloads may tell where the vehicle was. */
export const bufferExport = streamVerb({
  name: "buffer.export",
  socket: "admin",
  request: z.object({
    stream: z.enum(STREAMS).optional(),
    limit: z.int().min(1).max(1_000_000_000).optional(),
    state: z.enum(RECORD_STATES).default("waiting"),
  }),
  each: z.object({
    schemaVersion: z.literal(1),
    epoch: z.int(),
    stream: z.enum(STREAMS),
    seq: z.int(),
    storedAtUs: z.number(),
    payload: z.string().describe("base64, as a broker would get it"),
  }),
});

/** Tries at once what waits, and waits at most `waitMs`. `waiting`: records that are left of those that were stored at its start. */
export const bufferFlush = verb({
  name: "buffer.flush",
  socket: "admin",
  request: z.object({ waitMs: waitMs.default(0) }),
  answer: z.object({ schemaVersion: z.literal(1), waiting: z.int() }),
});

/** Gives up the records of a stream. `isWhole`: all of those that were stored at its start are gone. */
export const bufferDrop = verb({
  name: "buffer.drop",
  socket: "admin",
  request: z.object({ stream: z.enum(STREAMS), waitMs: waitMs.default(MAX_WAIT_MS) }),
  answer: z.object({
    schemaVersion: z.literal(1),
    stream: z.enum(STREAMS),
    dropped: z.int(),
    isWhole: z.boolean(),
  }),
});
