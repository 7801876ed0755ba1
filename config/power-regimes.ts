import { z } from "zod";

const onOrOff = z.enum(["on", "off"]).default("on");

/** What holds while the vehicle is in one state. */
const regime = z.strictObject({
  collect: onOrOff.describe("what collect.rules ask for"),
  campaigns: z
    .union([z.enum(["on", "off"]), z.array(z.string().min(1).max(64)).max(100)])
    .default("on")
    .describe("all, none, or the ids of those that go on"),
  publish: z
    .strictObject({
      only: z
        .array(z.enum(["control", "event", "telemetry", "capture"]))
        .max(4)
        .describe("classes that go at once; the others wait"),
      everySeconds: z
        .int()
        .min(10)
        .max(604_800)
        .optional()
        .describe("so often what waits goes together; only in another state when absent"),
    })
    .optional()
    .describe("everything goes at once when absent"),
  keepAliveSeconds: z
    .int()
    .min(5)
    .max(1200)
    .optional()
    .describe("of the session with the broker; that of broker when absent"),
  updates: z.enum(["on", "hold"]).default("on").describe("hold: none is installed, whatever ota.gate says"),
  diagnostics: onOrOff.describe("off: nothing is asked of control units"),
});
export type RegimeConfig = z.infer<typeof regime>;

/** What each state of the vehicle does; in one that is not named all is as without this section. */
export const powerRegimes = z.strictObject({
  driving: regime.prefault({}).describe("while the vehicle is driving"),
  parked: regime.prefault({}).describe("while it is parked"),
  "asleep-soon": regime.prefault({}),
});
export type PowerRegimesConfig = z.infer<typeof powerRegimes>;
