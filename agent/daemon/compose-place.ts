import type { PlaceConfig, PositionSourceConfig } from "../../config/place.ts";
import { lineSocket } from "../../drivers/gnss/line-socket.ts";
import { serialLines } from "../../drivers/gnss/serial-lines.ts";
import type { Clock } from "../core/clock.ts";
import { placeHandlers } from "../local-api/place-handlers.ts";
import type { PlaceStatus } from "../local-api/place-status.ts";
import type { BusSink } from "../ports/can-bus.ts";
import type { MessageEntry, SignalEntry } from "../signals/signal-entry.ts";
import type { FoundSignal } from "../signals/signal-names.ts";
import type { WantedSignals } from "../signals/wanted-signals.ts";
import { LOCATION_BUS } from "../telemetry/campaigns/plan/position-signals.ts";
import { GpsdSource } from "../vehicle/place/gpsd-source.ts";
import { HiddenFrames } from "../vehicle/place/hidden-frames.ts";
import { LocationSignals } from "../vehicle/place/location-signals.ts";
import { tellsOfPlace } from "../vehicle/place/location-table.ts";
import { NmeaSource } from "../vehicle/place/nmea-source.ts";
import { isToldExactly, type PlacePrivacy, placeGate } from "../vehicle/place/place-gate.ts";
import { PositionBuses } from "../vehicle/place/position-buses.ts";
import { PositionFrames } from "../vehicle/place/position-frames.ts";
import type { PositionSource } from "../vehicle/place/position-source.ts";
import { PrivacyRules } from "../vehicle/place/privacy-rules.ts";
import { type PositionSignals, SignalsSource } from "../vehicle/place/signals-source.ts";
import { Whereabouts } from "../vehicle/place/whereabouts.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import { positionSignals, signalsOfSource } from "./configuration/position-signals.ts";
import type { DataLine, Place, Runtime } from "./parts.ts";

/** How late it may be known that positions stay in the vehicle, where nothing else asks, ms. */
const LOOK_MS = 500;

/** Longest line of gpsd's JSON, bytes: its own buffer (GPS_JSON_RESPONSE_MAX is 10 KiB in gpsd 3.22), with room. */
const GPSD_LINE_BYTES = 16_384;

/** The standard has 82, and receivers that tell more digits or have tag blocks go beyond it. */
const NMEA_LINE_BYTES = 256;

export type PlaceParts = {
  readonly settings: PlaceConfig;
  readonly loaded: Pick<DaemonConfig, "locate"> & {
    readonly checkedTable: Pick<DaemonConfig["checkedTable"], "table" | "sources">;
    readonly config: Pick<DaemonConfig["config"], "commands" | "place">;
  };
  readonly line: Pick<DataLine, "position" | "vehicle"> & {
    readonly pipeline: Pick<DataLine["pipeline"], "takePdu" | "forgetLatest">;
  };
  readonly wanted: Pick<WantedSignals, "hold">;
};

/** The part of the composition root for where the vehicle is. Throws `config.invalid` for a signal that there is not. */
export function composePlace(parts: PlaceParts, runtime: Pick<Runtime, "clock" | "log" | "random">): Place {
  const { settings, loaded, line } = parts;
  const { table } = loaded.checkedTable;
  const { clock, log } = runtime;
  const { pipeline, position } = line;
  const { share, precisionMetres } = settings.privacy;
  // What was told last is not told again: neither to who asks for it nor in a snapshot.
  const saying = messagesOfPlace(loaded);
  const rules = new PrivacyRules(() => pipeline.forgetLatest(saying));
  rules.add(() => share);
  const privacy = { isShared: () => rules.isShared(), precisionMetres: () => precisionMetres };
  const signals = new LocationSignals(table, (message, bytes, timeUs) => pipeline.takePdu(message, bytes, timeUs));
  const frames = framesOf(parts);
  const whereabouts = new Whereabouts({
    sources: settings.sources.map((source, at) => sourceOf(source, at, { ...parts, frames }, runtime)),
    gate: placeGate(privacy),
    signals,
    settings: {
      staleMs: settings.staleSeconds * 1000,
      returnMs: settings.returnSeconds * 1000,
      everyMs: settings.everyMs,
    },
    clock,
    onState: (source, state, what) => {
      if (state === "up") log.info("place.source-changed", { source, state, what });
      else log.warn("place.source-changed", { source, state, what });
    },
  });
  position.use(() => whereabouts.current());
  let endLooks = (): void => undefined;
  const service = {
    name: "place",
    start: async () => {
      endLooks = clock.every(LOOK_MS, () => void rules.isShared());
      whereabouts.start();
    },
    stop: async () => {
      endLooks();
      await whereabouts.stop();
    },
  };
  const bus = new PositionBuses(frames, hiddenFrames(saying), () => !isToldExactly(privacy));
  const status = (): PlaceStatus => statusOf(whereabouts, { privacy, withheldFrames: bus.withheld() }, clock);
  const besides = (name: string, sink: BusSink): BusSink => bus.besides(name, sink);
  return { whereabouts, rules, signals, service, status, besides, verbs: placeHandlers(whereabouts, status) };
}

