import type { TriggerReport } from "../../../agent/telemetry/record/encode/trigger.ts";

/** A trigger that has fired, with a value of each kind and every count its own. */
export const FIRED = {
  campaign: { id: "hard-braking", version: 3, digest: "0123456789abcdef" },
  number: 12,
  phase: "begin",
  timeUs: 1_767_225_600_000_001,
  cause: {
    expression: 'brake > 80.0 && gear != "Park" && rate(speed) < -20.0',
    mode: "rising",
    byHand: false,
    values: [
      { name: "brake", value: 85.25, unit: "bar", timeUs: 1_767_225_600_000_000 },
      { name: "rate(speed)", value: -20.5, unit: "", timeUs: undefined },
      { name: "light", value: false, unit: "", timeUs: undefined },
      { name: "gear", value: "", unit: "", timeUs: undefined },
      { name: "age(door)", value: Number.POSITIVE_INFINITY, unit: "", timeUs: undefined },
    ],
    valuesDropped: 0,
  },
  capture: {
    beforeMs: 10_000,
    afterMs: 5000,
    historyMs: 9871,
    clockStepped: true,
    spansStop: false,
    marksUs: [1_767_225_601_000_000, 1_767_225_600_500_000],
    marksDropped: 2,
  },
  counts: {
    frames: 80_000,
    framesLost: 3,
    samplesDiscarded: 4,
    buses: [{ bus: "can0", received: 9, dropped: 1, errorFrames: 2 }],
  },
  context: {
    dtcs: ["P0420", "U0100"],
    dtcsDropped: 5,
    position: { latitude: -33.5, longitude: 0, altitude: 12.5, accuracy: undefined, timeUs: 1_767_225_599_000_000 },
  },
} as const satisfies TriggerReport;
