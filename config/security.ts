import { z } from "zod";

/** What is told of who tries what with the vehicle or its agent. */
export const securityConfig = z.strictObject({
  windowSeconds: z
    .int()
    .min(10)
    .max(86_400)
    .default(300)
    .describe("the first event of a kind is told at once; repeats in this time are told together at its end"),
  clockStepSeconds: z
    .number()
    .min(1)
    .max(86_400)
    .default(60)
    .describe("a step of the wall clock by less is no event, nor is one of a vehicle with the section `time`"),
});

export type SecurityConfig = z.infer<typeof securityConfig>;
