import type { IncomingMessage } from "node:http";
import { AgentError } from "../core/errors.ts";

const MAX_BODY_BYTES = 4096;

/** The JSON that a request carries; an empty object where it carries nothing. Throws `input.malformed`. */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part: unknown = chunk;
    if (!Buffer.isBuffer(part)) continue;
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw malformed(`more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(part);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    throw malformed("it is no JSON");
  }
}

function malformed(why: string): AgentError {
  return new AgentError("input.malformed", {
    what: `the request is not understood: ${why}`,
    remedy: "reload the page",
  });
}
