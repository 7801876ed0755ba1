import { z } from "zod";
import { path, port } from "../../../config/fields.ts";

const text = z.string().min(1).max(253);

/** How the broker is reached, and as whom. */
export const brokerSettings = z
  .strictObject({
    host: text,
    port: port.default(8883),
    security: z
      .enum(["tls", "none"])
      .default("tls")
      .describe("none is for a broker in a network that nobody else is in: records go as they are"),
    caFile: path.optional().describe("certificates of the authorities to trust, PEM; those of the system when absent"),
    certificateFile: path.optional().describe("the worker's own certificate, PEM; needs keyFile"),
    keyFile: path.optional().describe("its private key, PEM, readable by the worker alone"),
    alpn: z
      .enum(["auto", "aws", "none"])
      .default("auto")
      .describe("aws offers x-amzn-mqtt-ca, which AWS IoT Core wants on port 443; auto does so on that port"),
    username: text.optional().describe("for a broker that asks for one; AWS IoT Core does not"),
    passwordFile: path.optional().describe("holds the password and nothing else; needs username"),
    keepAliveSeconds: z.int().min(5).max(1200).default(30),
    connectTimeoutMs: z.int().min(1000).max(120_000).default(10_000),
    reconnect: z
      .strictObject({
        minMs: z.int().min(100).max(60_000).default(1000),
        maxMs: z.int().min(1000).max(3_600_000).default(60_000),
      })
      .prefault({})
      .describe("delay before another attempt: full jitter, doubled each time"),
    sessionExpirySeconds: z
      .int()
      .min(60)
      .max(604_800)
      .default(3600)
      .describe("how long the broker keeps records for a worker that is away; a broker may grant less"),
    receiveMaximum: z
      .int()
      .min(1)
      .max(65_535)
      .default(100)
      .describe("records that the broker sends ahead of their PUBACK; AWS IoT Core sends at most 100"),
    aheadBytes: z
      .int()
      .min(0)
      .max(10_000_000_000)
      .default(67_108_864)
      .describe(
        "memory for what a broker sends beyond that all the same (mosquitto 2.0.11, of a backlog); what is more is asked for again",
      ),
    maxPacketBytes: z.int().min(1024).max(67_108_864).default(4_194_304).describe("a broker leaves out longer ones"),
  })
  .superRefine((settings, context) => {
    const needs = (
      key: "certificateFile" | "keyFile" | "passwordFile",
      other: "certificateFile" | "keyFile" | "username",
    ): void => {
      if (settings[key] === undefined || settings[other] !== undefined) return;
      context.addIssue({ code: "custom", path: [key], message: `needs ${other} beside it` });
    };
    needs("certificateFile", "keyFile");
    needs("keyFile", "certificateFile");
    needs("passwordFile", "username");
    if (settings.security === "tls") return;
    for (const key of ["caFile", "certificateFile"] as const) {
      if (settings[key] === undefined) continue;
      context.addIssue({
        code: "custom",
        path: [key],
        message: "is of no use with security: none; leave one of them out",
      });
    }
  });
export type BrokerSettings = z.infer<typeof brokerSettings>;
