import { z } from "zod";
import { benchBus } from "../bench-bus.ts";
import { ecuFaults } from "./ecu-faults.ts";
import { FAULT_STATES } from "./fault-memory.ts";

const ECU_NAMES = ["engine", "gearbox", "body", "truck-engine"] as const;

/** What the process of the control units reads at its start. */
export const ecusConfig = z.strictObject({
  bus: benchBus,
  obdIds: z.union([z.literal(11), z.literal(29)]).optional(),
  bodyFrameBytes: z.int().min(8).max(64).optional(),
  isTruck: z.boolean().optional(),
  startSeconds: z.number().min(0).optional(),
  isParked: z.boolean().optional(),
});
export type EcusConfig = z.infer<typeof ecusConfig>;

/** What it is told, a line of JSON each. "ask" makes the second tester ask one unit, by the bytes of the request. */
export const ecusCommand = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("code"), ecu: z.enum(ECU_NAMES), code: z.int(), state: z.enum(FAULT_STATES) }),
  z.strictObject({ kind: z.literal("faults"), ecu: z.enum(["engine", "gearbox", "body"]), faults: ecuFaults }),
  z.strictObject({ kind: z.literal("silence"), ecu: z.literal("truck-engine"), isSilent: z.boolean() }),
  z.strictObject({ kind: z.literal("park"), isParked: z.boolean() }),
  z.strictObject({ kind: z.literal("ask"), txId: z.int(), rxId: z.int(), request: z.array(z.int()) }),
  z.strictObject({ kind: z.literal("tester"), isThere: z.boolean() }),
  z.strictObject({ kind: z.literal("stop") }),
]);
export type EcusCommand = z.infer<typeof ecusCommand>;

const faultNote = z.object({
  atUs: z.number(),
  ecu: z.string(),
  code: z.int().optional(),
  what: z.enum([...FAULT_STATES, "cleared"]),
});

/** What it says, a line of JSON each: each note of a unit as it is made, each request that came to a unit, what the second tester was answered, and its counts once a second. */
export const ecusReport = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready") }),
  z.object({ kind: z.literal("note"), note: faultNote }),
  z.object({ kind: z.literal("asked"), ecu: z.string(), service: z.int(), atUs: z.number() }),
  z.object({ kind: z.literal("answered"), request: z.array(z.int()), answer: z.array(z.int()).optional() }),
  z.object({ kind: z.literal("counts"), requests: z.record(z.string(), z.int()), heard: z.int() }),
  z.object({ kind: z.literal("stopped") }),
  z.object({ kind: z.literal("failed"), what: z.string() }),
]);
