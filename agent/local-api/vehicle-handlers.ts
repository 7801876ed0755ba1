import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { CommandIgnition } from "../vehicle/state/command-ignition.ts";
import type { IgnitionSource } from "../vehicle/state/ignition.ts";
import type { KeptEnd } from "../vehicle/state/kept-state.ts";
import { vehicleSetState, vehicleState, vehicleTrips } from "./vehicle-schema.ts";
import type { VehicleStatus } from "./vehicle-status.ts";
import type { ServedVerb } from "./verb.ts";

export type VehicleHandlerParts = {
  readonly status: () => VehicleStatus;
  /** In the order of trust. */
  readonly sources: readonly IgnitionSource[];
  /** Undefined where the configuration trusts no command. */
  readonly command: CommandIgnition | undefined;
  /** Oldest first. */
  readonly trips: () => readonly KeptEnd[];
  readonly log: Log;
};

/** What the vehicle does: `vehicle.state`, `vehicle.set-state`, `vehicle.trips`. What is set is logged before it acts. */
export function vehicleHandlers({ status, sources, command, trips, log }: VehicleHandlerParts): readonly ServedVerb[] {
  return [
    vehicleState.answeredBy(() => ({
      schemaVersion: 1,
      ...status(),
      sources: sources.map((source) => {
        const { kind, why } = source.look();
        return { source: source.name, says: kind, why };
      }),
      command: command?.held(),
    })),
    vehicleSetState.answeredBy(({ state, seconds }) => {
      if (command === undefined) {
        const what = "nobody may say what the vehicle does: power.state.ignition of the configuration lists no command";
        throw new AgentError("usage.invalid", { what, remedy: "add - from: command there, where it is to be trusted" });
      }
      log.warn("admin.vehicle-state-set", { state: state ?? "none", seconds });
      if (state === undefined) command.clear();
      else command.set(state, seconds * 1000);
      return { schemaVersion: 1, command: command.held() };
    }),
    vehicleTrips.answeredBy(() => ({
      schemaVersion: 1,
      trips: trips()
        .map(({ trip, beganUs, timeUs, lastedMs, isInterrupted, odometerKm, beganOdometerKm }) => ({
          trip,
          beganUs,
          endedUs: timeUs,
          lastedMs,
          isInterrupted,
          distanceKm:
            odometerKm === undefined || beganOdometerKm === undefined ? undefined : odometerKm - beganOdometerKm,
        }))
        .toReversed(),
    })),
  ];
}
