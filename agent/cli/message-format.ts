import { isUtf8 } from "node:buffer";
import { AgentError } from "../core/errors.ts";
import type { ReceivedPublish } from "../ports/broker.ts";

type Part = (message: ReceivedPublish) => Uint8Array;

/** How a message is printed. */
export type MessageFormat = (message: ReceivedPublish) => Uint8Array;

const ENCODER = new TextEncoder();
/** Of mosquitto_sub(1), as far as they are known here. */
const FIELDS: Readonly<Record<string, Part>> = {
  t: ({ topic }) => ENCODER.encode(topic),
  p: ({ payload }) => payload,
  x: ({ payload }) => ENCODER.encode(Buffer.from(payload).toString("hex")),
  X: ({ payload }) => ENCODER.encode(Buffer.from(payload).toString("hex").toUpperCase()),
  l: ({ payload }) => ENCODER.encode(String(payload.length)),
  "%": () => ENCODER.encode("%"),
};
/** What would steer a terminal; line ends and tabs do not. */
const STEERING = /[^\P{Cc}\n\t]/gu;

/** A format as mosquitto_sub -F has it, of %t topic, %p payload, %x and %X payload in hexadecimal, %l its length, and %%. Throws `usage.invalid` for another. */
export function messageFormat(text: string): MessageFormat {
  const parts: Part[] = [];
  for (const [, field, plain] of text.matchAll(/%(.?)|([^%]+)/gs)) {
    if (plain !== undefined) {
      const bytes = ENCODER.encode(plain.replaceAll("\\n", "\n").replaceAll("\\t", "\t"));
      parts.push(() => bytes);
      continue;
    }
    if (!Object.hasOwn(FIELDS, field)) throw unknownField(field);
    parts.push(FIELDS[field]);
  }
  return (message) => Buffer.concat(parts.map((part) => part(message)));
}

function unknownField(field: string): AgentError {
  return new AgentError("usage.invalid", {
    what: `-F: %${field} is not known`,
    remedy: "use %t topic, %p payload, %x or %X payload in hexadecimal, %l its length in bytes, %%",
  });
}

/** As it may be shown on a terminal: what would steer it becomes "?", and what is no text is given in hexadecimal. */
export function forTerminal(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) return Buffer.from(bytes).toString("hex");
  return new TextDecoder().decode(bytes).replace(STEERING, "?");
}

/** For --json: the payload as text, or in base64 where it is none. */
export function messageJson({ topic, payload, contentType, userProperties }: ReceivedPublish) {
  const content = isUtf8(payload)
    ? { payload: new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload) }
    : { payloadBase64: Buffer.from(payload).toString("base64") };
  const properties = userProperties.length === 0 ? {} : { userProperties };
  return { schemaVersion: 1, topic, ...content, bytes: payload.length, contentType, ...properties };
}
