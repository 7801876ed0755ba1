import { z } from "zod";

/** What the proxy process is told. */
export const proxyCommand = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("cut") }),
  z.object({ kind: z.literal("restore") }),
  z.object({ kind: z.literal("blackhole") }),
  z.object({ kind: z.literal("latency"), ms: z.number().min(0) }),
]);
export type ProxyCommand = z.infer<typeof proxyCommand>;

/** What it writes: its port once it listens, and each command once it holds. */
export const proxyReport = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready"), port: z.int() }),
  z.object({ kind: z.literal("done"), command: z.string() }),
]);
