import { createHash } from "node:crypto";
import { z } from "zod";
import type { WireFormat } from "../cloud/wire-format.ts";
import { decodeBody } from "../cloud/wire-format.ts";
import { issueText } from "../core/issue-text.ts";
import { type CommandRejection, rejected } from "./answer.ts";

/** Where an answer goes. */
export const replyAddress = z.discriminatedUnion("channel", [
  z.object({ channel: z.literal("aws"), execution: z.string(), format: z.enum(["json", "cbor"]) }).readonly(),
  z
    .object({
      channel: z.literal("companion"),
      request: z.string(),
      /** Undefined where nobody wants the answer. */
      topic: z.string().optional(),
      /** base64 */
      correlation: z.string().optional(),
      format: z.enum(["json", "cbor"]),
    })
    .readonly(),
  z.object({ channel: z.literal("protobuf"), execution: z.string() }).readonly(),
  z
    .object({
      channel: z.literal("sovd"),
      execution: z.string(),
      /** What was asked for, as it was called. */
      command: z.string(),
      /** What of the request goes back with the answer, JSON. */
      echo: z.string(),
    })
    .readonly(),
  z
    .object({
      channel: z.literal("local"),
      /** Who says that they asked; nobody has checked it. */
      claimedBy: z.string().optional(),
    })
    .readonly(),
]);
export type ReplyAddress = z.infer<typeof replyAddress>;

/** What a channel makes of a foreign payload: a request as `readRequest` takes it, and why it cannot be carried out as it stands. */
export type DecodedCommand = { readonly body: unknown; readonly decodeError: CommandRejection | undefined };

/** A request as it came on one of the channels, its payload unread. */
export type IncomingCommand = {
  /** What the channel calls it: the id of an execution. */
  readonly id: string;
  readonly payload: Uint8Array;
  /** A function where the payload is not a request of ours: gives what it stands for, or undefined when it cannot be read. */
  readonly format: WireFormat | ((payload: Uint8Array) => DecodedCommand | undefined);
  readonly reply: ReplyAddress;
  /** Rest of the message's life when it came (MQTT message expiry), ms; undefined where none was set. */
  readonly restOfLifeMs: number | undefined;
};

const argument = z.json();
const name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, "must be a name of at most 64 letters, digits, '.', '_' or '-'");
const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, '_' or '-'");
const wallMs = z.int().min(0).max(8_640_000_000_000_000);

/** base64 in its one spelling: unused bits are zero. */
const signatureValue = z
  .base64()
  .min(1)
  .max(512)
  .refine((text) => Buffer.from(text, "base64").toString("base64") === text, "must be canonical base64");

/** What a requester writes, in JSON or CBOR. */
const requestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Chosen by whoever asks, unique for ever; what a signature is over, and what a repeat is known by. */
  id: id.optional(),
  thing: z.string().max(128).optional(),
  action: name,
  arguments: z.record(z.string().max(64), argument).default({}),
  /** Times are ms since the Unix epoch. `timeoutMs` counts from `issuedAtMs`. */
  issuedAtMs: wallMs.optional(),
  timeoutMs: z.int().min(1).max(43_200_000).optional(),
  notBeforeMs: wallMs.optional(),
  expiresAtMs: wallMs.optional(),
  counter: z.int().min(1).optional(),
  signature: z.strictObject({ key: z.string().min(1).max(64), value: signatureValue }).optional(),
});

/** A request, read. */
export type CommandRequest = Omit<z.infer<typeof requestSchema>, "id"> & {
  /** By which the ledger knows it. */
  readonly ledgerId: string;
  /** What the requester called it, if anything. */
  readonly id: string | undefined;
  /** SHA-256 of the payload, hexadecimal: equal digests, the same request again. */
  readonly digest: string;
  readonly reply: ReplyAddress;
  readonly restOfLifeMs: number | undefined;
  /** Why it is refused whatever else it says: its channel could not decode all of it. */
  readonly decodeError: CommandRejection | undefined;
};

/** Values of a request nest at most so deep. */
const MAX_DEPTH = 8;

/** Reads a request: size before anything is parsed, then its schema. */
export function readRequest(
  incoming: IncomingCommand,
  maxBytes: number,
): CommandRejection | { readonly kind: "request"; readonly request: CommandRequest } {
  const { payload, format, reply, restOfLifeMs } = incoming;
  if (payload.length > maxBytes) return rejected("TOO_LARGE", `${payload.length} bytes, at most ${maxBytes} are read`);
  const read = decoded(payload, format);
  if (read?.body === undefined) {
    const expected = typeof format === "function" ? "a request of this channel" : format.toUpperCase();
    return rejected("COMMAND_REQUEST_PARSING_FAILED", `the payload is not ${expected}`);
  }
  const { body, decodeError } = read;
  if (isTooDeep(body)) {
    return rejected("COMMAND_REQUEST_PARSING_FAILED", `values nest deeper than ${MAX_DEPTH} levels`);
  }
  const parsed = requestSchema.safeParse(body);
  if (!parsed.success) return rejected("COMMAND_REQUEST_PARSING_FAILED", issueText(parsed.error));
  const digest = createHash("sha256").update(payload).digest("hex");
  // A colon is in no id that a requester may choose: the two kinds cannot be taken for each other.
  const ledgerId = parsed.data.id ?? `${reply.channel}:${incoming.id}`;
  const { id } = parsed.data;
  return { kind: "request", request: { ...parsed.data, id, ledgerId, digest, reply, restOfLifeMs, decodeError } };
}

function decoded(payload: Uint8Array, format: IncomingCommand["format"]): DecodedCommand | undefined {
  if (typeof format === "function") return format(payload);
  return { body: decodeBody(format, payload), decodeError: undefined };
}

/** Whether values nest too deep. A stack would end before a hostile value does: looked at before anything that calls itself walks through it. */
export function isTooDeep(value: unknown, levels = MAX_DEPTH): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isTooDeep(inner, levels - 1));
}
