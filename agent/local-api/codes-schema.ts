import { z } from "zod";
import { codeState } from "../diagnostics/codes/kept-code.ts";
import { streamVerb, verb } from "./verb.ts";

const ecus = z.array(z.string().min(1).max(100)).max(64).readonly().optional();

/** The trouble codes that the agent knows: active ones, with `all` healed ones too. Control units by NAME or BUS/NAME. */
export const listCodes = verb({
  name: "codes.list",
  socket: "view",
  request: z.object({ ecus, all: z.boolean().default(false) }),
  answer: z.object({
    schemaVersion: z.literal(1),
    codes: z.array(codeState).readonly(),
    /** Control units that are known, with codes or without. */
    ecus: z.array(z.string()).readonly(),
    counters: z.object({ events: z.int(), forgotten: z.int(), refused: z.int(), delayed: z.int() }),
  }),
});

/** Each event of a trouble code from now on. */
export const watchCodes = streamVerb({
  name: "codes.watch",
  socket: "view",
  request: z.object({}),
  each: z.object({
    schemaVersion: z.literal(1),
    number: z.int(),
    event: z.string(),
    timeUs: z.int(),
    code: codeState,
    cleared: z
      .object({ codes: z.array(z.string()).readonly(), dropped: z.int(), by: z.string().optional() })
      .optional(),
  }),
});

const outcomes = z.object({
  schemaVersion: z.literal(1),
  /** One for each control unit that was asked; `problem` is the end of a sentence that begins with its name. */
  units: z.array(z.object({ ecu: z.string(), problem: z.string().optional() })).readonly(),
});

/** Asks control units for their codes now, with the manners of the agent; all that can be asked without `ecus`. */
export const readCodesNow = verb({
  name: "codes.read",
  socket: "admin",
  request: z.object({ ecus }),
  answer: outcomes,
});

/** Clears the codes of control units, where `diagnostics.buses[].technician` lists clear. */
export const clearCodes = verb({
  name: "codes.clear",
  socket: "admin",
  request: z.object({ ecus }),
  answer: outcomes,
});

/** One line of `codes.watch`. */
export type ShownEvent = z.infer<typeof watchCodes.each>;
