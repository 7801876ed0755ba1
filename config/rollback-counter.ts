import { z } from "zod";

/** A counter in the TPM, by its NV index. */
export const rollbackCounter = z.strictObject({
  index: z
    .int()
    .min(0x0180_0000)
    .max(0x01bf_ffff)
    .describe("NV index of the TPM owner's range, for example 25169421 (0x1800e0d); made where it is missing"),
});
