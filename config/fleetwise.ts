import { z } from "zod";
import { busName } from "./fields.ts";

/** The agent as a vehicle of AWS IoT FleetWise, or of a cloud that speaks to its reference agent. */
export const fleetwiseConfig = z.strictObject({
  topicPrefix: z
    .string()
    .max(128)
    .regex(/^[^#+\0/][^#+\0]*\/$/, "must end with '/', and hold no wildcard")
    .default("$aws/iotfleetwise/")
    .describe("before vehicles/VEHICLE/...; cms/fleetwise/ for the Connected Mobility guidance"),
  vehicle: z
    .string()
    .regex(/^[^#+/\0]{1,128}$/, "must be one level of a topic, of at most 128 characters")
    .optional()
    .describe("VEHICLE in the topics; thingName when absent"),
  checkinSeconds: z
    .int()
    .min(5)
    .max(3600)
    .default(60)
    .describe("between two check-ins; the Connected Mobility guidance takes a vehicle for gone after 120"),
  interfaces: z
    .record(z.string().min(1).max(128), busName)
    .default({})
    .describe(
      "bus that a decoder manifest calls by this interface_id; one that is not here is the bus of the same name",
    ),
  ownRecords: z
    .enum(["beside", "instead"])
    .optional()
    .describe("what schemes collect as records of this agent too, or alone; as VehicleData alone when absent"),
  limits: z
    .strictObject({
      bufferBytes: z
        .int()
        .min(16_384)
        .max(20_971_520)
        .default(2_097_152)
        .describe(
          "of the samples that all schemes hold for their next event, 16 bytes each; a scheme beyond is refused",
        ),
      eventsPerSecond: z
        .int()
        .min(1)
        .max(1000)
        .default(50)
        .describe("of all schemes, and as many at once; further ones are left out and counted"),
    })
    .prefault({}),
});
export type FleetwiseConfig = z.infer<typeof fleetwiseConfig>;
