import type { SleepPhase } from "./sleep-line.ts";

export type TransmitRuleParts = {
  readonly phase: () => SleepPhase;
  readonly isIgnitionOn: () => boolean;
  /** Time since the last frame on a bus, monotonic ms; infinite where none came since the wake, 0 on one that was never heard. */
  readonly silentMs: (bus: string) => number;
  readonly quietMs: number;
  /** Buses that commands may wake. */
  readonly wakes: readonly string[];
};

/** Why nothing may be sent on a bus at this moment, for people; undefined where it may. `isCommand`: somebody asks for this frame, and no plan. */
export type MayTransmit = (bus: string, isCommand: boolean) => string | undefined;

/**
 * Do not wake: nothing is sent while the vehicle sleeps or is on its way, nor on a bus that is quiet, as a frame keeps control units awake or
 * wakes them (wican-fw #162, #840). With the ignition on nothing sleeps, and a bus may be silent until it is asked. A command may send on a quiet bus where the configuration says so.
 */
export function transmitRule({ phase, isIgnitionOn, silentMs, quietMs, wakes }: TransmitRuleParts): MayTransmit {
  return (bus, isCommand) => {
    const now = phase();
    const mayWake = isCommand && wakes.includes(bus);
    if (now === "going" || now === "asleep") return `the vehicle is ${now === "going" ? "going to sleep" : "asleep"}`;
    if (mayWake || isIgnitionOn()) return undefined;
    if (now === "checking-in") return "the vehicle only checks in";
    if (silentMs(bus) < quietMs) return undefined;
    return `bus ${bus} is quiet: a frame would wake control units (power.sleep.wakesBuses)`;
  };
}
