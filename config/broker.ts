import { z } from "zod";
import { copiedPath, port } from "./fields.ts";

/** How the broker is reached, and the bounds of what goes to it and comes from it. */
export const brokerConfig = z.strictObject({
  host: z.string().min(1).max(253).describe("name or address, which its certificate must be for"),
  port: port.default(8883).describe("TCP"),
  caFile: copiedPath.describe("certificates of the authorities to trust, PEM; no others are"),
  alpn: z
    .enum(["auto", "aws", "none"])
    .default("auto")
    .describe("aws offers x-amzn-mqtt-ca, which AWS IoT Core wants on port 443; auto does so on that port"),
  ciphers: z
    .enum(["default", "tls-1.2-2025-07", "post-quantum"])
    .default("default")
    .describe("TLS security policy of the library; tls-1.2-2025-07 has no CBC ciphers"),
  keepAliveSeconds: z.int().min(5).max(1200).default(60).describe("of MQTT: longest silence before a PINGREQ"),
  connectTimeoutMs: z.int().min(1000).max(120_000).default(10_000).describe("one attempt to connect"),
  ackTimeoutSeconds: z
    .int()
    .min(5)
    .max(600)
    .default(30)
    .describe("a PUBACK that has not come by then is not waited for; the record is sent again"),
  reconnect: z
    .strictObject({
      minMs: z.int().min(100).max(60_000).default(1000).describe("first delay"),
      maxMs: z.int().min(1000).max(3_600_000).default(120_000).describe("longest delay"),
    })
    .prefault({})
    .describe("delay before the next attempt to connect, which grows and is drawn at random"),
  inFlight: z.int().min(10).max(50).default(32).describe("publishes that wait for their PUBACK at a time"),
  sessionExpirySeconds: z
    .int()
    .min(0)
    .max(604_800)
    .default(3600)
    .describe("the broker keeps the session, and messages for it, for so long without a connection"),
  pacing: z
    .enum(["auto", "aws", "none"])
    .default("auto")
    .describe("aws keeps to 100 publishes/s and 512 KiB/s; auto does so when host ends in .amazonaws.com"),
  backlogBytes: z
    .int()
    .min(16_384)
    .max(16_777_216)
    .default(262_144)
    .describe("stored records on the way at a time, and raw frames; less lets new ones through sooner on a slow link"),
  refusalAttempts: z
    .int()
    .min(1)
    .max(100_000)
    .default(200)
    .describe("tries of a record the broker refuses but may yet take, at most 5 min apart, before it is set aside"),
  disconnectAttempts: z
    .int()
    .min(1)
    .max(1000)
    .default(3)
    .describe("a record is set aside when the broker has ended the connection so often over it alone"),
  inbound: z
    .strictObject({
      maxWaiting: z
        .int()
        .min(8)
        .max(100_000)
        .default(1000)
        .describe(
          "messages that wait for their turn, of each QoS; of QoS 0 what comes beyond is thrown away and counted",
        ),
      maxWaitingBytes: z.int().min(262_144).max(67_108_864).default(2_097_152).describe("of QoS 0"),
      maxCrashes: z
        .int()
        .min(1)
        .max(100)
        .default(2)
        .describe("a message is set aside when the process has ended so often with it in hand"),
    })
    .prefault({}),
});

export type BrokerConfig = z.infer<typeof brokerConfig>;
