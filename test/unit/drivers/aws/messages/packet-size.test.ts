import { describe, expect, it } from "vitest";
import type { Publication } from "../../../../../agent/ports/broker.ts";
import { publishPacketBytes } from "../../../../../drivers/aws/messages/packet-size.ts";

const MINIMAL: Publication = {
  topic: "a/b",
  payload: new Uint8Array(0),
  retain: false,
  contentType: "",
  messageExpirySeconds: undefined,
  userProperties: [],
};

/** By hand from MQTT 5.0, 3.3: fixed header 2, topic 2 + 3, packet id 2, property length 1, format 2, alias 3, content type 3. */
const MINIMAL_BYTES = 18;

describe("publishPacketBytes", () => {
  it("counts header, topic, packet id and properties", () => {
    expect(publishPacketBytes(MINIMAL)).toBe(MINIMAL_BYTES);
  });

  it("counts expiry and user properties, in bytes of UTF-8", () => {
    expect(publishPacketBytes({ ...MINIMAL, messageExpirySeconds: 60 })).toBe(MINIMAL_BYTES + 5);
    expect(publishPacketBytes({ ...MINIMAL, userProperties: [["seq", "7"]] })).toBe(MINIMAL_BYTES + 1 + 5 + 3);
    expect(publishPacketBytes({ ...MINIMAL, contentType: "ü" })).toBe(MINIMAL_BYTES + 2);
  });

  // Remaining length takes one byte up to 127, two up to 16,383, three up to 2,097,151 (MQTT 5.0, table 1-1).
  it.each([
    [111, 127 + 2],
    [112, 128 + 3],
    [16_367, 16_383 + 3],
    [16_368, 16_384 + 4],
    [2_097_135, 2_097_151 + 4],
    [2_097_136, 2_097_152 + 5],
  ])("a payload of %i bytes makes a packet of %i", (payloadBytes, packetBytes) => {
    expect(publishPacketBytes({ ...MINIMAL, payload: new Uint8Array(payloadBytes) })).toBe(packetBytes);
  });
});
