import type { PowerSleepConfig } from "../../config/power-sleep.ts";
import type { PowerWakeConfig } from "../../config/power-wake.ts";
import { Logind } from "../../drivers/dbus/logind.ts";
import { modemTaps } from "../../drivers/dbus/modem-taps.ts";
import { programTaps } from "../../drivers/os/program-taps.ts";
import { rtcAlarm } from "../../drivers/os/rtc-alarm.ts";
import { wakeSources } from "../../drivers/os/wake-sources.ts";
import type { PowerManager } from "../ports/power-manager.ts";
import type { ShoulderTap } from "../ports/shoulder-tap.ts";
import type { WakeAlarm } from "../ports/wake-alarm.ts";
import type { WakeSources } from "../ports/wake-sources.ts";
import type { Runtime } from "./parts.ts";
import type { SharedBus } from "./system-bus.ts";

/** What the system has for sleep and wake. */
export type PowerPorts = {
  readonly power: PowerManager;
  readonly alarm: WakeAlarm;
  readonly sources: WakeSources;
  readonly taps: readonly ShoulderTap[];
};

export type PowerPortsParts = {
  readonly sleep: Pick<PowerSleepConfig, "manager">;
  readonly wake: PowerWakeConfig | undefined;
  readonly runtimeDir: string;
  readonly systemBus: SharedBus["get"];
};

/** Nobody tells of a suspend, and nobody waits. */
const NOBODY: PowerManager = {
  start: async () => undefined,
  fault: () => undefined,
  delayMs: () => Number.POSITIVE_INFINITY,
  release: () => undefined,
  suspend: async () => undefined,
  stop: async () => undefined,
};

/** Those of this system. */
export async function powerPorts(parts: PowerPortsParts, runtime: Runtime): Promise<PowerPorts> {
  const { sleep, wake, runtimeDir, systemBus } = parts;
  const { clock, log, environment } = runtime;
  const address = environment.DBUS_SYSTEM_BUS_ADDRESS;
  const power =
    sleep.manager === "none" ? NOBODY : new Logind({ bus: await systemBus(), runtimeDir, address, clock, log });
  const taps = [
    ...(wake?.modem === true ? [modemTaps(await systemBus())] : []),
    ...(wake?.program === undefined ? [] : [programTaps({ program: wake.program, clock, log })]),
  ];
  return { power, alarm: rtcAlarm({ runtimeDir, clock }), sources: wakeSources(), taps };
}
