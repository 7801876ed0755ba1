/** One moment of a track, as a receiver tells it. */
export type TrackPoint = {
  /** ms since the Unix epoch. */
  readonly timeMs: number;
  readonly latitude: number;
  readonly longitude: number;
  readonly altitudeM: number;
  readonly speedMps: number;
  readonly courseDeg: number;
  /** False: the receiver sees no satellites. */
  readonly hasFix?: boolean;
};

const GEOID_M = 47.2;
const METRES_A_DEGREE = 111_195;

/** A sentence with its checksum and CR LF. */
export function sentence(body: string): string {
  let sum = 0;
  for (const letter of body) sum ^= letter.charCodeAt(0);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, "0")}\r\n`;
}

/** RMC, GGA and GSA of one moment, as a receiver with talker GN sends them once a moment. */
export function sentencesOf(point: TrackPoint): string {
  const { timeMs, altitudeM, speedMps, courseDeg, hasFix = true } = point;
  const iso = new Date(timeMs).toISOString();
  const time = `${iso.slice(11, 23).replaceAll(":", "")}`;
  const date = `${iso.slice(8, 10)}${iso.slice(5, 7)}${iso.slice(2, 4)}`;
  if (!hasFix) {
    return [
      sentence(`GNRMC,${time},V,,,,,,,${date},,,N`),
      sentence(`GNGGA,${time},,,,,0,00,99.99,,,,,,`),
      sentence("GNGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99"),
    ].join("");
  }
  const place = placeOf(point);
  const knots = ((speedMps * 3600) / 1852).toFixed(3);
  const altitude = `${altitudeM.toFixed(1)},M,${GEOID_M},M`;
  return [
    sentence(`GNRMC,${time},A,${place},${knots},${courseDeg.toFixed(2)},${date},,,A`),
    sentence(`GNGGA,${time},${place},1,08,1.01,${altitude},,`),
    sentence("GNGSA,A,3,02,05,07,13,15,20,28,30,,,,,1.82,1.01,1.51"),
  ].join("");
}

/** A drive that keeps its speed and turns a little each step; `stepMs` apart. */
export function trackOf({
  points,
  stepMs,
  startMs,
}: {
  readonly points: number;
  readonly stepMs: number;
  readonly startMs: number;
}): readonly TrackPoint[] {
  const speedMps = 13.9;
  const track: TrackPoint[] = [];
  let [latitude, longitude] = [48.3687, 10.8986];
  for (let at = 0; at < points; at++) {
    const courseDeg = (at * 1.5) % 360;
    track.push({ timeMs: startMs + at * stepMs, latitude, longitude, altitudeM: 489 + at / 10, speedMps, courseDeg });
    const metres = (speedMps * stepMs) / 1000;
    const course = (courseDeg * Math.PI) / 180;
    latitude += (metres * Math.cos(course)) / METRES_A_DEGREE;
    longitude += (metres * Math.sin(course)) / (METRES_A_DEGREE * Math.cos((latitude * Math.PI) / 180));
  }
  return track;
}

function placeOf({ latitude, longitude }: TrackPoint): string {
  const lat = `${minutesOf(latitude, 2)},${latitude < 0 ? "S" : "N"}`;
  return `${lat},${minutesOf(longitude, 3)},${longitude < 0 ? "W" : "E"}`;
}

function minutesOf(degrees: number, digits: number): string {
  const ticks = Math.round(Math.abs(degrees) * 60 * 1e6);
  const whole = Math.floor(ticks / 60e6);
  const minutes = ((ticks - whole * 60e6) / 1e6).toFixed(6).padStart(9, "0");
  return `${String(whole).padStart(digits, "0")}${minutes}`;
}
