/** A unit by its place in what it measures: value in the base unit = value * factor + offset. */
type Unit = { readonly name: string; readonly dimension: string; readonly factor: number; readonly offset: number };

/** Units of one dimension: name, factor to the base unit, what DBC files write for it besides, separated by '|', and an offset. */
type Row = readonly [name: string, factor: number, spellings?: string, offset?: number];

/**
 * The units of the COVESA VSS catalogue (spec/units.yaml of releases 4.2 to 6.0) and others that DBC files have. A unit of the catalogue has its
 * name there; the base unit is the one with factor 1. Definitions: The International System of Units, 9th edition; NIST SP 811, appendix B.
 */
const UNITS: Readonly<Record<string, readonly Row[]>> = {
  length: [
    ["mm", 0.001, "millimeter|Unit_MilliMeter"],
    ["cm", 0.01],
    ["m", 1, "meter|metre|meters|Meter|Unit_Meter"],
    ["km", 1000, "kilometer|kilometers|Km|KM|Unit_KiloMeter"],
    ["inch", 0.0254, "in|inches"],
    ["ft", 0.3048, "feet|foot"],
    ["mi", 1609.344, "mile|miles|Miles"],
  ],
  velocity: [
    ["km/h", 1 / 3.6, "kph|KPH|Kph|kmh|km / h|km/hr|KM/H|Km/h|kmph|Unit_KiloMeterPerHour|Unit_KilometerPerHour"],
    ["m/s", 1, "m/sec|meter/sec|Unit_MeterPerSecon"],
    ["mph", 0.44704, "MPH|mi/h|Mph"],
    ["kn", 1852 / 3600, "knot|knots|kt"],
  ],
  acceleration: [
    ["m/s^2", 1, "m/s2|m/s²|m/s/s|m/sec2|m/sec^2|m/(s^2)|m/s**2|Unit_MeterPerSeconSquar"],
    ["cm/s^2", 0.01, "cm/s2"],
    ["g", 9.80665, "G|gravity"],
  ],
  volume: [
    ["ml", 0.001, "mL|Unit_MilliLiter"],
    ["l", 1, "L|liter|liters|litre|Liter|Liters|ltr|Unit_Liter"],
    ["cm^3", 0.001, "cm3|cc|ccm|cm³"],
    ["m^3", 1000, "m3|m³"],
    ["gal", 3.785411784, "gallon|gallons|US gal"],
  ],
  temperature: [
    ["Celsius", 1, "celsius|degC|°C|ºC|℃|C|deg C|Deg C|Degrees C|DegC|degreesC|deg_C|Unit_DegreCelsi"],
    ["Fahrenheit", 5 / 9, "fahrenheit|degF|°F|ºF|F|deg F|Deg F|Degrees F|DegF|deg_F", -160 / 9],
    ["K", 1, "degK|°K|kelvin|Kelvin|DegK", -273.15],
  ],
  angle: [
    ["degrees", 1, "deg|°|º|degree|Deg|DEG|Degree|Degrees|Unit_DegreOfArc"],
    ["rad", 180 / Math.PI, "radian|radians|Rad"],
    ["mrad", 0.18 / Math.PI],
  ],
  rotation: [
    ["degrees/s", 1 / 6, "deg/s|°/s|º/s|deg/sec|Deg/s|degree/s|dps|Unit_DegreOfArcPerSecon"],
    ["rad/s", 30 / Math.PI, "rad/sec"],
    ["rpm", 1, "RPM|Rpm|1/min|U/min|u/min|r/min|R/min|rev/min|min-1|min^-1|/min|upm|Unit_MinutInver"],
  ],
  power: [
    ["W", 1, "watt|watts|Watt|Unit_Watt"],
    ["kW", 1000, "KW|kw|kilowatt"],
    ["PS", 735.49875],
    ["hp", 745.6998715822702, "HP|bhp"],
  ],
  work: [
    ["kWh", 1, "KWh|kwh|kW*h|kW-h"],
    ["Wh", 0.001, "W*h|watt*hour"],
    ["J", 1 / 3_600_000],
    ["kJ", 1 / 3600],
    ["MJ", 1 / 3.6],
  ],
  mass: [
    ["g", 0.001, "gram|grams"],
    ["kg", 1, "Kg|KG|kilogram"],
    ["lbs", 0.45359237, "lb|pound|pounds"],
    ["t", 1000, "ton|tonne"],
  ],
  voltage: [
    ["V", 1, "v|volt|volts|Volt|Volts|Unit_Volt"],
    ["mV", 0.001, "millivolt|Unit_MilliVolt"],
    ["kV", 1000],
  ],
  current: [
    ["A", 1, "amp|amps|Amp|Amps|ampere|Ampere|amperes|Unit_Amper"],
    ["mA", 0.001],
  ],
  charge: [
    ["Ah", 1, "AH|A*h"],
    ["mAh", 0.001],
  ],
  duration: [
    ["ns", 1e-9],
    ["us", 1e-6, "µs|μs|usec"],
    ["ms", 0.001, "msec|millisecond|milliseconds|Unit_MilliSecon"],
    ["s", 1, "sec|Sec|second|seconds|Second|Seconds|Unit_Secon"],
    ["min", 60, "Min|minute|minutes|Minute|Minutes|Unit_Minut"],
    ["h", 3600, "hr|hrs|hour|hours|Hour|Hours|Unit_Hours"],
    ["day", 86_400, "days|Day|Days"],
    ["weeks", 604_800, "week"],
  ],
  months: [
    ["months", 1, "month|Month|Unit_Month"],
    ["years", 12, "year|Year|Years|Unit_Year"],
  ],
  "unix-time": [["unix-time", 1]],
  iso8601: [["iso8601", 1]],
  pressure: [
    ["mbar", 0.1, "mBar|Unit_MilliBar"],
    ["Pa", 0.001],
    ["kPa", 1, "kpa|KPa|KPA|kilopascal"],
    ["psi", 6.894757293168361, "PSI|Psi"],
    ["hPa", 0.1],
    ["bar", 100, "Bar|BAR|bars|Unit_Bar"],
    ["MPa", 1000],
  ],
  rating: [["stars", 1]],
  "mass per time": [
    ["g/s", 1, "g/sec"],
    ["kg/h", 1 / 3.6, "kg/hr"],
  ],
  "mass per distance": [["g/km", 1]],
  "energy per distance": [
    ["kWh/100km", 1, "kWh/100 km"],
    ["Wh/km", 0.1, "watt*hour/km"],
  ],
  "volume per distance": [
    ["ml/100km", 0.001, "ml/100 km"],
    ["l/100km", 1, "L/100km|l/100 km|L/100 km"],
  ],
  "distance per volume": [
    ["km/l", 1, "km/L"],
    ["mpg-us", 1.609344 / 3.785411784],
    ["mpg-uk", 1.609344 / 4.54609],
  ],
  // Of which gallon release 4.2 does not say.
  mpg: [["mpg", 1, "MPG"]],
  mpge: [["mpge", 1, "MPGe"]],
  "volume per time": [["l/h", 1, "L/h|l/hr|L/hr"]],
  "height per time": [["mm/h", 1, "mm/hr"]],
  force: [
    ["N", 1, "newton"],
    ["kN", 1000],
  ],
  torque: [
    ["Nm", 1, "NM|N.m|N*m|N-m|N m|N·m|Newton-meter|Unit_NewtoMeter"],
    ["cNm", 0.01, "Unit_centiNewtoMeter"],
    ["lb-ft", 0.3048 * 4.4482216152605, "lbft|ft-lb|ft-lbs|lb*ft"],
  ],
  frequency: [
    ["Hz", 1, "hz|HZ|1/s"],
    ["kHz", 1000],
    ["cpm", 1 / 60],
    ["bpm", 1 / 60],
  ],
  ratio: [
    ["ratio", 1],
    ["percent", 0.01, "%|Percent|pct|Pct|per cent|Unit_PerCent"],
    ["permille", 0.001, "‰"],
  ],
  "ratio of length": [["nm/km", 1]],
  level: [["dBm", 1]],
  gain: [["dB", 1]],
  resistance: [
    ["Ohm", 1, "ohm|ohms|Ω|Ω|Unit_Ohm"],
    ["mOhm", 0.001],
    ["kOhm", 1000],
  ],
  illuminance: [["lx", 1, "lux|Lux"]],
};

