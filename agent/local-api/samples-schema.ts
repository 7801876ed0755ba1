import { z } from "zod";
import { streamVerb } from "./verb.ts";

/** JSON has no wide integers and no NaN: they are texts. */
const value = z.union([z.number(), z.string()]);

const describedSignal = z.object({
  /** What the samples of this answer call it. */
  n: z.int(),
  /** Absent for a derived signal of a campaign. */
  bus: z.string().optional(),
  /** Of the message, or of the campaign. */
  of: z.string(),
  /** Arbitration id. */
  id: z.int().optional(),
  extended: z.boolean().optional(),
  name: z.string(),
  unit: z.string(),
  /** Addresses of J1939; absent where senders are not told apart. */
  source: z.int().optional(),
  destination: z.int().optional(),
});

/**
 * `n`; receive time, ms after `t` of the line (mostly before it, and so below zero); physical value, or the state in its place; what the
 * DBC file calls the raw value, where it has a text.
 */
const sample = z.tuple([z.int(), z.number(), value, z.string().optional()]);

/**
 * The values that came in since the line before, for whoever draws them: each signal is described once, in the line of its first sample. The
 * newest value of each interval counts: what comes more often is thinned. A line without samples comes once a second.
 */
export const followSamples = streamVerb({
  name: "signals.samples",
  socket: "view",
  request: z.object({
    patterns: z.array(z.string().min(1).max(256)).max(64).readonly().default([]),
    intervalMs: z.int().min(20).max(10_000).default(40),
  }),
  each: z.object({
    schemaVersion: z.literal(1),
    /** s since the Unix epoch. */
    t: z.number(),
    signals: z.array(describedSignal).readonly().optional(),
    samples: z.array(sample).readonly(),
  }),
});

/** One line of `signals.samples`. */
export type SamplesLine = z.infer<typeof followSamples.each>;
/** A signal, as the first line with a sample of it says what it is. */
export type DescribedSignal = z.infer<typeof describedSignal>;
/** One value of a signal. */
export type Sample = z.infer<typeof sample>;
