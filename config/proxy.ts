import { isIP } from "node:net";
import { z } from "zod";
import { path, port } from "./fields.ts";

const host = z
  .string()
  .max(253)
  .refine(
    (text) => isIP(text) !== 0 || /^[\w.-]+$/.test(text),
    "must be a host name or an address, without scheme, user and port",
  );

/** The way to the broker and to artifact servers, where it leads through an HTTP proxy. */
export const proxyConfig = z.strictObject({
  host: host.describe("of the proxy"),
  port: port.describe("TCP"),
  credentialsFile: path
    .optional()
    .describe("USER:PASSWORD, mode 0600; without it the systemd credential causeway-proxy is read, where there is one"),
  exclude: z
    .array(host)
    .max(64)
    .default([])
    .describe("hosts that are reached without it: names, each with the names under it, and addresses"),
});

export type ProxyConfig = z.infer<typeof proxyConfig>;