/** What DBC files write where a value has no unit. */
const NO_UNIT: ReadonlySet<string> = new Set(
  ["", "-", "--", "1", "SED", "unitless", "Unitless", "none", "None", "N/A", "n/a", "NA", "Unit_None", "counts"].concat(
    ["Counts", "count", "Number", "bool", "enum", "yes/no", "Binary", "binary", "on/off"],
  ),
);

/** Units by what is written; several where the same is written for two, as g for gram and for gravity. */
const BY_SPELLING: ReadonlyMap<string, readonly Unit[]> = bySpelling();

function bySpelling(): ReadonlyMap<string, readonly Unit[]> {
  const units = new Map<string, Unit[]>();
  for (const [dimension, rows] of Object.entries(UNITS)) {
    for (const [name, factor, spellings, offset = 0] of rows) {
      for (const spelling of new Set([name, ...(spellings?.split("|") ?? [])])) {
        units.set(spelling, [...(units.get(spelling) ?? []), { name, dimension, factor, offset }]);
      }
    }
  }
  return units;
}

/** How values in one unit become values in another: value * factor + offset. */
export type Conversion =
  | { readonly kind: "linear"; readonly factor: number; readonly offset: number }
  /** One of the two has no unit: values are taken as they are. */
  | { readonly kind: "unitless" }
  /** `unit` is none that is known, so that nothing can be said of it. */
  | { readonly kind: "unknown"; readonly unit: string }
  /** They measure two things. */
  | { readonly kind: "unlike"; readonly from: string; readonly to: string };

