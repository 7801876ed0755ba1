import { z } from "zod";

const volts = z.number().min(1).max(1000);
const hours = z.number().min(0.1).max(87_600);
const milliamps = z.number().min(0).max(100_000);

/** When a parked vehicle asks less of its battery. */
export const powerBattery = z.strictObject({
  signal: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe("voltage of the battery; hours parked alone count when absent"),
  savingBelowVolts: volts.default(12.2).describe("fewer check-ins below it"),
  guardedBelowVolts: volts.default(11.8).describe("no check-ins below it, and to sleep at once"),
  riseVolts: z.number().min(0.01).max(100).default(0.4).describe("above a threshold by so much it is over"),
  forSeconds: z.int().min(1).max(3600).default(60).describe("the voltage must hold so long before it counts"),
  afterParkedHours: hours.default(72).describe("fewer check-ins from then on"),
  checkInEveryHours: hours.default(24).describe("between two of the fewer check-ins"),
  noneAfterHours: hours.default(720).describe("no check-ins from then on"),
  currents: z
    .strictObject({ awakeMilliamps: milliamps, asleepMilliamps: milliamps })
    .optional()
    .describe("what the device takes, as somebody has measured it: status estimates the charge by it"),
});
export type PowerBatteryConfig = z.infer<typeof powerBattery>;
