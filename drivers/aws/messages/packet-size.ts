import type { Publication } from "../../../agent/ports/broker.ts";

const PACKET_ID_BYTES = 2;
/** Property identifier, then its value (MQTT 5.0, 3.3.2.3). */
const PAYLOAD_FORMAT_BYTES = 1 + 1;
const MESSAGE_EXPIRY_BYTES = 1 + 4;
const TOPIC_ALIAS_BYTES = 1 + 2;

/**
 * Bytes of the whole PUBLISH packet (QoS 1) as it goes out at worst: with the full topic and a topic alias. This is what the broker's
 * maximum packet size bounds (MQTT 5.0, 3.2.2.3.6 and 3.3).
 */
export function publishPacketBytes(publication: Publication): number {
  const { topic, payload, contentType, messageExpirySeconds, userProperties } = publication;
  const properties =
    PAYLOAD_FORMAT_BYTES +
    TOPIC_ALIAS_BYTES +
    (messageExpirySeconds === undefined ? 0 : MESSAGE_EXPIRY_BYTES) +
    (1 + stringBytes(contentType)) +
    userProperties.reduce((sum, [name, value]) => sum + 1 + stringBytes(name) + stringBytes(value), 0);
  const remaining =
    stringBytes(topic) + PACKET_ID_BYTES + variableIntegerBytes(properties) + properties + payload.length;
  return 1 + variableIntegerBytes(remaining) + remaining;
}

/** UTF-8 encoded string with its two-byte length (MQTT 5.0, 1.5.4). */
function stringBytes(text: string): number {
  return 2 + Buffer.byteLength(text, "utf8");
}

/** Bytes of a variable byte integer (MQTT 5.0, 1.5.5). */
function variableIntegerBytes(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  return value < 2_097_152 ? 3 : 4;
}
