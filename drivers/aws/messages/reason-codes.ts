import { plainText } from "../../../agent/core/plain-text.ts";

/** Names of the reason codes of MQTT 5.0, table 2-6. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, "success"],
  [0x04, "disconnect with will message"],
  [0x10, "no matching subscribers"],
  [0x11, "no subscription existed"],
  [0x80, "unspecified error"],
  [0x81, "malformed packet"],
  [0x82, "protocol error"],
  [0x83, "implementation specific error"],
  [0x84, "unsupported protocol version"],
  [0x85, "client identifier not valid"],
  [0x86, "bad user name or password"],
  [0x87, "not authorized"],
  [0x88, "server unavailable"],
  [0x89, "server busy"],
  [0x8a, "banned"],
  [0x8b, "server shutting down"],
  [0x8c, "bad authentication method"],
  [0x8d, "keep alive timeout"],
  [0x8e, "session taken over"],
  [0x8f, "topic filter invalid"],
  [0x90, "topic name invalid"],
  [0x91, "packet identifier in use"],
  [0x92, "packet identifier not found"],
  [0x93, "receive maximum exceeded"],
  [0x94, "topic alias invalid"],
  [0x95, "packet too large"],
  [0x96, "message rate too high"],
  [0x97, "quota exceeded"],
  [0x98, "administrative action"],
  [0x99, "payload format invalid"],
  [0x9a, "retain not supported"],
  [0x9b, "QoS not supported"],
  [0x9c, "use another server"],
  [0x9d, "server moved"],
  [0x9e, "shared subscriptions not supported"],
  [0x9f, "connection rate exceeded"],
  [0xa0, "maximum connect time"],
  [0xa1, "subscription identifiers not supported"],
  [0xa2, "wildcard subscriptions not supported"],
]);

/** First reason code that means failure (MQTT 5.0, 2.4). */
export const FIRST_FAILURE_CODE = 0x80;

/** The name of a reason code, "session taken over". */
export function reasonName(code: number): string {
  return NAMES.get(code) ?? "unknown reason";
}

/** A reason code for people, "0x87 not authorized", with the broker's own reason string when it sent one (cut to 200 characters). */
export function reasonText(code: number, reasonString?: string): string {
  const name = reasonName(code);
  const said = reasonString === undefined || reasonString === "" ? "" : ` (${printable(reasonString)})`;
  return `0x${code.toString(16).padStart(2, "0")} ${name}${said}`;
}

/** What a broker says goes to terminals and logs: no control characters, bounded. */
function printable(text: string): string {
  return plainText(text, 200);
}
