import type { Clock } from "../core/clock.ts";
import type { Journal } from "../ports/journal.ts";
import type { SecurityEvents } from "../telemetry/security-events.ts";
import type { ClockBook } from "../vehicle/time/clock-book.ts";
import type { CollectingParts, FleetwiseParts } from "./compose-fleetwise.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import { forgetUploads } from "./forget-uploads.ts";
import type {
  CloudLink,
  DataLine,
  DefenderLine,
  Diagnostics,
  FenceLines,
  FilesLine,
  Fleetwise,
  LinkFaultTaker,
  LinkLine,
  MetricsLine,
  Place,
  ProgramsLine,
  RegimeLine,
  Runtime,
  SecurityLine,
  ShadowLine,
  SideLines,
  Sleep,
  TimeLine,
  TunnelLine,
  VehicleLine,
} from "./parts.ts";
import type { RequestIds } from "./request-ids.ts";
import { type SharedBus, sharedSystemBus } from "./system-bus.ts";

export type SideLineParts = {
  readonly loaded: DaemonConfig;
  readonly link: Pick<CloudLink, "broker" | "identities" | "presence">;
  readonly line: DataLine;
  /** What the data line collects with, shared. */
  readonly shared: CollectingParts;
  /** What the drivers let out for diagnostics, by bus. */
  readonly requestIds: ReadonlyMap<string, RequestIds>;
  readonly journal: Journal | undefined;
  /** See `clockBookOf`. */
  readonly book: ClockBook | undefined;
  /** See `securityEventsOf`. */
  readonly events: SecurityEvents | undefined;
};

/** The book of the machine's clock, which every part's clock goes by; undefined where none is kept. */
export async function clockBookOf({ time }: DaemonConfig["config"], clock: Clock): Promise<ClockBook | undefined> {
  if (time === undefined) return undefined;
  const { openClockBook } = await import("./compose-time.ts");
  return openClockBook(time, clock);
}

/** Who takes what happens; undefined where none of it is told. Make it before the link, which has most of it to say. */
export async function securityEventsOf(
  { security }: DaemonConfig["config"],
  clock: Clock,
): Promise<{ readonly events: SecurityEvents; readonly onFault: LinkFaultTaker } | undefined> {
  if (security === undefined) return undefined;
  const { linkFaultsTo, openSecurityEvents } = await import("./compose-security.ts");
  const events = openSecurityEvents(security, clock);
  return { events, onFault: linkFaultsTo(events) };
}

/** The lines beside the data line. Of one that the configuration does not have nothing is loaded. Throws `config.invalid`. */
export async function composeSideLines(parts: SideLineParts, runtime: Runtime): Promise<SideLines> {
  const fleetwise = await fleetwiseOf(parts, runtime);
  const place = await placeOf(parts, runtime);
  const vehicle = await vehicleOf(parts, place, runtime);
  const fences = await fencesOf(parts, { place, vehicle }, runtime);
  const systemBus = sharedSystemBus(runtime);
  const shadows = await shadowsOf(parts, place, runtime);
  const sleep = await sleepOf(parts, { vehicle, systemBus: systemBus.get }, runtime);
  const [links, time] = [await linksOf(parts, systemBus.get, runtime), await timeOf(parts, runtime)];
  const tunnels = await tunnelsOf(parts, { vehicle, sleep, links }, runtime);
  const regime = await regimeOf(parts, { vehicle, sleep }, runtime);
  const diagnostics = await diagnosticsOf(parts, { fleetwise, sleep, regime }, runtime);
  const [security, defender] = [await securityOf(parts, runtime), await defenderOf(parts, runtime)];
  const files = await filesOf(parts, { links, sleep }, runtime);
  const lines = {
    tunnels,
    fleetwise,
    vehicle,
    place,
    fences,
    sleep,
    regime,
    diagnostics,
    links,
    time,
    security,
    defender,
    files,
  };
  const [programs, metrics] = [await programsOf(parts, runtime), await metricsOf(parts, runtime)];
  return { ...lines, shadows, programs, metrics, systemBus: systemBus.service };
}

async function securityOf(
  { loaded, line, journal, events }: SideLineParts,
  runtime: Runtime,
): Promise<SecurityLine | undefined> {
  const { security: settings } = loaded.config;
  if (settings === undefined || events === undefined) return undefined;
  const { composeSecurity } = await import("./compose-security.ts");
  return composeSecurity({ settings, loaded, line, journal, events }, runtime);
}

