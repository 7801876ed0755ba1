import { AgentError } from "../core/errors.ts";
import type { LatestSignals } from "../signals/latest-signals.ts";
import type { SignalEntry } from "../signals/signal-entry.ts";
import { LOCATION_BUS } from "../telemetry/campaigns/plan/position-signals.ts";

/** SAE J1939-71: 917 high resolution total vehicle distance, 245 total vehicle distance. */
const SPNS = [917, 245];
/** km in one of it. */
const UNITS: Readonly<Record<string, number>> = { km: 1, m: 0.001, mi: 1.609344, miles: 1.609344 };

/**
 * Gives how far the vehicle has gone, km, by the signal of that name; without a name by the one that has an SPN of it, or is the odometer of
 * OBD-II (PID A6), or the way by position (place.odometer), in a unit of length. Undefined while it is not known. The signal is decoded from now on, but not asked for.
 * Throws `config.invalid` when there is no signal of that name; `setting` is where the configuration has it.
 */
export function odometerOf(
  signals: Pick<LatestSignals, "find" | "matching" | "hold" | "read">,
  name: string | undefined,
  setting: string,
): () => number | undefined {
  const signal = name === undefined ? foundIn(signals.matching([])) : namedBy(signals.find(name), setting);
  if (signal === undefined) return () => undefined;
  signals.hold("odometer", [signal]);
  const kmEach = UNITS[signal.unit] ?? 1;
  return () => {
    const reading = signals.read(signal);
    const km = reading === undefined ? Number.NaN : Number(reading.value) * kmEach;
    return Number.isFinite(km) ? km : undefined;
  };
}

function namedBy(found: ReturnType<LatestSignals["find"]>, setting: string): SignalEntry {
  if (found.kind === "signal") return found.signal;
  throw new AgentError("config.invalid", {
    what: `${setting}: ${found.problem}`,
    remedy: "name a signal of the DBC files of the configuration",
  });
}

function foundIn(all: readonly SignalEntry[]): SignalEntry | undefined {
  const fit = all.filter(({ unit }) => unit in UNITS);
  const bySpn = SPNS.map((spn) => fit.find((signal) => signal.spn === spn)).find((signal) => signal !== undefined);
  const named = fit.filter(({ name }) => name === "odometer");
  const byPid = named.find(({ message }) => message.startsWith("obd."));
  return bySpn ?? byPid ?? named.find(({ bus }) => bus === LOCATION_BUS);
}
