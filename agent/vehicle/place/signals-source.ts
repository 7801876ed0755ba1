import type { Clock } from "../../core/clock.ts";
import type { LatestSignals } from "../../signals/latest-signals.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import { type Fix, isOnGlobe } from "./fix.ts";
import type { PositionSink, PositionSource, SourceCounters } from "./position-source.ts";
import { SourceVoice } from "./source-voice.ts";

/** How often the newest values are looked at: NMEA 2000 has a position ten times a second. */
const LOOK_MS = 100;
const DAY_US = 86_400_000_000;

/** Signals that together are a position. */
export type PositionSignals = {
  readonly latitude: SignalEntry;
  readonly longitude: SignalEntry;
  readonly others: ReadonlyMap<PositionPart, SignalEntry>;
};
export type PositionPart = "altitude" | "speed" | "course" | "accuracy" | "satellites" | "hdop" | "time";

export type SignalsSourceParts = {
  readonly from: PositionSignals;
  /** Decodes them, and has their newest values. */
  readonly signals: Pick<LatestSignals, "hold" | "read">;
  readonly maxAgeMs: number;
  readonly clock: Clock;
};

/** Factors to m/s by unit, as DBC files write it; km/h where they write none, as J1939 and most files have it. */
const SPEED_UNITS = new Map([
  ["m/s", 1],
  ["mps", 1],
  ["kn", 1852 / 3600],
  ["kt", 1852 / 3600],
  ["kts", 1852 / 3600],
  ["knot", 1852 / 3600],
  ["knots", 1852 / 3600],
  ["mph", 0.44704],
]);
const KPH = 1 / 3.6;

/** Positions that control units send, decoded as any signals: SAE J1939 (PGN 65267, 65256), NMEA 2000 (PGN 129025, 129029). */
export class SignalsSource implements PositionSource {
  readonly name = "signals";
  readonly #parts: SignalsSourceParts;
  #fixes = 0;
  #malformed = 0;
  #newestUs = 0;
  #stop = (): void => undefined;

  constructor(parts: SignalsSourceParts) {
    this.#parts = parts;
  }

  start(sink: PositionSink): void {
    const { clock, from, signals } = this.#parts;
    const release = signals.hold("place", [from.latitude, from.longitude, ...from.others.values()]);
    const voice = new SourceVoice(sink);
    const endLooks = clock.every(LOOK_MS, () => this.#look(voice));
    this.#stop = () => {
      endLooks();
      release();
    };
  }

  async stop(): Promise<void> {
    this.#stop();
  }

  counters(): SourceCounters {
    return { fixes: this.#fixes, malformed: this.#malformed };
  }

  #look(voice: SourceVoice): void {
    const { from, signals, clock, maxAgeMs } = this.#parts;
    const [latitude, longitude] = [signals.read(from.latitude), signals.read(from.longitude)];
    const receivedAtUs = Math.min(latitude?.timeUs ?? 0, longitude?.timeUs ?? 0);
    const isOld = Math.abs(clock.wallUs() - receivedAtUs) > maxAgeMs * 1000;
    if (latitude === undefined || longitude === undefined || isOld) {
      voice.say("quiet", "the signals of the position do not come", "is the ignition on? see: causeway signals watch");
      return;
    }
    if (receivedAtUs === this.#newestUs) return;
    this.#newestUs = receivedAtUs;
    voice.say("up", "the signals of the position come");
    const place = { latitude: Number(latitude.value), longitude: Number(longitude.value) };
    if (latitude.state !== undefined || longitude.state !== undefined) return voice.noFix();
    if (!isOnGlobe(place.latitude, place.longitude)) {
      this.#malformed += 1;
      return voice.noFix();
    }
    this.#fixes += 1;
    voice.fix(this.#fixOf(place, receivedAtUs));
  }

  #fixOf(place: Pick<Fix, "latitude" | "longitude">, receivedAtUs: number): Fix {
    const altitudeM = this.#value("altitude", receivedAtUs);
    const satellites = this.#value("satellites", receivedAtUs);
    return {
      ...place,
      mode: altitudeM === undefined ? "2d" : "3d",
      timeUs: timeNear(this.#value("time", receivedAtUs), receivedAtUs),
      receivedAtUs,
      altitudeM,
      speedMps: atLeast0(scaled(this.#value("speed", receivedAtUs), speedFactor(this.#unit("speed")))),
      courseDeg: courseOf(this.#value("course", receivedAtUs), this.#unit("course")),
      accuracyM: atLeast0(this.#value("accuracy", receivedAtUs)),
      satellites: satellites === undefined ? undefined : Math.round(satellites),
      hdop: atLeast0(this.#value("hdop", receivedAtUs)),
    };
  }

  #unit(part: PositionPart): string {
    return this.#parts.from.others.get(part)?.unit.trim().toLowerCase() ?? "";
  }

  #value(part: PositionPart, atUs: number): number | undefined {
    const { from, signals, maxAgeMs } = this.#parts;
    const signal = from.others.get(part);
    const reading = signal === undefined ? undefined : signals.read(signal);
    if (reading === undefined || reading.state !== undefined) return undefined;
    if (Math.abs(atUs - reading.timeUs) > maxAgeMs * 1000) return undefined;
    const value = Number(reading.value);
    return Number.isFinite(value) ? value : undefined;
  }
}

function speedFactor(unit: string): number {
  return SPEED_UNITS.get(unit) ?? KPH;
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

function atLeast0(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 ? value : undefined;
}

function courseOf(value: number | undefined, unit: string): number | undefined {
  const degrees = scaled(value, unit === "rad" ? 180 / Math.PI : 1);
  return degrees === undefined || degrees < 0 || degrees > 360 ? undefined : degrees % 360;
}

/** The moment with these seconds since midnight UTC that is nearest to `nearUs`. */
function timeNear(secondsOfDay: number | undefined, nearUs: number): number | undefined {
  if (secondsOfDay === undefined || secondsOfDay < 0 || secondsOfDay >= 86_401) return undefined;
  const ofDayUs = Math.round(secondsOfDay * 1e6);
  return ofDayUs + Math.round((nearUs - ofDayUs) / DAY_US) * DAY_US;
}