/** What reads positions from frames; undefined where nothing does. */
function framesOf({ settings, loaded, line }: PlaceParts): PositionFrames | undefined {
  const { signals } = line.vehicle;
  const read = settings.sources.flatMap((source, at) => {
    if (source.kind !== "signals") return [];
    const { latitude, longitude, others } = signalsOfSource(source, at, (name) => signals.find(name), loaded);
    return [latitude, longitude, ...others.values()];
  });
  return read.length === 0 ? undefined : new PositionFrames(loaded.checkedTable.sources, read);
}

/** The messages that say where the vehicle is. */
function messagesOfPlace({ checkedTable: { table }, config }: PlaceParts["loaded"]): readonly MessageEntry[] {
  const saying = positionSignals(config, table);
  return table.messages.filter(
    (message) =>
      (message.bus !== LOCATION_BUS || tellsOfPlace(message)) &&
      saying.some(({ index }) => index >= message.firstSignal && index < message.firstSignal + message.signalCount),
  );
}

/** Those of them that come in frames of their own, by bus. */
function hiddenFrames(saying: readonly MessageEntry[]): ReadonlyMap<string, HiddenFrames> {
  const messages = saying.filter(({ carriage }) => carriage === "frames");
  const buses = new Set(messages.map(({ bus }) => bus));
  return new Map([...buses].map((bus) => [bus, new HiddenFrames(messages.filter((message) => message.bus === bus))]));
}

type Told = { readonly privacy: PlacePrivacy; readonly withheldFrames: number | undefined };

function statusOf(whereabouts: Whereabouts, { privacy, withheldFrames }: Told, clock: Clock): PlaceStatus {
  const sources = whereabouts.sources();
  const newest = whereabouts.newest();
  const lastMs = whereabouts.lastFixMs();
  const { mode, satellites, accuracyM } = newest?.fix ?? {};
  const source = sources.find(({ isChosen }) => isChosen)?.name ?? "";
  const ageMs = Math.max(0, clock.boottimeMs() - (newest?.atMs ?? 0));
  return {
    fix: mode === undefined ? undefined : { mode, source, satellites, accuracyM, ageMs },
    lastFixMs: lastMs === undefined ? undefined : clock.boottimeMs() - lastMs,
    isShared: privacy.isShared(),
    precisionMetres: privacy.precisionMetres(),
    withheldFrames,
    sources,
  };
}

function sourceOf(
  source: PositionSourceConfig,
  at: number,
  { settings, loaded, line, wanted, frames }: PlaceParts & { readonly frames: PositionFrames | undefined },
  { clock, random }: Pick<Runtime, "clock" | "random">,
): PositionSource {
  const nmea = { maxLineBytes: NMEA_LINE_BYTES, clock, random };
  switch (source.kind) {
    case "gpsd": {
      const { host, port, socket, receiver: device } = source;
      const address = socket === undefined ? { host, port } : { path: socket };
      const link = lineSocket(address, { ...nmea, maxLineBytes: GPSD_LINE_BYTES });
      return new GpsdSource({ link, device, quietMs: settings.staleSeconds * 1000, clock });
    }
    case "nmea-serial":
      return new NmeaSource({ link: serialLines(source, nmea), clock });
    case "nmea-tcp":
      return new NmeaSource({ link: lineSocket({ host: source.host, port: source.port }, nmea), clock });
    case "signals": {
      const find = (name: string): FoundSignal => line.vehicle.signals.find(name);
      const from = ownEntries(signalsOfSource(source, at, find, loaded), frames);
      const signals = {
        hold: (who: string) => wanted.hold(who, { signals: [], frames: frames?.frames() ?? [] }),
        read: (signal: SignalEntry) => frames?.latest.read(signal),
      };
      return new SignalsSource({ from, signals, maxAgeMs: source.maxAgeMs, clock });
    }
  }
}

/** The same signals as `frames` has them. */
function ownEntries(
  { latitude, longitude, others }: PositionSignals,
  frames: PositionFrames | undefined,
): PositionSignals {
  const own = (signal: SignalEntry): SignalEntry => frames?.entryOf(signal) ?? signal;
  return {
    latitude: own(latitude),
    longitude: own(longitude),
    others: new Map([...others].map(([part, signal]) => [part, own(signal)])),
  };
}
