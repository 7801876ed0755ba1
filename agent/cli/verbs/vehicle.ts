import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { registerVehicleSleep } from "./vehicle-sleep.ts";
import { registerVehicleState } from "./vehicle-state.ts";
import { registerVehicleTrips } from "./vehicle-trips.ts";

/** `causeway vehicle`. */
export function registerVehicle(program: Command, context: CliContext): void {
  const vehicle = program
    .command("vehicle")
    .description("what the vehicle does: its state, its ignition and its trips, and sleep");
  registerVehicleState(vehicle, context);
  registerVehicleTrips(vehicle, context);
  registerVehicleSleep(vehicle, context);
}
