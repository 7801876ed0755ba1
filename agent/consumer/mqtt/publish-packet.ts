import type { PublishPacket } from "aws-crt/dist/native/mqtt5.js";
import type { Arrival } from "../intake/arrival.ts";

/** A packet of the client as an arrival. */
export function arrivalOf(packet: PublishPacket, acknowledge: () => void): Arrival {
  return {
    topic: packet.topicName,
    payload: bytesOf(packet.payload),
    userProperties: (packet.userProperties ?? []).map(({ name, value }) => [name, value] as const),
    acknowledge,
  };
}

/**
 * The client gives an ArrayBuffer, though its types leave more open. That of an empty payload is a detached one (aws-crt 1.33), which
 * no view can be made of.
 */
function bytesOf(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer) return value.byteLength === 0 ? new Uint8Array(0) : new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return typeof value === "string" ? Buffer.from(value, "utf8") : new Uint8Array(0);
}
