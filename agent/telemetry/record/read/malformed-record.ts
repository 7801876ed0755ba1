import { AgentError } from "../../../core/errors.ts";

/** The fault of a payload that is no record. */
export function malformed(what: string, cause?: unknown): AgentError {
  return new AgentError("input.malformed", {
    what,
    remedy: "Give the payload of one message from a record topic, byte for byte as the broker delivered it.",
    cause,
  });
}