async function metricsOf(
  { loaded, line: { records } }: SideLineParts,
  runtime: Runtime,
): Promise<MetricsLine | undefined> {
  const { metrics: settings } = loaded.config;
  if (settings === undefined) return undefined;
  const { composeMetrics } = await import("./compose-metrics.ts");
  return composeMetrics({ settings, records }, runtime);
}

async function defenderOf(
  { loaded: { config }, link, journal }: SideLineParts,
  runtime: Runtime,
): Promise<DefenderLine | undefined> {
  const { defender: settings, thingName: thing, bench } = config;
  if (settings === undefined) return undefined;
  const { composeDefender } = await import("./compose-defender.ts");
  return composeDefender({ settings, thing, isBench: bench, link, journal }, runtime);
}

async function filesOf(
  { loaded, link, line, journal }: SideLineParts,
  { links, sleep }: Pick<SideLines, "links" | "sleep">,
  runtime: Runtime,
): Promise<FilesLine | undefined> {
  const { files: settings, stateDir } = loaded.config;
  if (settings === undefined) {
    await forgetUploads({ stateDir, journal, log: runtime.log });
    return undefined;
  }
  if (journal === undefined) return undefined;
  const { composeFiles } = await import("./compose-files.ts");
  const { broker, identities } = link;
  const { inUse: identity } = identities;
  return composeFiles({ settings, loaded, identity, line, broker, links, sleep, journal }, runtime);
}

async function programsOf(
  { loaded: { config }, line, shared }: SideLineParts,
  runtime: Runtime,
): Promise<ProgramsLine | undefined> {
  const { programs: settings, runtimeDir } = config;
  if (settings === undefined) return undefined;
  const { composePrograms } = await import("./compose-programs.ts");
  return composePrograms({ settings, runtimeDir, line, shared }, runtime);
}

async function timeOf({ book, line }: SideLineParts, runtime: Runtime): Promise<TimeLine | undefined> {
  if (book === undefined) return undefined;
  const { composeTime } = await import("./compose-time.ts");
  return composeTime({ book, clockChanges: line.records.clockChanges, steps: line.vehicle.steps }, runtime);
}

async function sleepOf(
  { loaded, line, link: { presence }, journal }: SideLineParts,
  { vehicle, systemBus }: { readonly vehicle: VehicleLine | undefined; readonly systemBus: SharedBus["get"] },
  runtime: Runtime,
): Promise<Sleep | undefined> {
  const settings = loaded.config.power;
  if (settings?.sleep === undefined || journal === undefined) return undefined;
  const { composeSleep } = await import("./compose-sleep.ts");
  const { powerPorts } = await import("./power-ports.ts");
  const { sleep, wake } = settings;
  const ports = await powerPorts({ sleep, wake, runtimeDir: loaded.config.runtimeDir, systemBus }, runtime);
  return composeSleep({ settings, sleep, loaded, line, presence, vehicle, journal, ports }, runtime);
}

async function tunnelsOf(
  { loaded: { config }, link: { broker }, line }: SideLineParts,
  { vehicle, sleep, links }: Pick<SideLines, "vehicle" | "sleep" | "links">,
  runtime: Runtime,
): Promise<TunnelLine | undefined> {
  const { tunnels: settings } = config;
  if (settings === undefined) return undefined;
  const { composeTunnels } = await import("./compose-tunnels.ts");
  return composeTunnels({ settings, config, broker, line, vehicle, sleep, links }, runtime);
}

async function shadowsOf(
  { loaded: { config }, link: { broker }, line: { campaigns } }: SideLineParts,
  place: Place | undefined,
  runtime: Runtime,
): Promise<ShadowLine | undefined> {
  const settings = config.shadows?.state;
  if (settings === undefined) return undefined;
  const { composeShadows } = await import("./compose-shadows.ts");
  return composeShadows({ settings, thing: config.thingName, broker, campaigns, place }, runtime);
}

async function placeOf(
  { loaded, line, shared: { wanted } }: SideLineParts,
  runtime: Runtime,
): Promise<Place | undefined> {
  const { place: settings } = loaded.config;
  if (settings === undefined) return undefined;
  const { composePlace } = await import("./compose-place.ts");
  return composePlace({ settings, loaded, line, wanted }, runtime);
}

