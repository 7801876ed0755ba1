import { z } from "zod";
import { AgentError, FAULTS, type FaultCode, messageOf } from "../../../agent/core/errors.ts";
import type { LocalRequest } from "../../../agent/ports/local-socket.ts";

/** One line from the client. Handlers parse the rest of it. */
const localRequest = z.looseObject({ verb: z.string().min(1).max(64) });

const errorLine = z.object({ error: z.object({ code: z.string(), what: z.string(), remedy: z.string() }) });
const endLine = z.strictObject({ end: z.literal(true) });

/** What the client is told instead of a value. */
export type ErrorLine = z.infer<typeof errorLine>;

/** The last line of an answer of many values. A single value has none: it is the whole answer. */
export const END_LINE: z.infer<typeof endLine> = { end: true };

/** One line from the server: a value as the handler gave it, or how the answer ended. */
export type LocalReply =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "error"; readonly fault: AgentError }
  | { readonly kind: "end" };

/** Parses one line from the server; throws `input.malformed`. */
export function parseReply(line: string): LocalReply {
  const value = parseJson(line);
  if (value === undefined) {
    throw new AgentError("input.malformed", {
      what: `the agent's socket gave a line that is no reply: ${line.slice(0, 80)}`,
      remedy: "use the causeway program of the same version as the running agent",
    });
  }
  const failed = errorLine.safeParse(value);
  if (failed.success) return { kind: "error", fault: faultOfLine(failed.data) };
  return endLine.safeParse(value).success ? { kind: "end" } : { kind: "value", value };
}

/** Parses one line from a client; throws `usage.invalid`. */
export function parseRequest(line: string): LocalRequest {
  const parsed = localRequest.safeParse(parseJson(line));
  if (parsed.success) return parsed.data;
  throw new AgentError("usage.invalid", {
    what: "a request that is not one JSON object with a verb",
    remedy: 'send one line like {"verb":"status"}',
  });
}

/** What a thrown value looks like to a client. `isBug` when it was none of ours. */
export function errorLineOf(thrown: unknown): { readonly line: ErrorLine; readonly isBug: boolean } {
  if (thrown instanceof AgentError) {
    return { line: { error: { code: thrown.code, what: thrown.message, remedy: thrown.remedy } }, isBug: false };
  }
  if (thrown instanceof z.ZodError) {
    const what = `request: ${z.prettifyError(thrown)}`;
    return { line: { error: { code: "usage.invalid", what, remedy: "correct the request" } }, isBug: false };
  }
  const error = { code: "internal.bug", what: messageOf(thrown), remedy: "report it with the log of the service" };
  return { line: { error }, isBug: true };
}

/** A value as its line, at most `maxBytes` long. Throws `usage.invalid` for a longer one. */
export function replyLine(value: unknown, maxBytes: number): string {
  const line = `${JSON.stringify(value ?? null)}\n`;
  if (line.length <= maxBytes) return line;
  throw new AgentError("usage.invalid", {
    what: `the answer has ${line.length} characters, more than localSockets.maxReplyBytes (${maxBytes})`,
    remedy: "ask for less at a time (--limit, a pattern), or raise localSockets.maxReplyBytes",
  });
}

/** A code that this version does not know becomes `internal.bug`. */
function faultOfLine({ error: { code, what, remedy } }: ErrorLine): AgentError {
  return new AgentError(isFaultCode(code) ? code : "internal.bug", { what, remedy });
}

function isFaultCode(code: string): code is FaultCode {
  return Object.hasOwn(FAULTS, code);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // The schema refuses undefined and says what is expected.
    return undefined;
  }
}
