import { z } from "zod";
import { conditionConfig } from "./catalogue.ts";
import { busName } from "./fields.ts";

const seconds = z.number().min(0).max(86_400);

/** Ignition by signals. */
const bySignals = z.strictObject({
  from: z.literal("signals"),
  condition: conditionConfig.describe("on while it holds; signals that are not fresh say nothing"),
});

/** Ignition by the life on buses. */
const byBuses = z.strictObject({
  from: z.literal("bus-silence"),
  seconds: z.int().min(3).max(86_400).default(30).describe("without a frame on any of the buses: off"),
  buses: z.array(busName).min(1).max(32).optional().describe("all buses of the configuration when absent"),
});

/** Ignition by what somebody in the vehicle says: `causeway vehicle state set`. */
const byCommand = z.strictObject({ from: z.literal("command") });

/** Ignition by a line of a GPIO chip. */
const byLine = z.strictObject({
  from: z.literal("gpio"),
  chip: z
    .string()
    .regex(/^(gpiochip[0-9]{1,4}|\/dev\/[A-Za-z0-9._/-]{1,100})$/, "must be gpiochipN, or a path below /dev")
    .describe("as gpiodetect lists it; the service must be given the device, see gpio.conf"),
  line: z.int().min(0).max(65_535).describe("offset on the chip, as gpioinfo lists it"),
  activeLow: z.boolean().default(false).describe("a low line is on"),
  bias: z
    .enum(["as-is", "pull-up", "pull-down", "disabled"])
    .default("as-is")
    .describe("pull of the line, where the chip has one"),
  debounceMs: z.int().min(0).max(10_000).default(20).describe("by the kernel, before debounce of power.state"),
});

const ignitionSource = z.discriminatedUnion("from", [bySignals, byBuses, byLine, byCommand]);
export type IgnitionSourceConfig = z.infer<typeof ignitionSource>;

const signal = z.string().min(1).max(200);

/** What is noted of trips beside their times. */
export const powerTrip = z.strictObject({
  odometer: signal
    .optional()
    .describe("signal with the distance travelled, Message.Signal; found by PID and SPN when absent"),
  energy: signal.optional().describe("signal with charge or fuel, Message.Signal; none when absent"),
});

/** State of the vehicle, by its ignition. */
export const powerState = z.strictObject({
  ignition: z
    .array(ignitionSource)
    .min(1)
    .max(8)
    .describe("in the order of trust: the first that knows whether the ignition is on counts"),
  debounce: z
    .strictObject({
      onSeconds: seconds.default(0.5).describe("the ignition must have been on so long before it counts"),
      offSeconds: seconds.default(5).describe("and off so long"),
      silentSeconds: seconds
        .default(30)
        .describe(
          "off when no source has known it for so long; and so long a source that said off is not talked over by one that is trusted less",
        ),
    })
    .prefault({}),
  asleepAfterSeconds: z
    .int()
    .min(0)
    .max(31_536_000)
    .default(600)
    .describe("parked for so long it is asleep-soon; 0 never"),
});
export type PowerStateConfig = z.infer<typeof powerState>;