async function fleetwiseOf(
  { loaded: { config }, link: { broker }, line, shared }: SideLineParts,
  runtime: Runtime,
): Promise<Fleetwise | undefined> {
  const { fleetwise: settings } = config;
  if (settings === undefined) return undefined;
  const { composeFleetwise } = await import("./compose-fleetwise.ts");
  const isPolled = await polledPids(config);
  return composeFleetwise({ settings, config, broker, line, shared, isPolled }, runtime);
}

/** Which PIDs of OBD-II are polled, by bus; readiness is on each bus where something is. */
async function polledPids({ diagnostics }: DaemonConfig["config"]): Promise<FleetwiseParts["isPolled"]> {
  const buses = (diagnostics?.buses ?? []).filter(({ obd }) => obd !== undefined);
  if (buses.length === 0) return () => false;
  const { ALWAYS_READ, pollRules } = await import("../diagnostics/obd/poll-plan.ts");
  const polled = new Set(
    buses.flatMap(({ bus, obd }) => {
      const pids = pollRules(obd?.signals ?? []).flatMap((rule) => rule.pids);
      return [...ALWAYS_READ, ...pids].map((pid) => `${bus} ${pid}`);
    }),
  );
  return (bus, pid) => polled.has(`${bus} ${pid}`);
}

async function vehicleOf(
  { loaded, line, journal }: SideLineParts,
  place: Place | undefined,
  runtime: Runtime,
): Promise<VehicleLine | undefined> {
  const { power } = loaded.config;
  if (power?.state === undefined || journal === undefined) return undefined;
  const { composeVehicleState } = await import("./compose-vehicle-state.ts");
  const position = (): ReturnType<Place["whereabouts"]["current"]> => place?.whereabouts.current();
  return composeVehicleState({ settings: power.state, trip: power.trip, loaded, line, journal, position }, runtime);
}

async function regimeOf(
  { loaded: { config }, link: { broker }, line }: SideLineParts,
  { vehicle, sleep }: Pick<SideLines, "vehicle" | "sleep">,
  runtime: Runtime,
): Promise<RegimeLine | undefined> {
  const settings = config.power?.states;
  if (settings === undefined || vehicle === undefined) return undefined;
  const { composeRegimes } = await import("./compose-regimes.ts");
  const { keepAliveSeconds: usualKeepAliveSeconds } = config.broker;
  const mayReconnect = (): boolean => sleep?.keeper.staysAwake() ?? true;
  const parts = { settings, states: vehicle.states, line, broker, usualKeepAliveSeconds, mayReconnect };
  return composeRegimes(parts, runtime);
}

async function fencesOf(
  { loaded, line, journal }: SideLineParts,
  { place, vehicle }: { readonly place: Place | undefined; readonly vehicle: VehicleLine | undefined },
  runtime: Runtime,
): Promise<FenceLines | undefined> {
  const { place: settings, power } = loaded.config;
  if (settings === undefined || place === undefined || journal === undefined) return undefined;
  const { composeFences } = await import("./compose-fences.ts");
  return composeFences({ settings, power, loaded, line, place, vehicle, journal }, runtime);
}

async function diagnosticsOf(
  { loaded, line, shared: { wanted }, requestIds, journal }: SideLineParts,
  beside: Pick<SideLines, "fleetwise" | "sleep" | "regime">,
  runtime: Runtime,
): Promise<Diagnostics | undefined> {
  const { diagnostics: settings } = loaded.config;
  if (settings === undefined || journal === undefined) return undefined;
  const { composeDiagnostics } = await import("./compose-diagnostics.ts");
  return composeDiagnostics({ settings, loaded, line, wanted, requestIds, journal, beside }, runtime);
}

async function linksOf(
  parts: SideLineParts,
  systemBus: SharedBus["get"],
  runtime: Runtime,
): Promise<LinkLine | undefined> {
  const { loaded, line, shared } = parts;
  const { link: settings, proxy, broker: towards } = loaded.config;
  if (settings === undefined) return undefined;
  const { composeLinks } = await import("./compose-links.ts");
  const { table } = loaded.checkedTable;
  return composeLinks({ settings, towards: proxy ?? towards, systemBus, line, shared, table }, runtime);
}
