import type { PowerConfig } from "../../config/power.ts";
import type { IgnitionSourceConfig, PowerStateConfig } from "../../config/power-state.ts";
import { loadGpioAddon } from "../../drivers/can/gpio-addon.ts";
import { KernelGpioLine } from "../../drivers/os/gpio-line.ts";
import { vehicleHandlers } from "../local-api/vehicle-handlers.ts";
import type { VehicleStatus } from "../local-api/vehicle-status.ts";
import type { Journal } from "../ports/journal.ts";
import { type VehicleEvents, vehicleEvents } from "../vehicle/events/vehicle-events.ts";
import { CommandIgnition } from "../vehicle/state/command-ignition.ts";
import type { IgnitionSource } from "../vehicle/state/ignition.ts";
import { LineIgnition } from "../vehicle/state/line-ignition.ts";
import { type Measure, measureOf } from "../vehicle/state/measure.ts";
import { signalIgnition } from "../vehicle/state/signal-ignition.ts";
import { SilenceIgnition } from "../vehicle/state/silence-ignition.ts";
import { StateBook } from "../vehicle/state/state-book.ts";
import { VehicleStateLine } from "../vehicle/state/state-line.ts";
import { keptCount } from "./code-records.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import { conditionAt } from "./configuration/vehicle-condition.ts";
import { openKept } from "./open-kept.ts";
import type { DataLine, RecordSinks, Runtime, VehicleLine } from "./parts.ts";
import { TRIP_NUMBER_KEY, VEHICLE_NUMBER_KEY } from "./vehicle-records.ts";

export type VehicleStateComposeParts = {
  readonly settings: PowerStateConfig;
  readonly trip: PowerConfig["trip"];
  readonly loaded: Pick<DaemonConfig, "locate">;
  readonly line: Pick<DataLine, "buses" | "vehicle" | "outbox"> & {
    readonly records: Pick<RecordSinks, "vehicle">;
  };
  readonly journal: VehicleJournal;
  /** Where the vehicle is, after all that keeps that private. */
  readonly position: Measure["position"];
};

type VehicleJournal = Pick<Journal, "atomically" | "get" | "list" | "put">;

/** The part of the composition root for the state of the vehicle. Throws `config.invalid` for a condition that cannot be used. */
export function composeVehicleState(
  parts: VehicleStateComposeParts,
  runtime: Pick<Runtime, "clock" | "log" | "bootId">,
): VehicleLine {
  const { clock, log } = runtime;
  const { settings, line } = parts;
  const { onSeconds, offSeconds, silentSeconds } = settings.debounce;
  const { book, events } = openBook(parts, runtime);
  const command = settings.ignition.some(({ from }) => from === "command") ? new CommandIgnition(clock) : undefined;
  const sources = settings.ignition.map((source, index) => sourceOf(source, index, command, parts, runtime));
  const states = new VehicleStateLine({
    sources,
    settings: {
      debounce: { onMs: onSeconds * 1000, offMs: offSeconds * 1000, silentMs: silentSeconds * 1000 },
      asleepAfterMs: settings.asleepAfterSeconds * 1000,
    },
    book,
    clock,
    log,
  });
  line.vehicle.facts.use(() => ({
    state: states.now().state,
    trip: states.trip()?.number ?? 0,
    isIgnitionOn: states.isIgnitionOn(),
  }));
  const service = { name: "vehicle state", start: () => states.start(), stop: () => states.stop() };
  const status = (): VehicleStatus => statusOf(states, book, clock);
  const verbs = vehicleHandlers({ status, sources, command, trips: () => book.trips, log });
  return { states, events, noteTrip: () => states.note(), services: [service], verbs, status };
}

function statusOf(states: VehicleStateLine, book: StateBook, clock: Runtime["clock"]): VehicleStatus {
  const { state, why } = states.now();
  const trip = states.trip();
  const forMs = Math.max(0, clock.boottimeMs() - book.enteredMs);
  return {
    state,
    why,
    forMs,
    isIgnitionOn: states.isIgnitionOn(),
    // A trip lasts as long as its state.
    trip: trip === undefined ? undefined : { number: trip.number, forMs },
    asleepSoonInMs: states.asleepSoonInMs(),
    unkept: book.unkept,
  };
}

/** Without a journal that can be read, states and trips are kept in memory. */
function openBook(
  { trip, line, journal, position }: VehicleStateComposeParts,
  { clock, log, bootId }: Pick<Runtime, "clock" | "log" | "bootId">,
): { readonly book: StateBook; readonly events: VehicleEvents } {
  const kept = line.outbox.kept();
  const measure = measureOf(line.vehicle.signals, trip, position);
  const bookOf = (store: VehicleJournal) => {
    const storedNumber = keptCount(kept, VEHICLE_NUMBER_KEY);
    const events = vehicleEvents({ journal: store, sink: line.records.vehicle, storedNumber });
    const storedTrip = keptCount(kept, TRIP_NUMBER_KEY);
    const book = new StateBook({ journal: store, events, storedTrip, measure, bootId, clock, log });
    return { book, events };
  };
  return openKept((standIn) => bookOf(standIn ?? journal), "vehicle.not-kept", log);
}

function sourceOf(
  source: IgnitionSourceConfig,
  index: number,
  command: CommandIgnition | undefined,
  { loaded, line }: VehicleStateComposeParts,
  { clock, log }: Pick<Runtime, "clock" | "log">,
): IgnitionSource {
  switch (source.from) {
    case "signals":
      return signalIgnition(
        conditionAt(["power", "state", "ignition", index, "condition"], source.condition, loaded, line.vehicle),
      );
    case "bus-silence":
      return silenceOf(source.buses, source.seconds, line);
    case "gpio":
      return new LineIgnition(new KernelGpioLine({ settings: source, load: loadGpioAddon, clock }), log);
    case "command":
      return command ?? new CommandIgnition(clock);
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
