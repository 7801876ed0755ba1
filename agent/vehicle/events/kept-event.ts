import { z } from "zod";
import { VEHICLE_STATES } from "../state/vehicle-state.ts";

const state = z.enum(VEHICLE_STATES);
const numbered = { number: z.int().min(1), timeUs: z.int() };

/** Charge or fuel as the journal keeps it. */
export const keptEnergy = z.object({ value: z.number(), unit: z.string() });
const position = z.object({
  latitude: z.number(),
  longitude: z.number(),
  altitude: z.number().optional(),
  accuracy: z.number().optional(),
  timeUs: z.int(),
});

const stateChange = z.object({
  ...numbered,
  kind: z.literal("state"),
  state,
  before: state,
  why: z.string(),
  lastedMs: z.int().min(0).optional(),
  trip: z.int().min(0),
  odometerKm: z.number().optional(),
  energy: keptEnergy.optional(),
});

const trip = z.object({
  ...numbered,
  kind: z.literal("trip"),
  trip: z.int().min(1),
  phase: z.enum(["begin", "end"]),
  beganUs: z.int(),
  lastedMs: z.int().min(0).optional(),
  isInterrupted: z.boolean(),
  odometerKm: z.number().optional(),
  beganOdometerKm: z.number().optional(),
  energy: keptEnergy.optional(),
  position: position.optional(),
});

const wake = z.object({
  ...numbered,
  kind: z.literal("wake"),
  cause: z.string(),
  name: z.string(),
  isCheckIn: z.boolean(),
  sleptMs: z.int().min(0),
  suspendedMs: z.int().min(0),
  buses: z.array(
    z.object({
      bus: z.string(),
      first: z.object({ id: z.int().min(0), extended: z.boolean(), afterMs: z.int().min(0) }).optional(),
      lost: z.int().min(0).optional(),
    }),
  ),
  unplanned: z.int().min(0),
  most: z.int().min(0).optional(),
  isOverBudget: z.boolean(),
});

const fence = z.object({
  ...numbered,
  kind: z.literal("fence"),
  name: z.string(),
  transition: z.enum(["enter", "leave"]),
  trip: z.int().min(0),
  odometerKm: z.number().optional(),
  position: position.optional(),
});

const privacy = z.object({
  ...numbered,
  kind: z.literal("privacy"),
  isPrivate: z.boolean(),
  by: z.enum(["signal", "technician"]),
});

/** An event of the vehicle as the journal keeps it until the outbox has it. */
export const keptEvent = z.discriminatedUnion("kind", [stateChange, trip, wake, fence, privacy]);
