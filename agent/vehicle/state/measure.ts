import { AgentError } from "../../core/errors.ts";
import type { LatestSignals } from "../../signals/latest-signals.ts";
import type { Energy } from "../../telemetry/record/encode/energy.ts";
import type { Position } from "../../telemetry/record/encode/trigger.ts";
import { odometerOf } from "../odometer.ts";

/** What is noted of the vehicle when its state changes; each undefined while it is not known. */
export type Measure = {
  readonly odometerKm: () => number | undefined;
  readonly energy: () => Energy | undefined;
  /** After all that keeps positions private. */
  readonly position: () => Position | undefined;
};

/**
 * Reads odometer and energy by the signals that `trip` of the configuration names; the odometer is found where it names none. Throws
 * `config.invalid` when there is no signal of a name.
 */
export function measureOf(
  signals: Pick<LatestSignals, "find" | "matching" | "hold" | "read">,
  trip: { readonly odometer?: string | undefined; readonly energy?: string | undefined } | undefined,
  position: Measure["position"],
): Measure {
  return {
    odometerKm: odometerOf(signals, trip?.odometer, "power.trip.odometer"),
    energy: energyOf(signals, trip?.energy),
    position,
  };
}

function energyOf(signals: Pick<LatestSignals, "find" | "hold" | "read">, name: string | undefined): Measure["energy"] {
  if (name === undefined) return () => undefined;
  const found = signals.find(name);
  if (found.kind === "unfit") {
    const remedy = "name a signal of the DBC files of the configuration";
    throw new AgentError("config.invalid", { what: `power.trip.energy: ${found.problem}`, remedy });
  }
  const { signal } = found;
  signals.hold("energy", [signal]);
  return () => {
    const value = Number(signals.read(signal)?.value ?? Number.NaN);
    return Number.isFinite(value) ? { value, unit: signal.unit } : undefined;
  };
}
