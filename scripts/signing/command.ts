import { z } from "zod";
import { signedText } from "../../agent/commands/canonical.ts";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import { issueText } from "../../agent/core/issue-text.ts";

/** What a request must say before it can be signed; the rest is filled in. */
const unsignedRequest = z.looseObject({
  schemaVersion: z.literal(1).default(1),
  id: z.string().optional(),
  thing: z.string().optional(),
  action: z.string(),
  arguments: z.record(z.string(), z.json()).default({}),
  notBeforeMs: z.int().optional(),
  expiresAtMs: z.int().optional(),
  counter: z.int().min(1).optional(),
  signature: z.unknown().optional(),
});

/** What is put into a request that does not say it. Times are ms since the Unix epoch. */
export type CommandDefaults = {
  readonly id: string;
  readonly thing: string | undefined;
  readonly nowMs: number;
  readonly lifeMs: number;
  readonly counter: number;
};

/** Makes the signature of a text, base64. */
type SignText = (text: Uint8Array) => string;

/** The request in `text`, JSON, whole and signed as the key that policies call `key`. Throws `input.malformed` naming `file`. */
export function signedCommand(
  { file, text, key }: { readonly file: string; readonly text: string; readonly key: string },
  defaults: CommandDefaults,
  sign: SignText,
): unknown {
  const request = parsed(file, text);
  const thing = request.thing ?? defaults.thing;
  if (thing === undefined) {
    const remedy = "give its name with --thing, so that no other vehicle takes the command";
    throw new AgentError("input.malformed", { what: `${file}: it names no thing`, remedy });
  }
  const notBeforeMs = request.notBeforeMs ?? defaults.nowMs;
  const fields = {
    id: request.id ?? defaults.id,
    thing,
    action: request.action,
    arguments: request.arguments,
    notBeforeMs,
    expiresAtMs: request.expiresAtMs ?? notBeforeMs + defaults.lifeMs,
    counter: request.counter ?? defaults.counter,
  };
  const value = sign(new TextEncoder().encode(signedText(fields)));
  return { ...request, ...fields, signature: { key, value } };
}

function parsed(file: string, text: string): z.infer<typeof unsignedRequest> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw malformed(`${file}: not JSON: ${messageOf(error)}`);
  }
  const read = unsignedRequest.safeParse(body);
  if (!read.success) throw malformed(`${file}: ${issueText(read.error)}`);
  if (read.data.signature === undefined) return read.data;
  throw malformed(`${file}: it is signed already`);
}

function malformed(what: string): AgentError {
  const remedy = 'give a request without its signature, such as {"action":"doors.lock","arguments":{}}';
  return new AgentError("input.malformed", { what, remedy });
}
