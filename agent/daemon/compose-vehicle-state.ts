import type { IgnitionSourceConfig, PowerStateConfig } from "../../config/power-state.ts";
import type { IgnitionSource } from "../vehicle/state/ignition.ts";
import { signalIgnition } from "../vehicle/state/signal-ignition.ts";
import { SilenceIgnition } from "../vehicle/state/silence-ignition.ts";
import { VehicleStateLine } from "../vehicle/state/state-line.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import { conditionAt } from "./configuration/vehicle-condition.ts";
import type { DataLine, Runtime, VehicleLine } from "./parts.ts";

export type VehicleStateComposeParts = {
  readonly settings: PowerStateConfig;
  readonly loaded: Pick<DaemonConfig, "locate">;
  readonly line: Pick<DataLine, "buses" | "vehicle">;
};

/** The part of the composition root for the state of the vehicle. Throws `config.invalid` for a condition that cannot be used. */
export function composeVehicleState(
  parts: VehicleStateComposeParts,
  { clock, log }: Pick<Runtime, "clock" | "log">,
): VehicleLine {
  const { settings, line } = parts;
  const { onSeconds, offSeconds, silentSeconds } = settings.debounce;
  const states = new VehicleStateLine({
    sources: settings.ignition.map((source, index) => sourceOf(source, index, parts)),
    settings: {
      debounce: { onMs: onSeconds * 1000, offMs: offSeconds * 1000, silentMs: silentSeconds * 1000 },
      asleepAfterMs: settings.asleepAfterSeconds * 1000,
    },
    clock,
    log,
  });
  line.vehicle.facts.use(() => ({
    state: states.now().state,
    trip: states.trip()?.number ?? 0,
    isIgnitionOn: states.isIgnitionOn(),
  }));
  return { states, services: [{ name: "vehicle state", start: () => states.start(), stop: () => states.stop() }] };
}

function sourceOf(
  source: IgnitionSourceConfig,
  index: number,
  { loaded, line }: VehicleStateComposeParts,
): IgnitionSource {
  switch (source.from) {
    case "signals":
      return signalIgnition(
        conditionAt(["power", "state", "ignition", index, "condition"], source.condition, loaded, line.vehicle),
      );
    case "bus-silence":
      return silenceOf(source.buses, source.seconds, line);
  }
}

function silenceOf(
  named: readonly string[] | undefined,
  seconds: number,
  { buses, vehicle: { clock } }: Pick<DataLine, "buses" | "vehicle">,
): IgnitionSource {
  const heard = buses
    .filter(({ bus }) => named === undefined || named.includes(bus.name))
    .map(({ bus }) => ({ name: bus.name, frames: () => bus.counters().received + (bus.filtered() ?? 0) }));
  return new SilenceIgnition({ buses: heard, silentMs: seconds * 1000, clock });
}
