/** Degrees of a position; both there, or neither. */
type Degrees = { readonly latitude: number; readonly longitude: number };

/** What a sentence says of the fix; absent where its field is empty or makes no sense. */
export type NmeaSentence = {
  /** "RMC", "GGA" ...: what the talker's two letters leave. */
  readonly type: NmeaType;
  /** Of the fix, ms since midnight UTC. */
  readonly timeOfDayMs?: number | undefined;
  /** Midnight UTC of its day, ms since the Unix epoch. */
  readonly dayMs?: number | undefined;
  readonly position?: Degrees | undefined;
  /** Whether the receiver has a fix, where the sentence says that. */
  readonly isValid?: boolean | undefined;
  /** From GSA: whether the fix has an altitude. */
  readonly mode?: "2d" | "3d" | undefined;
  /** Above mean sea level, m; and what the ellipsoid lies below that. */
  readonly altitudeM?: number | undefined;
  readonly geoidM?: number | undefined;
  readonly speedMps?: number | undefined;
  readonly courseDeg?: number | undefined;
  readonly satellites?: number | undefined;
  readonly hdop?: number | undefined;
  readonly accuracyM?: number | undefined;
};

export type NmeaType = "RMC" | "GGA" | "GNS" | "GSA" | "GLL" | "VTG" | "GST" | "ZDA";

const FORM = /^\$([A-Z]{2})([A-Z]{3}),([\x20-\x29\x2b-\x7e]*)\*([0-9A-Fa-f]{2})\s*$/;
const ADDRESS = /^\$[A-Z0-9]{3,10},[\x20-\x29\x2b-\x7e]*\*[0-9A-Fa-f]{2}\s*$/;
const MPS_PER_KNOT = 1852 / 3600;
const MPS_PER_KPH = 1 / 3.6;
/** GGA, field 6: simulated and by hand are no fixes of a receiver. */
const GGA_FIXES = new Set(["1", "2", "3", "4", "5", "6", "9"]);
/** Two-digit years: GPS began in 1980. */
const FIRST_YEAR_OF_1900 = 80;
/** A fix of 95 % has about twice the distance of the standard deviations of latitude and longitude (2DRMS). */
const DEVIATIONS = 2;

type Fields = readonly (string | undefined)[];

const READERS: Readonly<Record<NmeaType, (fields: Fields) => Omit<NmeaSentence, "type">>> = {
  RMC: (f) => ({
    timeOfDayMs: timeOfDayMs(f[0]),
    dayMs: dayMs(f[8]?.slice(0, 2), f[8]?.slice(2, 4), yearOf(f[8]?.slice(4, 6))),
    isValid: f[1] === "A" && isMeasured(f[11]),
    position: position(f[2], f[3], f[4], f[5]),
    speedMps: scaled(f[6], MPS_PER_KNOT),
    courseDeg: course(f[7]),
  }),
  GGA: (f) => ({
    timeOfDayMs: timeOfDayMs(f[0]),
    position: position(f[1], f[2], f[3], f[4]),
    isValid: GGA_FIXES.has(f[5] ?? ""),
    satellites: count(f[6]),
    hdop: dop(f[7]),
    altitudeM: number(f[8]),
    geoidM: number(f[10]),
  }),
  GNS: (f) => ({
    timeOfDayMs: timeOfDayMs(f[0]),
    position: position(f[1], f[2], f[3], f[4]),
    isValid: /[^NMS]/.test(f[5] ?? ""),
    satellites: count(f[6]),
    hdop: dop(f[7]),
    altitudeM: number(f[8]),
    geoidM: number(f[9]),
  }),
  GSA: (f) => ({
    mode: f[1] === "3" ? "3d" : f[1] === "2" ? "2d" : undefined,
    ...(f[1] === "1" && { isValid: false }),
    hdop: dop(f[15]),
  }),
  GLL: (f) => ({
    position: position(f[0], f[1], f[2], f[3]),
    timeOfDayMs: timeOfDayMs(f[4]),
    isValid: f[5] === "A" && isMeasured(f[6]),
  }),
  VTG: (f) => ({ courseDeg: course(f[0]), speedMps: scaled(f[4], MPS_PER_KNOT) ?? scaled(f[6], MPS_PER_KPH) }),
  GST: (f) => ({ timeOfDayMs: timeOfDayMs(f[0]), accuracyM: twiceDeviation(number(f[5]), number(f[6])) }),
  ZDA: (f) => ({ timeOfDayMs: timeOfDayMs(f[0]), dayMs: dayMs(f[1], f[2], number(f[3])) }),
};

