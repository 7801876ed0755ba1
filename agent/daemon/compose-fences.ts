import type { PlaceConfig } from "../../config/place.ts";
import type { AgentError } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import { fencesHandlers } from "../local-api/fences-handlers.ts";
import type { FencesStatus } from "../local-api/fences-status.ts";
import { isJournalFault, type Journal } from "../ports/journal.ts";
import type { Outbox } from "../ports/outbox.ts";
import { KeptChanges } from "../vehicle/events/kept-changes.ts";
import { type VehicleEvents, vehicleEvents } from "../vehicle/events/vehicle-events.ts";
import { FenceBook } from "../vehicle/fences/fence-book.ts";
import { PLACE_SPACE } from "../vehicle/fences/kept-place.ts";
import { PositionOdometer } from "../vehicle/fences/position-odometer.ts";
import { PrivacySwitch } from "../vehicle/fences/privacy-switch.ts";
import { PrivateZone } from "../vehicle/fences/private-zone.ts";
import { odometerOf } from "../vehicle/odometer.ts";
import type { TimedFix, Whereabouts } from "../vehicle/place/whereabouts.ts";
import { keptCount } from "./code-records.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import { conditionAt } from "./configuration/vehicle-condition.ts";
import { openKept } from "./open-kept.ts";
import type { DataLine, FenceLines, Place, RecordSinks, Runtime, VehicleLine } from "./parts.ts";
import { VEHICLE_NUMBER_KEY } from "./vehicle-records.ts";

/** How late the driver's switch may be, ms. */
const LOOK_MS = 500;
/** How often the journal is asked again where it has refused, ms. */
const RETRY_MS = 10_000;

type KeptJournal = Pick<Journal, "atomically" | "get" | "list" | "put" | "status">;

export type FencesComposeParts = {
  readonly settings: PlaceConfig;
  readonly power: DaemonConfig["config"]["power"];
  readonly loaded: Pick<DaemonConfig, "locate">;
  readonly line: Pick<DataLine, "vehicle" | "position"> & {
    readonly outbox: Pick<Outbox, "kept">;
    readonly records: Pick<RecordSinks, "vehicle">;
  };
  readonly place: Pick<Place, "rules" | "signals"> & { readonly whereabouts: Pick<Whereabouts, "onFix"> };
  readonly vehicle: Pick<VehicleLine, "states" | "events"> | undefined;
  readonly journal: KeptJournal;
};

/** The part of the composition root for what follows from the place of the vehicle. Throws `config.invalid`. */
export function composeFences(
  parts: FencesComposeParts,
  runtime: Pick<Runtime, "clock" | "log" | "random">,
): FenceLines {
  return openKept((standIn) => fencesWith(standIn ?? parts.journal, parts, runtime), "place.not-kept", runtime.log);
}

function fencesWith(
  journal: KeptJournal,
  parts: FencesComposeParts,
  { clock, log, random }: Pick<Runtime, "clock" | "log" | "random">,
): FenceLines {
  const { settings, power, loaded, line, place, vehicle } = parts;
  const { whereabouts, rules, signals } = place;
  const { privacy } = settings;
  const events = vehicle?.events ?? ownEvents(journal, line);
  const zones = privacy.zones.map(({ bufferMetres, ...shape }) => new PrivateZone(shape, bufferMetres, random));
  const at = ["place", "privacy", "switch"];
  const condition = privacy.switch === undefined ? undefined : conditionAt(at, privacy.switch, loaded, line.vehicle);
  const kept = new KeptChanges({ journal, space: PLACE_SPACE, events });
  const keeper = new PrivacySwitch({ kept, status: () => journal.status(), condition, wallUs: () => clock.wallUs() });
  const tell = (metres: number, timeUs: number): void => signals.takeOdometer(metres, timeUs);
  const odometer = settings.odometer ? new PositionOdometer({ journal, tell }) : undefined;
  const odometerKm = odometerOf(line.vehicle.signals, power?.trip?.odometer, "power.trip.odometer");
  const about = () => ({
    trip: vehicle?.states.trip()?.number ?? 0,
    odometerKm: odometerKm(),
    position: line.position.current(),
  });
  const book = new FenceBook({ fences: settings.fences, kept, about });
  // After all that throws, so that no zone has a say that gets no fix.
  rules.add(() => !keeper.isPrivate() && !zones.some((zone) => zone.isPrivate(clock.boottimeMs())));
  line.vehicle.facts.useFences(() => book.sides());
  const take = (timed: TimedFix): void => {
    // First, so that what is told of a fence has no position that is private.
    for (const zone of zones) zone.take(timed);
    borne(log, () => odometer?.take(timed));
    borne(log, () => book.take(timed));
  };
  // It was said when it refused.
  const retry = (): void => void faultOf(() => kept.retry());
  const stops: (() => void)[] = [];
  const service: Service = {
    name: "fences",
    start: async () => {
      // Commands may have found since that the journal is not what it was.
      borne(log, () => keeper.noticeLoss());
      const look = (): void => borne(log, () => keeper.look());
      stops.push(whereabouts.onFix(take), clock.every(RETRY_MS, retry));
      if (condition !== undefined) stops.push(clock.every(LOOK_MS, look));
    },
    stop: async () => {
      for (const stop of stops.splice(0)) stop();
      borne(log, () => odometer?.keep(clock.boottimeMs()));
      retry();
    },
  };
  const status = (): FencesStatus => ({
    fences: [...book.sides()].map(([name, side]) => ({ name, side })),
    isPrivate: keeper.isPrivate(),
    odometerMetres: odometer?.metres,
    unkept: kept.unkept,
  });
  return { service, status, verbs: fencesHandlers({ privacy: keeper, status, log }) };
}

/** Without a state of the vehicle nobody else tells of its use. */
function ownEvents(journal: KeptJournal, { outbox, records }: FencesComposeParts["line"]): VehicleEvents {
  const events = vehicleEvents({
    journal,
    sink: records.vehicle,
    storedNumber: keptCount(outbox.kept(), VEHICLE_NUMBER_KEY),
  });
  events.handOver();
  return events;
}

/** A journal that refuses costs what was to be kept, not the rest. */
function borne(log: Runtime["log"], work: () => void): void {
  const fault = faultOf(work);
  if (fault !== undefined) log.warn("place.not-kept", { code: fault.code, what: fault.message });
}

/** The fault of the journal that came out of `work`. */
function faultOf(work: () => void): AgentError | undefined {
  try {
    work();
    return undefined;
  } catch (thrown) {
    if (!isJournalFault(thrown)) throw thrown;
    return thrown;
  }
}
