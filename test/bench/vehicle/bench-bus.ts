import { z } from "zod";

/** The bus of the bench: an interface of the kernel, or a hub that speaks the protocol of socketcand. */
export const benchBus = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("vcan"), interface: z.string() }),
  z.object({ kind: z.literal("hub"), host: z.string(), port: z.int(), interface: z.string() }),
]);
export type BenchBus = z.infer<typeof benchBus>;
