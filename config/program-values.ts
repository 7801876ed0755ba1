import { z } from "zod";

/** Of the arguments of a command that a program answers, and of its results. */
const MAX_VALUES = 16;
const MAX_TEXT = 1024;

/** How a program names a command that it answers. */
export const programCommandName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, "must be a name of at most 64 letters, digits, '.', '_' or '-'");

const valueName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, "must begin with a letter and have at most 64 letters, digits and '_'");

const required = z.boolean().default(true);
const value = z.discriminatedUnion("type", [
  z.strictObject({ type: z.enum(["number", "integer"]), minimum: z.number(), maximum: z.number(), required }),
  z.strictObject({
    type: z.literal("text"),
    maxLength: z.int().min(1).max(MAX_TEXT).default(256).describe("characters"),
    oneOf: z.array(z.string().min(1).max(MAX_TEXT)).min(1).max(64).optional(),
    required,
  }),
  z.strictObject({ type: z.literal("boolean"), required }),
]);

/** Values by name: what each must be, and whether it may be absent. */
export const programValues = z
  .record(valueName, value)
  .refine((values) => Object.keys(values).length <= MAX_VALUES, `at most ${MAX_VALUES}`)
  .default({});
export type ProgramValues = z.infer<typeof programValues>;
