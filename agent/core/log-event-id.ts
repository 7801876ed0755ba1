import { createHash } from "node:crypto";

/** Of the ids below. It never changes: catalogues, alarms and searches of others hold ids that were made from it. */
const NAMESPACE = Buffer.from("6f1d5c1e0b0a4f0c9a51d2c7a3e84b96", "hex");

/**
 * The MESSAGE_ID of an event of the log (systemd.journal-fields(7)): 32 lower-case hexadecimal digits, a name-based UUID (RFC 9562, version 5)
 * of its name, so that it is the same in every version and vehicle, and two events never share one.
 */
export function logEventId(event: string): string {
  const bytes = createHash("sha1").update(NAMESPACE).update(event, "utf8").digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex");
}
