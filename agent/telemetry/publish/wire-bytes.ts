import type { Publication } from "../../ports/broker.ts";

/**
 * What the layers below a PUBLISH add, in bytes. TLS: header, explicit type and tag of a record (RFC 8446, 5.2; TLS 1.2 with AES-GCM has 7
 * more), which holds 16 KiB. TCP/IP: headers of a segment over IPv4 with time stamps (RFC 9293, RFC 7323), which holds what is left of
 * an MTU of 1400 as mobile networks have it. The answer: a PUBACK of 4 bytes in a TLS record and a segment, and a segment without data
 * for each side.
 */
const TLS = { recordBytes: 16_384, overheadBytes: 22 } as const;
const SEGMENT = { dataBytes: 1348, overheadBytes: 52 } as const;
const ANSWER_BYTES = 4 + TLS.overheadBytes + 3 * SEGMENT.overheadBytes;

/** What follows a length of two bytes: strings and binary data (MQTT 5.0, 1.5.4). */
const LENGTH_BYTES = 2;
/** Identifier of a property, and the four bytes of the message expiry (MQTT 5.0, 3.3.2.3). */
const PROPERTY_BYTES = 1;
const EXPIRY_BYTES = 4;

/** Bytes of the PUBLISH packet with QoS 1 (MQTT 5.0, 3.3), its topic written out: less goes out where a topic alias stands for it. */
export function publishBytes(publication: Publication): number {
  const { topic, payload, contentType, messageExpirySeconds, userProperties } = publication;
  let properties = PROPERTY_BYTES + LENGTH_BYTES + Buffer.byteLength(contentType);
  if (messageExpirySeconds !== undefined) properties += PROPERTY_BYTES + EXPIRY_BYTES;
  for (const [name, value] of userProperties)
    properties += PROPERTY_BYTES + 2 * LENGTH_BYTES + Buffer.byteLength(name) + Buffer.byteLength(value);
  const { responseTopic, correlationData } = publication;
  if (responseTopic !== undefined) properties += PROPERTY_BYTES + LENGTH_BYTES + Buffer.byteLength(responseTopic);
  if (correlationData !== undefined) properties += PROPERTY_BYTES + LENGTH_BYTES + correlationData.length;
  const packetId = 2;
  const head = LENGTH_BYTES + Buffer.byteLength(topic) + packetId + lengthBytes(properties) + properties;
  const rest = head + payload.length;
  return 1 + lengthBytes(rest) + rest;
}

/** Bytes of a publication and its answer on the link, both ways, as the network counts them: an estimate, see above for what it adds. */
export function wireBytes(publication: Publication): number {
  const packet = publishBytes(publication);
  const encrypted = packet + Math.ceil(packet / TLS.recordBytes) * TLS.overheadBytes;
  return encrypted + Math.ceil(encrypted / SEGMENT.dataBytes) * SEGMENT.overheadBytes + ANSWER_BYTES;
}

/** Bytes of a variable byte integer (MQTT 5.0, 1.5.5). */
function lengthBytes(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  return value < 2_097_152 ? 3 : 4;
}
