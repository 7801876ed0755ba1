import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { payloadCheck } from "../../../../../drivers/sqlite/outbox/seal.ts";

const payload = new TextEncoder().encode("123456789");

describe("the check of a payload", () => {
  it("is its CRC-32 alone where the record has no topic of its own, as older agents stored it", () => {
    // The check value of CRC-32 (reveng catalogue, CRC-32/ISO-HDLC).
    expect(payloadCheck({ payload })).toBe(0xcbf4_3926);
    expect(payloadCheck({ payload, route: null })).toBe(0xcbf4_3926);
  });

  it("is that of topic and payload together where there is one: a topic that changed on the disk shows", () => {
    const whole = payloadCheck({ payload, route: "cloud/signals" });
    expect(whole).toBe(crc32("cloud/signals123456789"));
    expect(payloadCheck({ payload, route: "cloud/signalS" })).not.toBe(whole);
    expect(payloadCheck({ payload, route: "" })).toBe(0xcbf4_3926);
  });
});
