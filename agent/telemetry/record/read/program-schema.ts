import { z } from "zod";
import { integer } from "./wire-fields.ts";

/** Values that another program handed over. Exactly one of `number`, `flag` and `text` is there; a number may be any double. */
export const programValues = z.object({
  program: z.string(),
  values: z.array(
    z
      .object({
        name: z.string(),
        number: z.union([z.number(), z.nan(), z.literal([Infinity, -Infinity])]).optional(),
        flag: z.boolean().optional(),
        text: z.string().optional(),
        unit: z.string(),
        time_us: integer,
      })
      .transform(({ number, flag, text, time_us: timeUs, ...rest }, context) => {
        const value = number ?? flag ?? text;
        if (value !== undefined) return { ...rest, value, timeUs };
        context.addIssue({ code: "custom", message: "has no value" });
        return z.NEVER;
      }),
  ),
  time_us: integer,
});

/** Bytes that another program handed over. */
export const programBytes = z.object({
  program: z.string(),
  content_type: z.string(),
  content: z.instanceof(Uint8Array),
  time_us: integer,
});