/**
 * One line of NMEA 0183, from its last "$" on: what is before that is the rest of a line that was cut. Any talker counts. "other" is a sentence
 * that says nothing of a fix; what has no checksum, or a wrong one, or other bytes than printable ASCII, is malformed.
 *
 * Fields as gpsd's "NMEA Revealed" has them. The position 0, 0 counts for none: receivers send it when they do not know.
 */
export function readNmea(line: string): NmeaSentence | "other" | "malformed" {
  const start = line.lastIndexOf("$");
  const sentence = start < 0 ? "" : line.slice(start);
  const match = FORM.exec(sentence);
  if (match === null) return ADDRESS.test(sentence) && isChecked(sentence) ? "other" : "malformed";
  if (!isChecked(sentence)) return "malformed";
  const [, , type, fields] = match;
  return isType(type) ? { type, ...READERS[type](fields.split(",").map((field) => field.trim())) } : "other";
}

/** XOR of all between "$" and "*". */
function isChecked(sentence: string): boolean {
  const end = sentence.indexOf("*");
  let sum = 0;
  for (let at = 1; at < end; at++) sum ^= sentence.charCodeAt(at);
  return sum === Number.parseInt(sentence.slice(end + 1, end + 3), 16);
}

function isType(type: string): type is NmeaType {
  return Object.hasOwn(READERS, type);
}

/** By the mode letter (NMEA 2.3 and later), which older receivers do not send: not valid, by hand and simulated are no fixes. */
function isMeasured(letter: string | undefined): boolean {
  return letter === undefined || letter === "" || !"NMS".includes(letter);
}

function number(field: string | undefined): number | undefined {
  return field !== undefined && /^[+-]?\d{1,9}(?:\.\d{0,12})?$/.test(field) ? Number(field) : undefined;
}

function scaled(field: string | undefined, factor: number): number | undefined {
  const value = number(field);
  return value === undefined || value < 0 ? undefined : value * factor;
}

function count(field: string | undefined): number | undefined {
  return field !== undefined && /^\d{1,3}$/.test(field) ? Number(field) : undefined;
}

/** 99.99 and the like stand for "not known". */
function dop(field: string | undefined): number | undefined {
  const value = number(field);
  return value === undefined || value <= 0 || value >= 99 ? undefined : value;
}

function course(field: string | undefined): number | undefined {
  const value = number(field);
  return value === undefined || value < 0 || value > 360 ? undefined : value % 360;
}

function twiceDeviation(north: number | undefined, east: number | undefined): number | undefined {
  return north === undefined || east === undefined ? undefined : DEVIATIONS * Math.hypot(north, east);
}

function position(lat: string | undefined, ns: string | undefined, lon: string | undefined, ew: string | undefined) {
  const latitude = degrees(lat, ns, "N", "S", 90);
  const longitude = degrees(lon, ew, "E", "W", 180);
  if (latitude === undefined || longitude === undefined) return undefined;
  return latitude === 0 && longitude === 0 ? undefined : { latitude, longitude };
}

/** "ddmm.mm" and a hemisphere. */
function degrees(
  field: string | undefined,
  side: string | undefined,
  positive: string,
  negative: string,
  most: number,
): number | undefined {
  if (field === undefined || !/^\d{1,5}(?:\.\d{0,12})?$/.test(field)) return undefined;
  if (side !== positive && side !== negative) return undefined;
  const value = Number(field);
  const whole = Math.floor(value / 100);
  const minutes = value - whole * 100;
  const found = whole + minutes / 60;
  if (minutes >= 60 || found > most) return undefined;
  return side === positive || found === 0 ? found : -found;
}

/** "hhmmss.sss"; a leap second counts as the one after it. */
function timeOfDayMs(field: string | undefined): number | undefined {
  const match = field === undefined ? null : /^(\d\d)(\d\d)(\d\d(?:\.\d{0,9})?)$/.exec(field);
  if (match === null) return undefined;
  const [hours, minutes, seconds] = match.slice(1).map(Number);
  if (hours > 23 || minutes > 59 || seconds >= 61) return undefined;
  return Math.round(((hours * 60 + minutes) * 60 + seconds) * 1000);
}

function yearOf(digits: string | undefined): number | undefined {
  const year = count(digits);
  return year === undefined ? undefined : year + (year >= FIRST_YEAR_OF_1900 ? 1900 : 2000);
}

function dayMs(day: string | undefined, month: string | undefined, year: number | undefined): number | undefined {
  const [dayNumber, monthNumber] = [count(day), count(month)];
  if (dayNumber === undefined || monthNumber === undefined || year === undefined) return undefined;
  const ms = Date.UTC(year, monthNumber - 1, dayNumber);
  const date = new Date(ms);
  return date.getUTCMonth() === monthNumber - 1 && date.getUTCDate() === dayNumber ? ms : undefined;
}
