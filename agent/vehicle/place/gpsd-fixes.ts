import { type Fix, isOnGlobe } from "./fix.ts";
import type { GpsdSky, GpsdTpv } from "./gpsd-report.ts";

/** How long what gpsd said of the satellites counts for the fixes that follow, µs. */
const SKY_COUNTS_US = 10_000_000;
const MODES = [undefined, undefined, "2d", "3d"] as const;

type Sky = Pick<Fix, "satellites" | "hdop"> & { readonly atUs: number };

/**
 * Makes fixes of gpsd's reports. A receiver may have several TPV of the same moment, each with what one of its sentences said: they are
 * merged by `time`. One receiver at a time counts: another only after the one before has had no fix for `quietUs`.
 */
export class GpsdFixes {
  readonly #device: string | undefined;
  readonly #quietUs: number;
  #epoch: GpsdTpv | undefined;
  #heardUs = Number.NEGATIVE_INFINITY;
  #used: string | undefined;
  #sky: Sky | undefined;

  /** `device`: the receiver that counts; any when absent. */
  constructor(device: string | undefined, quietUs: number) {
    this.#device = device;
    this.#quietUs = quietUs;
  }

  takeSky(sky: GpsdSky, atUs: number): void {
    if (!this.#counts(sky.device, atUs)) return;
    const listed = sky.satellites?.filter(({ used }) => used).length;
    // Several receivers send a SKY for each constellation, or one without satellites to tell the DOP.
    const satellites = sky.uSat ?? listed ?? this.#skyAt(atUs)?.satellites;
    this.#sky = { satellites, hdop: sky.hdop ?? this.#skyAt(atUs)?.hdop, atUs };
  }

  /** "no-fix" where the receiver says so; undefined where the report is of another receiver, or not enough for a fix. */
  takeTpv(tpv: GpsdTpv, receivedAtUs: number): Fix | "no-fix" | undefined {
    if (!this.#counts(tpv.device, receivedAtUs)) return undefined;
    const before = this.#epoch;
    const isSame = before?.time !== undefined && before.time === tpv.time && before.device === tpv.device;
    const epoch = isSame ? merged(before, tpv) : tpv;
    this.#epoch = epoch;
    const mode = MODES[epoch.mode];
    if (mode === undefined) return "no-fix";
    const { lat, lon } = epoch;
    if (lat === undefined || lon === undefined || !isOnGlobe(lat, lon)) return undefined;
    this.#used = tpv.device;
    this.#heardUs = receivedAtUs;
    const { satellites, hdop } = this.#skyAt(receivedAtUs) ?? {};
    return {
      mode,
      timeUs: timeUsOf(epoch.time),
      receivedAtUs,
      latitude: lat,
      longitude: lon,
      altitudeM: mode === "3d" ? (epoch.altMSL ?? epoch.alt) : undefined,
      heightM: mode === "3d" ? epoch.altHAE : undefined,
      speedMps: atLeast0(epoch.speed),
      courseDeg: courseOf(epoch.track),
      accuracyM: accuracyOf(epoch),
      satellites,
      hdop: atLeast0(hdop),
    };
  }

  #counts(device: string | undefined, atUs: number): boolean {
    if (this.#device !== undefined) return device === this.#device;
    return this.#used === device || Math.abs(atUs - this.#heardUs) > this.#quietUs;
  }

  #skyAt(atUs: number): Sky | undefined {
    return this.#sky !== undefined && Math.abs(atUs - this.#sky.atUs) <= SKY_COUNTS_US ? this.#sky : undefined;
  }
}

function merged(before: GpsdTpv, after: GpsdTpv): GpsdTpv {
  return {
    device: after.device,
    mode: after.mode === 0 ? before.mode : after.mode,
    time: after.time,
    lat: after.lat ?? before.lat,
    lon: after.lon ?? before.lon,
    altMSL: after.altMSL ?? before.altMSL,
    altHAE: after.altHAE ?? before.altHAE,
    alt: after.alt ?? before.alt,
    speed: after.speed ?? before.speed,
    track: after.track ?? before.track,
    eph: after.eph ?? before.eph,
    epx: after.epx ?? before.epx,
    epy: after.epy ?? before.epy,
  };
}

function timeUsOf(time: string | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(ms) ? undefined : Math.round(ms * 1000);
}

function accuracyOf({ eph, epx, epy }: GpsdTpv): number | undefined {
  if (eph !== undefined) return atLeast0(eph);
  return epx === undefined || epy === undefined ? undefined : Math.hypot(epx, epy);
}

function atLeast0(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 ? value : undefined;
}

function courseOf(track: number | undefined): number | undefined {
  return track === undefined || track < 0 || track > 360 ? undefined : track % 360;
}
