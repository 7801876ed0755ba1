import type { PowerManager } from "../ports/power-manager.ts";
import type { WakeAlarm } from "../ports/wake-alarm.ts";
import type { WakeSources } from "../ports/wake-sources.ts";
import type { Runtime } from "./parts.ts";

/** What the system has for sleep and wake. */
export type PowerPorts = { readonly power: PowerManager; readonly alarm: WakeAlarm; readonly sources: WakeSources };

/** Those of this system. */
export function powerPorts(_runtime: Runtime): PowerPorts {
  const nothing = async (): Promise<void> => undefined;
  return {
    power: {
      start: nothing,
      fault: () => undefined,
      delayMs: () => 4000,
      release: () => undefined,
      suspend: nothing,
      stop: nothing,
    },
    alarm: { set: nothing, clear: nothing },
    sources: { read: () => [], canWake: () => undefined },
  };
}
