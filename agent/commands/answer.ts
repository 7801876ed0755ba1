import { z } from "zod";
import { plainText } from "../core/plain-text.ts";

/**
 * Why a command did not succeed, and the number that stands for it in the protobuf flavour. Names and numbers up to 0xffff are those of
 * AWS IoT FleetWise (Commands.proto, reason codes); those from 0x10000, its range for manufacturers, are ours.
 */
export const REASONS = {
  PRECONDITION_FAILED: 0x01,
  DECODER_MANIFEST_OUT_OF_SYNC: 0x02,
  NO_DECODING_RULES_FOUND: 0x03,
  COMMAND_REQUEST_PARSING_FAILED: 0x04,
  NO_COMMAND_DISPATCHER_FOUND: 0x05,
  STATE_TEMPLATE_OUT_OF_SYNC: 0x06,
  ARGUMENT_TYPE_MISMATCH: 0x07,
  NOT_SUPPORTED: 0x08,
  BUSY: 0x09,
  ACCESS_DENIED: 0x0b,
  ARGUMENT_OUT_OF_RANGE: 0x0c,
  INTERNAL_ERROR: 0x0d,
  UNAVAILABLE: 0x0e,
  WRITE_FAILED: 0x0f,
  STATE_TEMPLATE_ALREADY_ACTIVATED: 0x10,
  STATE_TEMPLATE_ALREADY_DEACTIVATED: 0x11,
  TIMED_OUT_BEFORE_DISPATCH: 0x12,
  NO_RESPONSE: 0x13,
  TOO_LARGE: 0x1_0000,
  WRONG_THING: 0x1_0001,
  SIGNATURE_MISSING: 0x1_0002,
  SIGNATURE_INVALID: 0x1_0003,
  KEY_UNKNOWN: 0x1_0004,
  KEY_REVOKED: 0x1_0005,
  COUNTER_REPLAYED: 0x1_0006,
  NOT_YET_VALID: 0x1_0007,
  EXPIRY_MISSING: 0x1_0008,
  EXPIRY_TOO_LATE: 0x1_0009,
  CLOCK_NOT_TRUSTED: 0x1_000a,
  RATE_LIMITED: 0x1_000b,
  ID_REUSED: 0x1_000c,
  LEDGER_FULL: 0x1_000d,
  LEDGER_UNREADABLE: 0x1_000e,
  NOT_STARTED: 0x1_000f,
  INDETERMINATE: 0x1_0010,
  INTERRUPTED: 0x1_0011,
  VEHICLE_STATE_UNKNOWN: 0x1_0012,
  SERVICE_ONLY: 0x1_0013,
  PROGRAM_REFUSED: 0x1_0014,
  PROGRAM_FAILED: 0x1_0015,
  PROGRAM_GONE: 0x1_0016,
  PROGRAM_ANSWER_INVALID: 0x1_0017,
} as const;
export type ReasonCode = keyof typeof REASONS;

/** How a command can end. Each ends with exactly one of them. */
const FINAL_STATUSES = ["SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT"] as const;

const reasonCodes = Object.keys(REASONS).filter((code): code is ReasonCode => Object.hasOwn(REASONS, code));

/** The end of a command as it is stored and told; `result` values are texts or truth values, as AWS IoT Commands carry them. */
export const answerSchema = z
  .object({
    status: z.enum(FINAL_STATUSES),
    reason: z
      .object({ code: z.enum(reasonCodes), description: z.string() })
      .readonly()
      .optional(),
    result: z.record(z.string(), z.union([z.string(), z.boolean()])).readonly(),
  })
  .readonly();
export type Answer = z.infer<typeof answerSchema>;

/** Why a command is not carried out. */
export type CommandRejection = { readonly kind: "rejected"; readonly code: ReasonCode; readonly description: string };

/** A rejection; `description` is for people and names the value that was wrong. */
export function rejected(code: ReasonCode, description: string): CommandRejection {
  return { kind: "rejected", code, description };
}

/** The answer to a command that is not carried out: TIMED_OUT when it came too late, REJECTED otherwise. Nothing was done. */
export function rejectionAnswer({ code, description }: CommandRejection): Answer {
  const status = code === "TIMED_OUT_BEFORE_DISPATCH" ? "TIMED_OUT" : "REJECTED";
  return { status, reason: { code, description: printable(description) }, result: {} };
}

/** The answer to a command that was begun and did not succeed. */
export function failureAnswer(code: ReasonCode, description: string, result: Answer["result"] = {}): Answer {
  return { status: "FAILED", reason: { code, description: printable(description) }, result };
}

/** Control characters are not allowed in a reason's description, and neither are more than 1024 characters (AWS IoT, StatusReason). */
function printable(text: string): string {
  return plainText(text, 1024);
}
