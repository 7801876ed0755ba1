import { z } from "zod";
import { streamVerb } from "./verb.ts";

/** JSON has no wide integers and no NaN: they are texts. */
const value = z.union([z.number(), z.string()]);

const latestSignal = z.object({
  bus: z.string(),
  message: z.string(),
  /** Arbitration id. */
  id: z.int(),
  extended: z.boolean(),
  name: z.string(),
  unit: z.string(),
  /** Addresses of J1939; absent where senders are not told apart. */
  source: z.int().optional(),
  destination: z.int().optional(),
  raw: value,
  /** Absent where the raw value says a state in the place of a number. */
  physical: value.optional(),
  state: z.enum(["not available", "error"]).optional(),
  /** What the DBC file calls the raw value; absent where it has no text. */
  text: z.string().optional(),
  /** Paths in VSS, where the signal is mapped. */
  vss: z.array(z.string()).readonly().optional(),
  ageMs: z.number(),
  /** Samples since the start of the agent; begins anew at 2^32. */
  count: z.int().optional(),
  /** How a person reads the physical value: with so many decimals, or with so many significant digits. */
  decimals: z.int().optional(),
  digits: z.int().optional(),
});

/** The newest value of a derived signal of a campaign. */
const derivedSignal = z.object({
  campaign: z.string(),
  name: z.string(),
  unit: z.string(),
  value,
  ageMs: z.number(),
});

/** A pattern that matches no signal, and names that are like it. */
const unmatched = z.object({ pattern: z.string(), near: z.array(z.string()).readonly() });

/**
 * The latest value of each signal that a pattern matches, of all of them without one; again and again. `t`: s since the Unix epoch. Patterns
 * over derived signals are over NAME or CAMPAIGN/NAME.
 */
export const watchSignals = streamVerb({
  name: "watch",
  socket: "view",
  request: z.object({ patterns: z.array(z.string().min(1).max(256)).max(64).readonly().default([]) }),
  each: z.object({
    schemaVersion: z.literal(1),
    t: z.number(),
    signals: z.array(latestSignal).readonly(),
    derived: z.array(derivedSignal).readonly().default([]),
    /** How many signals the patterns match, with a value or not; all of them without a pattern. */
    matched: z.int().optional(),
    /** Patterns that match no signal; absent where there are none. */
    unmatched: z.array(unmatched).readonly().optional(),
    /** Patterns that match signals of which none has a value yet; absent where there are none. */
    silent: z.array(z.string()).readonly().optional(),
  }),
});

/** One line of `watch`. */
export type SignalsSnapshot = z.infer<typeof watchSignals.each>;