/** How values in the unit `from`, as DBC files write it, become values in the unit `to` of a VSS catalogue. Upper and lower case differ. */
export function conversionOf(from: string, to: string): Conversion {
  const given = from.trim();
  if (given === to) return { kind: "linear", factor: 1, offset: 0 };
  if (to === "" || (NO_UNIT.has(given) && to !== "ratio")) return { kind: "unitless" };
  const sources = BY_SPELLING.get(given === "1" ? "ratio" : given);
  const targets = BY_SPELLING.get(to);
  if (sources === undefined) return NO_UNIT.has(given) ? { kind: "unitless" } : { kind: "unknown", unit: given };
  if (targets === undefined) return { kind: "unknown", unit: to };
  for (const target of targets) {
    const source = sources.find(({ dimension }) => dimension === target.dimension);
    if (source !== undefined) return { kind: "linear", ...between(source, target) };
  }
  return { kind: "unlike", from: sources[0].dimension, to: targets[0].dimension };
}

/** The last digits of a quotient are those of float64, not of the definition: 1.609344 and not 1.6093440000000002. */
function between(source: Unit, target: Unit): { readonly factor: number; readonly offset: number } {
  const exact = (value: number): number => Number(value.toPrecision(15));
  return {
    factor: exact(source.factor / target.factor),
    offset: exact((source.offset - target.offset) / target.factor) + 0,
  };
}

/** What a release of the catalogue calls temperatures: the names changed in 6.0, and say nothing else. */
const TEMPERATURES: ReadonlyMap<string, readonly [before6: string, from6: string]> = new Map([
  ["Celsius", ["celsius", "Celsius"]],
  ["Fahrenheit", ["fahrenheit", "Fahrenheit"]],
]);

/** The name that `release` has for a unit, however a person wrote it; undefined for one that is not known. */
export function unitNameIn(release: string, written: string): string | undefined {
  const name = BY_SPELLING.get(written.trim())?.[0].name;
  const names = name === undefined ? undefined : TEMPERATURES.get(name);
  return names === undefined ? name : names[Number.parseInt(release, 10) < 6 ? 0 : 1];
}
