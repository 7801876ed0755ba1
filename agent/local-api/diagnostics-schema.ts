import { z } from "zod";
import { FAULTS, type FaultCode } from "../core/errors.ts";
import { WITHHELD_REASONS } from "../diagnostics/tester/tester-bus.ts";
import { ISOTP_DATA_BYTES } from "../ports/isotp.ts";
import { streamVerb } from "./verb.ts";

/** Longest request that a socket takes, bytes. */
const MAX_PDU_BYTES = 16_384;
const LONGEST_MS = 3_600_000;

const bytes = (longest: number) => z.hex().max(longest * 2);
const canId = z.int().min(0).max(0x1fff_ffff);
const octet = z.int().min(0).max(255);
const ms = z.int().min(1).max(LONGEST_MS);
const filter = z.object({ id: canId, mask: canId, extended: z.boolean() }).readonly();
const bus = z.string().min(1).max(32);

const address = z
  .object({
    txId: canId,
    rxId: canId,
    extended: z.boolean(),
    txByte: octet.optional(),
    rxByte: octet.optional(),
  })
  .readonly();

/** What differs from the settings of the bus. */
const isotp = z
  .object({
    fd: z.boolean().exactOptional(),
    bitRateSwitch: z.boolean().exactOptional(),
    txDataBytes: z.literal(ISOTP_DATA_BYTES).exactOptional(),
    /** Absent is that of the bus: none cannot be asked for. */
    padding: octet.optional(),
    blockSize: octet.exactOptional(),
    separationUs: z.int().min(0).max(127_000).exactOptional(),
    maxWaitFrames: z.int().min(0).max(100).exactOptional(),
    maxPduBytes: z.int().min(8).max(1_048_576).exactOptional(),
  })
  .readonly();

const request = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("ask"),
    bus,
    name: z.string().min(1).max(64),
    address,
    isotp: isotp.optional(),
    pdu: bytes(MAX_PDU_BYTES).min(2),
    p2Ms: ms.optional(),
    p2StarMs: ms.optional(),
    pendingMs: ms.optional(),
    answerless: z.boolean().optional(),
    repeats: z.int().min(0).max(16).optional(),
  }),
  z.object({
    kind: z.literal("ask-all"),
    bus,
    txId: canId,
    extended: z.boolean(),
    responses: z.array(filter).min(1).max(16).readonly(),
    pdu: bytes(64).min(2),
    windowMs: ms.max(60_000),
  }),
  z.object({
    kind: z.literal("frame"),
    bus,
    id: canId,
    flags: octet,
    data: bytes(64),
    /** Flow control or data of a conversation that was let out before. */
    transport: z.boolean(),
  }),
]);
/** What a technician asks. */
export type DiagnosticsRequest = z.infer<typeof request>;

const count = z.number().nonnegative();
const faultCodes = Object.keys(FAULTS).filter((code): code is FaultCode => Object.hasOwn(FAULTS, code));
const answer = z.object({ rxId: canId, pdu: z.hex(), receivedAtUs: count }).readonly();

const reply = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("answer"), pdu: z.hex(), receivedAtUs: count, pendings: count }),
  z.object({ kind: z.literal("negative"), service: octet, code: octet, pendings: count }),
  z.object({ kind: z.literal("silent"), waitedMs: count, pendings: count }),
  z.object({ kind: z.literal("answers"), answers: z.array(answer).readonly() }),
  z.object({ kind: z.literal("sent") }),
  z.object({ kind: z.literal("fault"), code: z.enum(faultCodes), what: z.string(), remedy: z.string() }),
  z.object({ kind: z.literal("withheld"), reason: z.enum(WITHHELD_REASONS), what: z.string() }),
]);
/** What became of it. */
export type DiagnosticsReply = z.infer<typeof reply>;

/**
 * One request of a technician through the manners of the running agent. Bytes are hexadecimal. It is answered once, and as a stream, as an
 * ECU may take minutes ("response pending"), for which nobody's patience for an answer is meant.
 */
export const diagnosticsAsk = streamVerb({
  name: "diagnostics.ask",
  socket: "admin",
  request,
  each: z.object({ schemaVersion: z.literal(1), reply }),
});
