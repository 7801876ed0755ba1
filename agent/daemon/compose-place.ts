import type { PlaceConfig, PositionSourceConfig } from "../../config/place.ts";
import { lineSocket } from "../../drivers/gnss/line-socket.ts";
import { serialLines } from "../../drivers/gnss/serial-lines.ts";
import type { Clock } from "../core/clock.ts";
import { placeHandlers } from "../local-api/place-handlers.ts";
import type { PlaceStatus } from "../local-api/place-status.ts";
import { GpsdSource } from "../vehicle/place/gpsd-source.ts";
import { LocationSignals } from "../vehicle/place/location-signals.ts";
import { NmeaSource } from "../vehicle/place/nmea-source.ts";
import { placeGate } from "../vehicle/place/place-gate.ts";
import type { PositionSource } from "../vehicle/place/position-source.ts";
import { SignalsSource } from "../vehicle/place/signals-source.ts";
import { Whereabouts } from "../vehicle/place/whereabouts.ts";
import type { DaemonConfig } from "./configuration/layered-config.ts";
import { signalsOfSource } from "./configuration/position-signals.ts";
import type { DataLine, Place, Runtime } from "./parts.ts";

/** Longest line of gpsd's JSON, bytes: its own buffer (GPS_JSON_RESPONSE_MAX is 10 KiB in gpsd 3.22), with room. */
const GPSD_LINE_BYTES = 16_384;

/** The standard has 82, and receivers that tell more digits or have tag blocks go beyond it. */
const NMEA_LINE_BYTES = 256;

export type PlaceParts = {
  readonly settings: PlaceConfig;
  readonly loaded: DaemonConfig;
  readonly line: Pick<DataLine, "pipeline" | "position" | "vehicle">;
};

/** The part of the composition root for where the vehicle is. Throws `config.invalid` for a signal that there is not. */
export function composePlace(parts: PlaceParts, runtime: Runtime): Place {
  const { settings, loaded, line } = parts;
  const { table } = loaded.checkedTable;
  const { clock, log } = runtime;
  const { pipeline, position } = line;
  const { share, precisionMetres } = settings.privacy;
  const whereabouts = new Whereabouts({
    sources: settings.sources.map((source, at) => sourceOf(source, at, parts, runtime)),
    gate: placeGate({ isShared: () => share, precisionMetres: () => precisionMetres }),
    signals: new LocationSignals(table, (message, bytes, timeUs) => pipeline.takePdu(message, bytes, timeUs)),
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
  const service = {
    name: "place",
    start: async () => whereabouts.start(),
    stop: () => whereabouts.stop(),
  };
  const status = (): PlaceStatus => statusOf(whereabouts, settings, clock);
  return { whereabouts, service, status, verbs: placeHandlers(whereabouts, status) };
}

function statusOf(whereabouts: Whereabouts, { privacy }: PlaceConfig, clock: Clock): PlaceStatus {
  const sources = whereabouts.sources();
  const newest = whereabouts.newest();
  const lastMs = whereabouts.lastFixMs();
  const { mode, satellites, accuracyM } = newest?.fix ?? {};
  const source = sources.find(({ isChosen }) => isChosen)?.name ?? "";
  const ageMs = Math.max(0, clock.monotonicMs() - (newest?.atMs ?? 0));
  return {
    fix: mode === undefined ? undefined : { mode, source, satellites, accuracyM, ageMs },
    lastFixMs: lastMs === undefined ? undefined : clock.monotonicMs() - lastMs,
    isShared: privacy.share,
    precisionMetres: privacy.precisionMetres,
    sources,
  };
}

function sourceOf(
  source: PositionSourceConfig,
  at: number,
  { settings, loaded, line }: PlaceParts,
  { clock, random }: Runtime,
): PositionSource {
  const nmea = { maxLineBytes: NMEA_LINE_BYTES, clock, random };
  switch (source.kind) {
    case "gpsd": {
      const { host, port, socket, device } = source;
      const address = socket === undefined ? { host, port } : { path: socket };
      const link = lineSocket(address, { ...nmea, maxLineBytes: GPSD_LINE_BYTES });
      return new GpsdSource({ link, device, quietMs: settings.staleSeconds * 1000, clock });
    }
    case "nmea-serial":
      return new NmeaSource({ link: serialLines(source, nmea), clock });
    case "nmea-tcp":
      return new NmeaSource({ link: lineSocket({ host: source.host, port: source.port }, nmea), clock });
    case "signals": {
      const { signals } = line.vehicle;
      const from = signalsOfSource(source, at, (name) => signals.find(name), loaded);
      return new SignalsSource({ from, signals, maxAgeMs: source.maxAgeMs, clock });
    }
  }
}
