import type { Command } from "commander";
import { EXIT } from "../../core/errors.ts";
import { formatDuration } from "../../core/quantity.ts";
import { type ShownTrip, vehicleTrips } from "../../local-api/vehicle-schema.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { runningAgent } from "../running-agent.ts";
import { alignColumns } from "../text.ts";

/** `causeway vehicle trips`. */
export function registerVehicleTrips(vehicle: Command, context: CliContext): void {
  vehicle
    .command("trips")
    .description("the newest trips that have ended, newest first; 2 when there is none")
    .addHelpText("after", "\nWith --json one object a trip.\n\nExample:\n  causeway vehicle trips")
    .action(() => list(context));
}

async function list(context: CliContext): Promise<void> {
  const { trips } = (await (await runningAgent(context)).ask(vehicleTrips, {})).answer;
  if (trips.length === 0) context.finish(EXIT.nothingToDo);
  if (context.options().json) {
    for (const trip of trips) printJson(context, { schemaVersion: 1, ...trip });
    return;
  }
  if (trips.length === 0) note(context, "no trip has ended");
  else
    for (const line of alignColumns([["trip", "began", "took", "km", ""], ...trips.map(rowOf)]))
      printLine(context, line);
}

function rowOf({ trip, beganUs, lastedMs, distanceKm, isInterrupted }: ShownTrip): readonly string[] {
  return [
    String(trip),
    new Date(beganUs / 1000).toISOString().slice(0, 19).concat("Z"),
    lastedMs === undefined ? "?" : formatDuration(lastedMs),
    distanceKm === undefined ? "?" : distanceKm.toFixed(1),
    isInterrupted ? "interrupted: nobody saw its end" : "",
  ];
}
