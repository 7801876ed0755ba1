import type { VehicleEvent } from "../../../agent/telemetry/record/encode/vehicle-event.ts";

/** An event of each kind with every number its own. */
export const VEHICLE_EVENTS = [
  {
    kind: "state",
    number: 7,
    isRepeated: false,
    state: "parked",
    before: "driving",
    why: "ignition off: its signals say so",
    timeUs: 1_767_225_600_000_001,
    lastedMs: 0,
    trip: 3,
    odometerKm: 123_456.7,
    energy: { value: 80.5, unit: "%" },
  },
  {
    kind: "trip",
    number: 8,
    isRepeated: true,
    trip: 3,
    phase: "end",
    timeUs: 1_767_225_600_000_003,
    beganUs: 1_767_225_500_000_002,
    lastedMs: 100_000,
    isInterrupted: true,
    odometerKm: 123_456.75,
    beganOdometerKm: 123_400.5,
    energy: { value: 0, unit: "kWh" },
    position: { latitude: 48.137, longitude: 11.575, altitude: 519, accuracy: 3, timeUs: 1_767_225_599_000_000 },
  },
] as const satisfies readonly VehicleEvent[];
