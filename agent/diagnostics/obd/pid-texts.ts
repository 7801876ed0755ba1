import { type ValueTexts, valueTexts } from "../../signals/value-texts.ts";

/** Texts from `first` on, one a value, "|" between them; an empty one is none. */
function textsFrom(first: number, words: string): ValueTexts | undefined {
  const pairs = words.split("|").map((text, index) => [first + index, text] as const);
  return valueTexts(pairs.filter(([, text]) => text !== ""));
}

/** A bit that says yes with 1. */
export const NO_YES = textsFrom(0, "no|yes");
/** A lamp, an output. */
export const OFF_ON = textsFrom(0, "off|on");
/** Readiness: 0 is complete (python-OBD decoders.py, `status`; OBDb unit "yesno"). */
export const COMPLETE = textsFrom(0, "complete|not complete");
/** PID 01 and 41, B3. */
export const IGNITION = textsFrom(0, "spark|compression");

/** PID 03 (OBDb; python-OBD has the first five). */
export const FUEL_SYSTEM = valueTexts([
  [0, "off"],
  [1, "open loop, engine cold"],
  [2, "closed loop"],
  [4, "open loop, load or overrun"],
  [8, "open loop, failure"],
  [16, "closed loop, sensor fault"],
  [32, "open loop, bank 2 cold"],
  [64, "open loop, bank 2 load or overrun"],
  [128, "open loop, bank 2 failure"],
]);

/** PID 12 (python-OBD). */
export const SECONDARY_AIR = valueTexts([
  [1, "upstream"],
  [2, "downstream of catalyst"],
  [4, "from outside or off"],
  [8, "on for diagnostics"],
]);

/** PID 1C (OBDb). */
export const OBD_STANDARDS = textsFrom(
  1,
  "OBD II|OBD|OBD and OBD II|OBD I|no OBD|EOBD|EOBD and OBD II|EOBD and OBD|EOBD, OBD, OBD II|JOBD|JOBD and OBD II|JOBD and EOBD" +
    "|JOBD, EOBD, OBD II|EURO IV B1|EURO V B2|EURO C|EMD|EMD+|HD OBD-C|HD OBD|WWH OBD||HD EOBD-I|HD EOBD-I N|HD EOBD-II|HD EOBD-II N" +
    "|HD-ZEV|OBDBr-1|OBDBr-2|KOBD|IOBD-I-BS4|IOBD-II-BS4|HD EOBD-VI|OBD, OBD II and HD OBD|OBDBr-3|MC EOBD-I|MC EOBD-II|MC COBD-I" +
    "|MC TOBD-I|MC JOBD-I|CN-OBD-6|OBDBr-P7|CN-HDOBD-VI|IOBD-I-BS6|IOBD-II-BS6|IHDOBD-BSVI|OBDBr-P8|HD-JOBD-II|HD-KOBD-II|CN-OROBD-IV" +
    "|CARB ACC-II|MC JOBD-II|MC CARB OBD|MC EPA OBD|MC CARB & EPA OBD|HD ZEV CARB ZEP|CARB ACC-II & EPA TIER4|EPA TIER4|EPA HD",
);

/** PID 51 (both up to 23; OBDb beyond). */
export const FUEL_TYPES = textsFrom(
  0,
  "not available|gasoline|methanol|ethanol|diesel|LPG|CNG|propane|electric|bifuel gasoline|bifuel methanol|bifuel ethanol|bifuel LPG" +
    "|bifuel CNG|bifuel propane|bifuel electric|bifuel electric and combustion|hybrid gasoline|hybrid ethanol|hybrid diesel" +
    "|hybrid electric|hybrid mixed|hybrid regenerative|bifuel diesel|bifuel natural gas|bifuel diesel (25)|natural gas|diesel and CNG" +
    "|diesel and LNG|hydrogen fuel cell|hydrogen combustion|kerosene|heavy fuel oil",
);

/** PID 5F (OBDb). */
export const EMISSION_REQUIREMENTS = textsFrom(14, "EURO IV B1|EURO V B2|EURO C|EURO VI");
/** PID 70, control of boost pressure (OBDb). */
export const LOOP = textsFrom(1, "open loop|closed loop|fault");
